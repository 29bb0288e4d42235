"""The keys of products: for calls, for the secrets of apps and for order queries."""

from collections.abc import Sequence

from service.doctor.findings import Finding, Trouble, found_or_ok
from sso.keys import KeyRefused, load_private_key
from tenancy.products import Product

BASE_KEYS = "products.base_keys"
KIT_KEYS = "products.kit_keys"
RSA_KEYS = "products.rsa_keys"
ORDER_QUERY = "products.order_query"
CHECKS = (BASE_KEYS, KIT_KEYS, RSA_KEYS, ORDER_QUERY)

NO_BASE_KEY = Trouble(
    check=BASE_KEYS,
    level="error",
    cause="The product has no key for purchases, so that every one of them is refused.",
    remedy="Put `base_keys` with the key that the seller center shows for the base interface.",
)
BLANK_BASE_KEY = Trouble(
    check=BASE_KEYS,
    level="warning",
    cause="A key was pasted with a blank or a line break at one of its ends.",
    remedy="Put `base_keys` anew with the key exactly as the seller center shows it.",
)
NO_KIT_KEY = Trouble(
    check=KIT_KEYS,
    level="warning",
    cause="The product has no key for enterprises and members, so that none can be synchronised.",
    remedy="Put `kit_keys` with the key that the seller center shows for the kit.",
)
BLANK_KIT_KEY = Trouble(
    check=KIT_KEYS,
    level="warning",
    cause="A key was pasted with a blank or a line break at one of its ends.",
    remedy="Put `kit_keys` anew with the key exactly as the seller center shows it.",
)
BAD_RSA_KEY = Trouble(
    check=RSA_KEYS,
    level="error",
    cause="There is no RSA key of at least 3072 bit, so that the secrets of apps cannot be read.",
    remedy="Put `rsa_private_keys` with `new`; paste the public key of the answer into the seller center.",
)
NO_ORDER_QUERY = Trouble(
    check=ORDER_QUERY,
    level="hint",
    cause="Without an access key and its secret, orders cannot be asked for at the marketplace.",
    remedy="Put `order_access_key` and `order_secret_key` to have the details of orders filled in.",
)
HALF_ORDER_QUERY = Trouble(
    check=ORDER_QUERY,
    level="warning",
    cause="Only one of `order_access_key` and `order_secret_key` is there, which is of no use.",
    remedy="Put both of them, or neither.",
)


def check_product_keys(products: Sequence[Product]) -> list[Finding]:
    """Look at the keys of products."""
    judges = (
        (BASE_KEYS, _base_keys, "Every product has a key for purchases."),
        (KIT_KEYS, _kit_keys, "Every product has a key for enterprises and members."),
        (RSA_KEYS, _rsa_keys, "Every product has a usable RSA key."),
        (ORDER_QUERY, _order_query, "Orders of every product can be asked for."),
    )
    findings = []
    for check, judge, message in judges:
        troubles = [finding for product in products if (finding := judge(product)) is not None]
        findings += found_or_ok(check, troubles, message)
    return findings


def _base_keys(product: Product) -> Finding | None:
    return _signing_keys(product, product.secrets.base_keys, "purchases", NO_BASE_KEY, BLANK_BASE_KEY)


def _kit_keys(product: Product) -> Finding | None:
    return _signing_keys(product, product.secrets.kit_keys, "the kit", NO_KIT_KEY, BLANK_KIT_KEY)


def _signing_keys(
    product: Product, keys: Sequence[str], purpose: str, none: Trouble, blank: Trouble
) -> Finding | None:
    # The V1 edition signs everything with keys of its own.
    if not keys and not product.secrets.v1_keys:
        return none.found(f"{product.slug} has no key for {purpose}.")
    if any(key != key.strip() for key in keys):
        return blank.found(f"{product.slug} has a key for {purpose} with a blank at its end.")
    return None


def _rsa_keys(product: Product) -> Finding | None:
    try:
        usable = [load_private_key(pem) for pem in product.secrets.rsa_private_keys]
    except KeyRefused as error:
        return BAD_RSA_KEY.found(f"{product.slug}: {error}")
    return None if usable else BAD_RSA_KEY.found(f"{product.slug} has no RSA key.")


def _order_query(product: Product) -> Finding | None:
    given = [bool(product.secrets.order_access_key), bool(product.secrets.order_secret_key)]
    if all(given):
        return None
    if any(given):
        return HALF_ORDER_QUERY.found(f"{product.slug} has one half of what order queries are signed with.")
    return NO_ORDER_QUERY.found(f"Orders of {product.slug} cannot be asked for.")
