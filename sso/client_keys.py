"""The public keys of a client: which are accepted, and what was signed with one of them.

Source: RFC 7515, RFC 7517 sections 4 and 5, RFC 7518 sections 3 and 6, RFC 8037 and RFC 9864.
"""

from functools import lru_cache
from typing import Any, Final

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.util import base64_to_int

from sso.client_rules import ClientSettingsInvalid
from sso.id_token_keys import PublicKey, choose_keys

# What an assertion may be signed with; symmetric algorithms and `none` are not here.
ASSERTION_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")

_MOST_KEYS = 10
_LONGEST = 2048
_RSA_BITS = range(2048, 4096 + 1)
# Of public keys only these are kept; whatever else is said of a key, such as certificates, nobody reads.
_MEMBERS = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_KINDS: Final[dict[str, type[PublicKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
# In base64: 65537 and 3, which is what all software makes.
_EXPONENTS = {"AQAB", "Aw"}
_CURVES = {"P-256", "P-384", "Ed25519"}
# What joserfc and JSON may raise for text that somebody else made up.
_UNREADABLE = (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError)


class _Registry(JWSRegistry):
    # Certificates in a header are longer than joserfc expects.
    max_header_length = 16 * 1024

    def get_alg(self, name: str) -> Any:
        """Give the algorithm; joserfc would warn about the name EdDSA, which many clients use."""
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)


def clean_keys(document: dict[str, Any]) -> dict[str, Any]:
    """Give a JWK Set with its public members only.

    Raises:
        ClientSettingsInvalid: it is no JWK Set, or has a key that is private, symmetric, too weak or unfit.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or not 1 <= len(listed) <= _MOST_KEYS:
        raise ClientSettingsInvalid(f'jwks: it must be {{"keys": […]}} with 1 to {_MOST_KEYS} keys.')
    return {"keys": [_clean_key(number, key) for number, key in enumerate(listed)]}


def read_signed(text: str, document: dict[str, Any]) -> dict[str, Any] | None:
    """Give the claims of a text that one of these cleaned keys has signed; None when none has.

    Keys that the text brings along or points to are not looked at.
    """
    try:
        parts = extract_compact(text.encode(), registry=_REGISTRY)
        header = parts.headers()
        algorithm, kid = header["alg"], header.get("kid")
        if "crit" in header or algorithm not in ASSERTION_ALGORITHMS:
            return None
        keys = choose_keys(_load(msgspec.json.encode(document)), algorithm, kid)
        if not any(validate_compact(parts, key, registry=_REGISTRY) for key in keys):
            return None
        return _claims_of(parts)
    except _UNREADABLE:
        return None


def read_unproven(text: str) -> dict[str, Any]:
    """Give what a text claims before anything is proven; nothing when it is not readable."""
    try:
        return _claims_of(extract_compact(text.encode(), registry=_REGISTRY))
    except _UNREADABLE:
        return {}


def _claims_of(parts: CompactSignature) -> dict[str, Any]:
    return msgspec.json.decode(parts.payload or b"", type=dict[str, Any])


# Loading an RSA key takes as long as checking a signature with it.
@lru_cache(maxsize=256)
def _load(encoded: bytes) -> tuple[PublicKey, ...]:
    return tuple(_KINDS[key["kty"]].import_key(key) for key in msgspec.json.decode(encoded)["keys"])


def _clean_key(number: int, key: object) -> dict[str, str]:
    where = f"jwks: key {number + 1}"
    if not isinstance(key, dict) or key.get("kty") == "oct" or not _PRIVATE.isdisjoint(key):
        raise ClientSettingsInvalid(
            f"{where} is not a public key; a private or symmetric one that was sent here is to be replaced."
        )
    members = {name: key[name] for name in _MEMBERS if name in key}
    if not all(isinstance(member, str) and len(member) <= _LONGEST for member in members.values()):
        raise ClientSettingsInvalid(f"{where}: its members must be texts of at most {_LONGEST} characters.")
    operations = key.get("key_ops", ["verify"])
    if members.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise ClientSettingsInvalid(f"{where} is not meant for signatures.")
    if members.get("alg", ASSERTION_ALGORITHMS[0]) not in ASSERTION_ALGORITHMS:
        raise ClientSettingsInvalid(f"{where}: its alg must be one of {', '.join(ASSERTION_ALGORITHMS)}.")
    if not _is_strong(members):
        raise ClientSettingsInvalid(
            f"{where} must be RSA of {_RSA_BITS[0]} to {_RSA_BITS[-1]} bit, EC on P-256 or P-384, or Ed25519."
        )
    return members


def _is_strong(members: dict[str, str]) -> bool:
    kind = _KINDS.get(members.get("kty", ""))
    try:
        if kind is None or not _is_fit(kind, members):
            return False
        kind.import_key({**members})
    except _UNREADABLE:
        return False
    return True


def _is_fit(kind: type[PublicKey], members: dict[str, str]) -> bool:
    if kind is not RSAKey:
        return members["crv"] in _CURVES
    # Bounds above too: checking with enormous numbers takes for ever.
    return base64_to_int(members["n"]).bit_length() in _RSA_BITS and members["e"] in _EXPONENTS
