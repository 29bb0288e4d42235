"""Whether an ID token proves who has signed in: every check is written out here, none is a library's default.

Source: OpenID Connect Core 1.0 sections 3.1.3.7 and 3.1.3.8, RFC 7515, RFC 7519 and RFC 8725.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact

from sso.errors import IdTokenRefused
from sso.id_token_keys import SIGNATURES, PublicKey, choose_keys
from sso.oidc_settings import OidcSettings

LEEWAY_SECONDS = 60
_OLDEST_SECONDS = 24 * 3600
_LONGEST_TOKEN = 16 * 1024
_LONGEST_KID = 512
_LONGEST_SUBJECT = 255
# What joserfc and JSON may raise for text that somebody else made up.
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, RecursionError)


class _Registry(JWSRegistry):
    """Joserfc's rules without its bound on the header, which certificates in it exceed."""

    max_header_length = _LONGEST_TOKEN
    max_signature_length = _LONGEST_TOKEN

    def get_alg(self, name: str) -> Any:
        """Give the algorithm; joserfc would warn about the name EdDSA, which most providers use."""
        return self.algorithms[name]


def read_key_id(token: str) -> str | None:
    """Say which key the token claims to be signed with, before anything is proven.

    Raises:
        IdTokenRefused: `too_long` or `malformed`.
    """
    return _key_id(_split(token))


def verify_id_token(
    token: str,
    keys: Sequence[PublicKey],
    settings: OidcSettings,
    *,
    nonce: str,
    access_token: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Give the claims of a token that was made by the connection's issuer for us and for this sign-in.

    Args:
        token: as it came from the token endpoint.
        keys: of the issuer; those that the token brings along are not looked at.
        settings: what to expect: issuer, client id and algorithms.
        nonce: of this sign-in, never empty.
        access_token: that came with it.
        now: the present.

    Raises:
        IdTokenRefused: `reason` is a code for each check, the detail says it in words.
    """
    if not nonce:
        raise ValueError("Every sign-in has a nonce.")
    parts = _split(token)
    algorithm = _demand_algorithm(parts.headers(), settings)
    _demand_signature(parts, choose_keys(keys, algorithm, _key_id(parts)), algorithm)
    claims = _read_claims(parts.payload)
    _demand_parties(claims, settings)
    _demand_times(claims, now.timestamp())
    _demand_nonce(claims.get("nonce"), nonce)
    _demand_token_hash(claims.get("at_hash"), access_token, algorithm)
    _demand_subject(claims.get("sub"))
    return claims


def _split(token: str) -> CompactSignature:
    if len(token) > _LONGEST_TOKEN:
        raise IdTokenRefused("too_long", "The ID token is longer than 16 KiB.")
    try:
        parts = extract_compact(token.encode(), registry=_Registry(strict_check_header=False))
    except _UNREADABLE:
        parts = None
    if parts is None or not isinstance(parts.headers(), dict):
        raise IdTokenRefused("malformed", "The ID token is not a signed JSON Web Token.")
    return parts


def _key_id(parts: CompactSignature) -> str | None:
    kid = parts.headers().get("kid")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= _LONGEST_KID):
        raise IdTokenRefused(
            "malformed", "The key id in the ID token is not a text of at most 512 characters."
        )
    return kid


def _demand_algorithm(header: Mapping[str, Any], settings: OidcSettings) -> str:
    if "crit" in header:
        raise IdTokenRefused(
            "critical_header", "The ID token needs an extension that is not understood here."
        )
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in SIGNATURES or algorithm not in settings.algorithms:
        raise IdTokenRefused(
            "algorithm_refused", "The ID token is not signed with an algorithm that is allowed."
        )
    return algorithm


def _demand_signature(parts: CompactSignature, keys: Sequence[PublicKey], algorithm: str) -> None:
    if not keys:
        raise IdTokenRefused(
            "key_unknown", "None of the identity provider's keys is the one that has signed the ID token."
        )
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    if not any(_fits(parts, key, registry) for key in keys):
        raise IdTokenRefused("signature_wrong", "The signature of the ID token is wrong.")


def _fits(parts: CompactSignature, key: PublicKey, registry: JWSRegistry) -> bool:
    try:
        return validate_compact(parts, key, registry=registry)
    except _UNREADABLE:
        return False


def _read_claims(payload: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise IdTokenRefused("malformed", "What the ID token claims is not a JSON object.") from None


def _demand_parties(claims: Mapping[str, Any], settings: OidcSettings) -> None:
    if claims.get("iss") != settings.issuer:
        raise IdTokenRefused("issuer_differs", "The ID token was made by another issuer.")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if settings.client_id not in audiences:
        raise IdTokenRefused("audience_differs", "The ID token was made for another client.")
    # Required when there are others who might pass on a token that was made for them as well.
    party = claims.get("azp")
    if (len(audiences) > 1 or party is not None) and party != settings.client_id:
        raise IdTokenRefused("party_differs", "The ID token was given to another client.")


def _demand_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if now >= expires + LEEWAY_SECONDS:
        raise IdTokenRefused("expired", "The ID token has expired; compare the clocks if it is new.")
    if now < max(issued, begins) - LEEWAY_SECONDS:
        raise IdTokenRefused("not_yet_valid", "The ID token was made in the future; compare the clocks.")
    if now > issued + _OLDEST_SECONDS:
        raise IdTokenRefused("too_old", "The ID token was made more than a day ago.")


def _demand_nonce(said: object, nonce: str) -> None:
    if not isinstance(said, str):
        raise IdTokenRefused("nonce_missing", "The ID token does not name the sign-in that it belongs to.")
    if not hmac.compare_digest(said.encode(), nonce.encode()):
        raise IdTokenRefused("nonce_differs", "The ID token belongs to another sign-in.")


def _demand_token_hash(said: object, access_token: str | None, algorithm: str) -> None:
    if said is None:
        return
    digest = hashlib.new(SIGNATURES[algorithm].digest, (access_token or "").encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not (isinstance(said, str) and hmac.compare_digest(said.encode(), half)):
        raise IdTokenRefused("token_hash_differs", "The ID token came with another access token.")


def _demand_subject(subject: object) -> None:
    is_text = isinstance(subject, str) and 1 <= len(subject) <= _LONGEST_SUBJECT
    if not is_text or not all(character.isprintable() for character in str(subject)):
        raise IdTokenRefused(
            "subject_unusable", "The ID token does not name its subject in 1 to 255 characters."
        )


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise IdTokenRefused(
            "times_missing", "The ID token does not say when it was made and until when it is valid."
        )
    return value
