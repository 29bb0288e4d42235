"""Products: whether there are any, whether their keys can be read, and what is to be said of each."""

from service.doctor import product_addresses, product_keys
from service.doctor.findings import Finding, Trouble, found_or_ok, not_checked, ok
from service.doctor.product_addresses import check_product_addresses
from service.doctor.product_keys import check_product_keys
from tenancy.errors import SecretUndecryptable
from tenancy.inspection import looking
from tenancy.products import find_product
from tenancy.sealed_values import list_product_slugs
from tenancy.secrets import Keyring

PRESENT = "products.present"
READABLE = "products.readable"
PRODUCTION_ADDRESS = "products.production_address"
_OF_EACH = (*product_addresses.CHECKS, *product_keys.CHECKS)
CHECKS = (PRESENT, READABLE, PRODUCTION_ADDRESS, *_OF_EACH)

NONE = Trouble(
    check=PRESENT,
    level="hint",
    cause="No product has been put yet.",
    remedy="Put one: PUT /v1/products/… with the keys that the seller center shows.",
)
UNREADABLE = Trouble(
    check=READABLE,
    level="error",
    cause="The product's keys do not open with TENON_ENCRYPTION_KEYS, so that its calls are all refused.",
    remedy="Mend what the keys' findings name; or put the product anew with all its keys.",
)


async def check_products(keyring: Keyring, *, public_url: str) -> list[Finding]:
    """Look at every product.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: the role may not read.
    """
    slugs = await list_product_slugs()
    if not slugs:
        nothing = [ok(check, "There is no product yet.") for check in CHECKS if check != PRESENT]
        return [NONE.found("There is no product."), *nothing]
    products, unreadable = [], []
    async with looking():
        for slug in slugs:
            try:
                product = await find_product(slug, keyring=keyring)
            except SecretUndecryptable:
                unreadable.append(UNREADABLE.found(f"The keys of {slug} cannot be read."))
                continue
            products += [product] if product is not None else []
    addresses = ", ".join(f"{public_url}/koogallery/{slug}" for slug in slugs)
    findings = [
        ok(PRESENT, f"Products: {', '.join(slugs)}."),
        *found_or_ok(READABLE, unreadable, "The keys of all products can be read."),
        ok(PRODUCTION_ADDRESS, f"For the seller center: {addresses}."),
    ]
    if not products:
        return findings + not_checked(_OF_EACH, "no product can be read")
    return [
        *findings,
        *check_product_addresses(products, public_url=public_url),
        *check_product_keys(products),
    ]
