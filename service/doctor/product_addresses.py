"""The addresses of products: where buyers find the application, and where people begin to sign in."""

from collections.abc import Sequence

from service.doctor.findings import Finding, Trouble, found_or_ok
from service.doctor.places import is_local
from service.redaction import redact_text
from tenancy.products import Product

FRONT_END_URL = "products.front_end_url"
PORTAL_URL = "products.portal_url"
CHECKS = (FRONT_END_URL, PORTAL_URL)

NO_FRONT_END = Trouble(
    check=FRONT_END_URL,
    level="hint",
    cause="Buyers are told where to find what they bought; without it they are sent to Tenon itself.",
    remedy="Put `front_end_url` with the address of the application.",
)
BAD_FRONT_END = Trouble(
    check=FRONT_END_URL,
    level="warning",
    cause="Buyers are told an address that is not https, or that leads to their own machine.",
    remedy="Put `front_end_url` with the https address of the application.",
)
BAD_PORTAL = Trouble(
    check=PORTAL_URL,
    level="warning",
    cause="Sign-ins are to start at an address that is not https, or that leads to people's own machine.",
    remedy="Put `portal_url` with the https address of the marketplace's portal, or leave it out.",
)


def check_product_addresses(products: Sequence[Product], *, public_url: str) -> list[Finding]:
    """Look at the addresses of products."""
    front_ends = [finding for product in products if (finding := _front_end(product, public_url))]
    portals = [finding for product in products if (finding := _portal(product, public_url))]
    return [
        *found_or_ok(FRONT_END_URL, front_ends, "Every product says where its application is."),
        *found_or_ok(PORTAL_URL, portals, "Sign-ins start where people can follow."),
    ]


def _front_end(product: Product, public_url: str) -> Finding | None:
    url = product.settings.front_end_url
    if url is None:
        return NO_FRONT_END.found(f"{product.slug} has no front-end address.")
    if _leads_people(url, public_url):
        return None
    return BAD_FRONT_END.found(f"{product.slug}: {redact_text(url)}.")


def _portal(product: Product, public_url: str) -> Finding | None:
    url = product.settings.portal_url
    if url is None or _leads_people(url, public_url):
        return None
    return BAD_PORTAL.found(f"{product.slug}: {redact_text(url)}.")


def _leads_people(url: str, public_url: str) -> bool:
    """Whether people can follow it; where Tenon itself is of this machine only, so may be the others."""
    if is_local(url):
        return is_local(public_url)
    return url.startswith("https:")
