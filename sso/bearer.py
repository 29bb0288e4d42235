"""What browsers and clients carry: opaque texts that say where to look and prove that one may.

Each is a locator, the session and for tokens the family in it, and a secret of 192 bits. Only the secret's
digest is kept, so that whoever reads Redis cannot act as anybody.
"""

import base64
import binascii
import hashlib
import secrets
import struct
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

_SECRET_BYTES = 24
_SESSION_BYTES = 16
_FAMILY_BYTES = 12
_LINEAGE_BYTES = 8

Use = Literal["code", "access", "refresh"]

# What is found in a log or a repository can be told by its prefix.
_PREFIXES: Final[dict[Use, str]] = {"code": "tenon_ac_", "access": "tenon_at_", "refresh": "tenon_rt_"}


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A text taken apart; whether its secret is right is for the holder of the digest to say.

    `lineage` is how the secret begins, which is the same for all refresh tokens of a family.
    """

    session_id: UUID
    family: str
    digest: bytes
    lineage: bytes


def digest(secret: bytes) -> bytes:
    """What is kept of a secret; it has too many bits to be guessed, so no slow hash is needed."""
    return hashlib.sha256(secret).digest()


def make_family_id(*, now: datetime) -> str:
    """A new family's id; ids sort by the second in which they were made."""
    stamp = struct.pack(">I", int(now.timestamp()) % 2**32)
    return (stamp + secrets.token_bytes(_FAMILY_BYTES - len(stamp))).hex()


def make_lineage() -> bytes:
    """How the secrets of a family's refresh tokens are to begin; the rest of each cannot be guessed."""
    return secrets.token_bytes(_LINEAGE_BYTES)


def make_token(use: Use, session_id: UUID, family: str, *, lineage: bytes = b"") -> tuple[str, bytes]:
    """A new text of a family and the digest of its secret."""
    secret = lineage + secrets.token_bytes(_SECRET_BYTES - len(lineage))
    return _PREFIXES[use] + _encode(session_id.bytes + bytes.fromhex(family) + secret), digest(secret)


def read_token(use: Use, text: str) -> Located | None:
    """Take a text apart; None when it is none of ours for this use."""
    prefix = _PREFIXES[use]
    raw = _decode(text.removeprefix(prefix)) if text.startswith(prefix) else None
    if raw is None or len(raw) != _SESSION_BYTES + _FAMILY_BYTES + _SECRET_BYTES:
        return None
    session, family, secret = (
        raw[:_SESSION_BYTES],
        raw[_SESSION_BYTES:-_SECRET_BYTES],
        raw[-_SECRET_BYTES:],
    )
    return Located(
        session_id=UUID(bytes=session),
        family=family.hex(),
        digest=digest(secret),
        lineage=secret[:_LINEAGE_BYTES],
    )


def make_cookie(session_id: UUID) -> tuple[str, bytes]:
    """The text of a session's cookie and the digest of its secret."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    return _encode(session_id.bytes + secret), digest(secret)


def read_cookie(text: str) -> tuple[UUID, bytes] | None:
    """The session that a cookie names and the digest of its secret; None when it is no cookie of ours."""
    raw = _decode(text)
    if raw is None or len(raw) != _SESSION_BYTES + _SECRET_BYTES:
        return None
    return UUID(bytes=raw[:_SESSION_BYTES]), digest(raw[_SESSION_BYTES:])


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_LONGEST = 128


def _decode(text: str) -> bytes | None:
    if len(text) > _LONGEST:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # One spelling only: what differs in unused bits would be another text for the same secret.
    return raw if _encode(raw) == text else None
