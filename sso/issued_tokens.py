"""Tokens that we issue signed: ID tokens, logout tokens, and ID tokens that come back to us as hints.

Source: OpenID Connect Core 1.0 (2, 3.1.3.6), Back-Channel Logout 1.0 (2.4), RP-Initiated Logout 1.0 (2).
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError

from sso.jwt_signing import SigningKey, VerifyingKey, encode_part, sign_jwt

_ID_TOKEN_LIFE = timedelta(minutes=10)
_LOGOUT_TOKEN_LIFE = timedelta(minutes=2)
_HINT_LIFE = timedelta(days=1)
_MOST_HINT_CHARACTERS = 16 * 1024
_JTI_BYTES = 16

_ID_TYPE = "JWT"
_LOGOUT_TYPE = "logout+jwt"
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an ID token of ours is about, for which client and in which session."""

    subject: str
    audience: str
    sid: str


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    kid: str
    typ: str


class _HintClaims(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    sub: str
    aud: str
    sid: str
    exp: int


def sign_id_token(
    signer: SigningKey,
    *,
    issuer: str,
    audience: str,
    subject: str,
    claims: Mapping[str, Any],
    auth_time: datetime,
    nonce: str | None,
    access_token: str | None,
    sid: str,
    now: datetime,
) -> str:
    """Sign an ID token of ten minutes for one client, the audience (OpenID Connect Core 1.0, 2).

    `claims` are what else is told about the subject; they never replace what is said here. With an access
    token, `at_hash` binds it to this token (3.1.3.6).
    """
    told = {
        **claims,
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "iat": _seconds(now),
        "exp": _seconds(now + _ID_TOKEN_LIFE),
        "auth_time": _seconds(auth_time),
        "sid": sid,
    }
    if nonce is not None:
        told["nonce"] = nonce
    if access_token is not None:
        told["at_hash"] = _hash(access_token)
    return sign_jwt(signer, told, kind=_ID_TYPE)


def sign_logout_token(
    signer: SigningKey, *, issuer: str, audience: str, subject: str, sid: str, now: datetime
) -> str:
    """Sign the word that a session has ended, for one client; two minutes (Back-Channel Logout 1.0, 2.4)."""
    claims = {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "iat": _seconds(now),
        "exp": _seconds(now + _LOGOUT_TOKEN_LIFE),
        "jti": secrets.token_urlsafe(_JTI_BYTES),
        "events": {_LOGOUT_EVENT: {}},
        "sid": sid,
    }
    return sign_jwt(signer, claims, kind=_LOGOUT_TYPE)


def find_key_id(token: str) -> str | None:
    """The `kid` that a token claims to be signed with; None when it is no signed ID token at all."""
    header = _read_header(token)
    return None if header is None else header.kid


def read_id_token_hint(
    token: str, keys: Mapping[str, VerifyingKey], *, issuer: str, now: datetime
) -> Hint | None:
    """What an ID token of ours says that a client sends back (RP-Initiated Logout 1.0, 2).

    One that has expired is accepted for a day, for whoever signs out has often been there long. Anything
    that is not an ID token of this issuer, signed with one of `keys`, gives None.
    """
    header = _read_header(token)
    key = None if header is None else keys.get(header.kid)
    if header is None or key is None or header.typ != _ID_TYPE:
        return None
    try:
        payload = jwt.decode(token, key.public_key, algorithms=[key.algorithm]).claims
        claims = msgspec.convert(payload, _HintClaims)
    except (JoseError, ValueError):
        return None
    if claims.iss != issuer or now.timestamp() > claims.exp + _HINT_LIFE.total_seconds():
        return None
    return Hint(subject=claims.sub, audience=claims.aud, sid=claims.sid)


def _read_header(token: str) -> _Header | None:
    if len(token) > _MOST_HINT_CHARACTERS or not token.isascii():
        return None
    encoded = token.partition(".")[0]
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(encoded + "=="), type=_Header)
    except (ValueError, RecursionError):
        return None


def _hash(access_token: str) -> str:
    """The left half of its SHA-256, as both of our algorithms have it (OpenID Connect Core 1.0, 3.1.3.6)."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return encode_part(digest[: len(digest) // 2])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
