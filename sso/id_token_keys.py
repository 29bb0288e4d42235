"""The public keys of an identity provider: which of them count, and which may check a signature.

Source: RFC 7517 sections 4 and 5, RFC 7518 section 3 and RFC 8725 sections 3.1 to 3.5.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import DictKey, ECKey, OKPKey, RSAKey
from joserfc.util import base64_to_int

from sso.errors import UpstreamMisconfigured

PublicKey = RSAKey | ECKey | OKPKey

_MOST_KEYS = 64
_LONGEST_ID = 512
_RSA_BITS = range(2048, 8192 + 1)
_LARGEST_EXPONENT = 2**32


class Signature(msgspec.Struct, frozen=True):
    """What an algorithm needs: type and curve of its key, and the digest that goes with it."""

    key_type: str
    curve: str | None
    digest: str


# Symmetric ones and `none` are not here, so nothing can make them believed.
SIGNATURES: Mapping[str, Signature] = {
    "RS256": Signature("RSA", None, "sha256"),
    "RS384": Signature("RSA", None, "sha384"),
    "RS512": Signature("RSA", None, "sha512"),
    "PS256": Signature("RSA", None, "sha256"),
    "PS384": Signature("RSA", None, "sha384"),
    "PS512": Signature("RSA", None, "sha512"),
    "ES256": Signature("EC", "P-256", "sha256"),
    "ES384": Signature("EC", "P-384", "sha384"),
    "ES512": Signature("EC", "P-521", "sha512"),
    "EdDSA": Signature("OKP", "Ed25519", "sha512"),
    "Ed25519": Signature("OKP", "Ed25519", "sha512"),
}

_KINDS: Mapping[str, tuple[type[PublicKey], tuple[str, ...]]] = {
    "RSA": (RSAKey, ("n", "e")),
    "EC": (ECKey, ("crv", "x", "y")),
    "OKP": (OKPKey, ("crv", "x")),
}
_CURVES = {signature.curve for signature in SIGNATURES.values()} - {None}


def read_keys(document: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    """Read a JWK Set without what cannot check a signature: other uses, symmetric, weak and broken keys.

    Only the public numbers, `kid` and `alg` of a key are looked at; certificates in it prove nothing here.

    Raises:
        UpstreamMisconfigured: `keys_unreadable`, when it is no JWK Set or none of its keys is of use.
    """
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise UpstreamMisconfigured("keys_unreadable", "What `jwks_uri` leads to is not a JWK Set.")
    keys = tuple(key for value in listed[:_MOST_KEYS] if (key := _read_key(value)) is not None)
    if not keys:
        raise UpstreamMisconfigured(
            "keys_unreadable",
            "None of the provider's keys can check a signature: RSA, EC or Ed25519 is needed.",
        )
    return keys


def choose_keys(keys: Sequence[PublicKey], algorithm: str, kid: str | None) -> list[PublicKey]:
    """Give the keys that a signature with this header may be checked with.

    Without `kid` there must be only one that fits (OpenID Connect Core 1.0 section 10.1).
    """
    signature = SIGNATURES[algorithm]
    fitting = [
        key
        for key in keys
        if key.key_type == signature.key_type
        and signature.curve in {None, key.get("crv")}
        and key.get("alg") in {None, algorithm}
        and kid in {None, key.kid}
    ]
    return fitting if kid is not None or len(fitting) == 1 else []


def _read_key(value: object) -> PublicKey | None:
    if not isinstance(value, dict) or value.get("use", "sig") != "sig" or not _may_verify(value):
        return None
    key_type = value.get("kty")
    if not isinstance(key_type, str) or key_type not in _KINDS:
        return None
    kind, numbers = _KINDS[key_type]
    members: DictKey = {name: value[name] for name in ("kty", *numbers, "kid", "alg") if name in value}
    if not all(isinstance(member, str) and len(member) <= _LONGEST_ID * 8 for member in members.values()):
        return None
    try:
        return kind.import_key(members) if _is_strong(key_type, members) else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _may_verify(value: Mapping[str, Any]) -> bool:
    operations = value.get("key_ops")
    return operations is None or (isinstance(operations, list) and "verify" in operations)


def _is_strong(key_type: str, members: Mapping[str, Any]) -> bool:
    if key_type != "RSA":
        return members["crv"] in _CURVES
    # Bounds above too: checking with enormous numbers takes for ever.
    return (
        base64_to_int(members["n"]).bit_length() in _RSA_BITS
        and base64_to_int(members["e"]) < _LARGEST_EXPONENT
    )
