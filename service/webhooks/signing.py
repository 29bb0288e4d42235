"""What a receiver can verify: the headers of Standard Webhooks 1.0, symmetric scheme."""

import base64
import hashlib
import hmac
import re
import secrets as randomness
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"
_SECRET_BYTES = 32
# A full stop separates what is signed: one in the id would let the parts be read as others.
_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,128}")


def make_secret() -> str:
    """Make a signing secret: `whsec_` and 32 random bytes in base64 (Standard Webhooks, signature scheme)."""
    return _PREFIX + base64.b64encode(randomness.token_bytes(_SECRET_BYTES)).decode()


def webhook_headers(secrets: Sequence[str], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Sign one attempt to deliver a message; the body must then be sent byte for byte.

    Args:
        secrets: at least one; during a rotation the new and the old one, so that a receiver may know either.
        message_id: the same for every attempt of a message; 1 to 128 visible ASCII characters, no full stop.
        at: the moment of this attempt, with its time zone; receivers refuse one that is 5 minutes off.
        body: what is sent.

    Raises:
        ValueError: no secret or a malformed one, a time without its zone, an id that is none.
    """
    if not secrets or at.tzinfo is None:
        raise ValueError("Signing needs a secret and a time with its zone.")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("The id of a message has 1 to 128 visible ASCII characters and no full stop.")
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_sign(secret, signed) for secret in secrets),
        "content-type": "application/json",
        "user-agent": "Tenon",
    }


def _sign(secret: str, signed: bytes) -> str:
    digest = hmac.digest(_read_key(secret), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def _read_key(secret: str) -> bytes:
    prefix, key = secret[: len(_PREFIX)], b""
    if prefix == _PREFIX:
        key = base64.b64decode(secret[len(_PREFIX) :], validate=True)
    if not key:
        raise ValueError("A signing secret is `whsec_` and base64.")
    return key
