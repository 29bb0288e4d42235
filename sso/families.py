"""Families: what one authorization code becomes, its access and its refresh tokens.

All rules are pure; `sso/issuing.py` carries them out. A secret that is presented twice kills its family:
either the client has lost track, or somebody has stolen it, and we cannot tell which (RFC 9700 2.2.2 and
4.14.2).
"""

import hmac
import re
from datetime import datetime
from typing import Final

import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from sso.oauth_errors import InvalidGrant

CODE_SECONDS: Final = 60
ACCESS_SECONDS: Final = 600
# A refresh leaves the access token of the time before valid until it runs out, for requests under way.
_MOST_ACCESS_TOKENS = 2
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A code that has not been exchanged, and what it was asked for with."""

    digest: bytes
    redirect_uri: str
    challenge: str
    nonce: str | None
    expires_at: datetime


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """An access token, which may be for less than its family."""

    digest: bytes
    scopes: tuple[str, ...]
    expires_at: datetime


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What a client was given for a session.

    `spent_code` is the digest of the code it came from; `lineage` is of what all its refresh tokens share, so
    that one that was used is told from one that somebody has made up, however long ago that was.
    """

    client_id: str
    app_id: str
    scopes: tuple[str, ...]
    code: Code | None = None
    spent_code: bytes | None = None
    access: tuple[Access, ...] = ()
    refresh: bytes | None = None
    lineage: bytes | None = None


class FamilyBroken(InvalidGrant):
    """The code or refresh token was used before; all that came of it is withdrawn."""

    # A client knows the registered names only.
    oauth_code = "invalid_grant"


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Family)


def encode_family(family: Family) -> bytes:
    """The family as it is kept."""
    return _encoder.encode(family)


def decode_family(value: bytes) -> Family:
    """The family that is kept so."""
    return _decoder.decode(value)


def demand_code(
    family: Family, digest: bytes, *, client_id: str, redirect_uri: str | None, verifier: str, now: datetime
) -> Code:
    """The code if it may be exchanged (RFC 6749 4.1.3, RFC 7636 4.6).

    Raises:
        FamilyBroken: it has been exchanged before.
        InvalidGrant: it is none, has run out, or was given for another request.
    """
    if client_id != family.client_id:
        raise InvalidGrant("The code was given to another client.")
    if family.spent_code is not None and hmac.compare_digest(family.spent_code, digest):
        raise FamilyBroken
    code = family.code
    if code is None or not hmac.compare_digest(code.digest, digest):
        raise InvalidGrant
    if now >= code.expires_at:
        raise InvalidGrant("The code has run out.")
    if redirect_uri != code.redirect_uri:
        raise InvalidGrant("The redirect_uri is not the one that the code was asked for with.")
    if _VERIFIER.fullmatch(verifier) is None:
        raise InvalidGrant("The code_verifier must be 43 to 128 letters, digits and -._~ of ASCII.")
    if not hmac.compare_digest(create_s256_code_challenge(verifier), code.challenge):
        raise InvalidGrant("The code_verifier does not fit the code_challenge.")
    return code


def demand_refresh(family: Family, digest: bytes, *, lineage: bytes, client_id: str) -> None:
    """Refuse a refresh token that is not the family's present one (RFC 9700 4.14.2).

    `lineage` is the digest of what the token shares with others of its family.

    Raises:
        FamilyBroken: it was used before.
        InvalidGrant: it is another client's, or made up by somebody who has seen another kind of token.
    """
    if client_id != family.client_id:
        raise InvalidGrant("The refresh token was given to another client.")
    if family.refresh is not None and hmac.compare_digest(family.refresh, digest):
        return
    if family.lineage is not None and hmac.compare_digest(family.lineage, lineage):
        raise FamilyBroken
    raise InvalidGrant


def renewed(
    family: Family, access: Access, *, refresh: bytes | None, lineage: bytes | None, now: datetime
) -> Family:
    """The family with a new access token and a new refresh token, if it has any; a code is spent."""
    kept = [token for token in family.access if token.expires_at > now][: _MOST_ACCESS_TOKENS - 1]
    return msgspec.structs.replace(
        family,
        code=None,
        spent_code=family.code.digest if family.code else family.spent_code,
        access=(access, *kept),
        refresh=refresh,
        lineage=lineage,
    )


def find_access(family: Family, digest: bytes, *, now: datetime) -> Access | None:
    """The access token with this digest, if it has not run out."""
    for token in family.access:
        if hmac.compare_digest(token.digest, digest) and now < token.expires_at:
            return token
    return None
