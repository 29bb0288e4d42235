"""A product as an operator puts it, and how its keys merge with those that are there."""

import hashlib
from typing import Annotated, Literal

import msgspec

from sso.keys import KeyRefused, fingerprint, load_private_key
from tenancy.errors import Invalid
from tenancy.products import ProductSecrets

Key = Annotated[str, msgspec.Meta(min_length=8, max_length=512)]
Url = Annotated[str, msgspec.Meta(max_length=512, pattern="^https?://")]

MADE_KEY = "new"

_KEY_LISTS = ("base_keys", "kit_keys", "v1_keys")


class PrivateKeyRefused(Invalid):
    """An RSA private key cannot be used."""


class ProductInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as an operator puts it; an absent secret stays as it is, an empty list removes it.

    In a list of keys the fingerprint of a key that the product has keeps that key. Among RSA keys `new` makes
    one (3072 bit), and so does putting none.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    base_keys: tuple[Key, ...] | msgspec.UnsetType = msgspec.UNSET
    kit_keys: tuple[Key, ...] | msgspec.UnsetType = msgspec.UNSET
    v1_keys: tuple[Key, ...] | msgspec.UnsetType = msgspec.UNSET
    rsa_private_keys: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    order_access_key: str | msgspec.UnsetType | None = msgspec.UNSET
    order_secret_key: str | msgspec.UnsetType | None = msgspec.UNSET
    front_end_url: Url | None = None
    admin_url: Url | None = None
    memo: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    provisioning: Literal["immediate", "confirmed"] = "immediate"
    v1_utc_offset_hours: Annotated[int, msgspec.Meta(ge=-12, le=14)] = 8
    order_query_url: Url | None = None
    portal_url: Url | None = None


def key_fingerprint(key: str) -> str:
    """Tell a signing key from another without showing it; 16 hex digits."""
    return hashlib.sha256(b"tenon key fingerprint\0" + key.encode()).hexdigest()[:16]


def merge_secrets(data: ProductInput, kept: ProductSecrets, spare_rsa_key: str | None) -> ProductSecrets:
    """What becomes of the secrets that are there.

    Raises:
        PrivateKeyRefused: an RSA key is neither a usable key nor the fingerprint of one that is there.
    """
    given = {
        name: value
        for name in ProductSecrets.__struct_fields__
        if (value := getattr(data, name)) is not msgspec.UNSET
    }
    for name in _KEY_LISTS:
        if name in given:
            known = {key_fingerprint(key): key for key in getattr(kept, name)}
            given[name] = tuple(known.get(key, key) for key in given[name])
    if "rsa_private_keys" in given:
        known = {fingerprint(load_private_key(pem)): pem for pem in kept.rsa_private_keys}
        known |= {MADE_KEY: spare_rsa_key} if spare_rsa_key else {}
        given["rsa_private_keys"] = tuple(_usable(known.get(pem, pem)) for pem in given["rsa_private_keys"])
    merged = msgspec.structs.replace(kept, **given)
    if spare_rsa_key is not None and not merged.rsa_private_keys:
        return msgspec.structs.replace(merged, rsa_private_keys=(spare_rsa_key,))
    return merged


def _usable(pem: str) -> str:
    try:
        load_private_key(pem)
    except KeyRefused as error:
        raise PrivateKeyRefused(str(error)) from error
    return pem
