"""The three signature schemes of KooGallery: making and verifying them, and the freshness of a timestamp.

Source: the marketplace's V2 base (query) signature, V2 kit (header) signature, V1 authToken and Body-Sign.
Keys are used as their UTF-8 bytes; a blank key never verifies anything.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TypeVar

import msgspec

from service.koogallery.canonical import code_units, payloads

_Signed = TypeVar("_Signed", bytes, str)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOW_MS = 60_000
_TIMESTAMP_UNITS = {13: 1, 10: 1000}


class Scheme(Enum):
    """How a push is signed: V2 in the query, V2 in headers, or V1's authToken."""

    V2_BASE = "v2-base"
    V2_KIT = "v2-kit"
    V1 = "v1"


class Freshness(Enum):
    """The verdict on a V2 timestamp."""

    FRESH = "fresh"
    STALE = "stale"
    MALFORMED = "malformed"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A signature that matched: the position of its key in the list, the name of the form that was signed."""

    key_index: int
    candidate: str


def sign_base(key: str, *, nonce: str, timestamp: str, payload: bytes) -> str:
    """Sign a V2 base call; lower-case hex. The signed text ends with the HMAC of the payload."""
    payload_hash = hmac.digest(_utf8(key), payload, "sha256").hex()
    return hmac.digest(_utf8(key), _utf8(key + nonce + timestamp + payload_hash), "sha256").hex()


def sign_kit(key: str, *, nonce: str, timestamp: str, payload: bytes) -> str:
    """Sign a V2 kit call; lower-case hex. The signed text ends with the payload itself."""
    # Fed in two parts: joining would copy a payload of many megabytes.
    signer = hmac.new(_utf8(key), _utf8(key + nonce + timestamp), hashlib.sha256)
    signer.update(payload)
    return signer.hexdigest()


def sign_v1(key: str, *, time_stamp: str, text: str) -> str:
    """Compute a V1 authToken over the text of `v1_query_text` or `v1_body_text`; standard base64."""
    return base64.b64encode(hmac.digest(_utf8(key + time_stamp), _utf8(text), "sha256")).decode()


def body_sign(key: str, body: bytes) -> str:
    """Return the `Body-Sign` response header for the exact bytes sent (the V1 response signature)."""
    signature = base64.b64encode(hmac.digest(_utf8(key), body, "sha256")).decode()
    return f'sign_type="HMAC-SHA256", signature="{signature}"'


def check_timestamp(timestamp: str, *, now: datetime) -> Freshness:
    """Judge a V2 timestamp: 13 digits are milliseconds, 10 are seconds; 60 s off either way is fresh."""
    milliseconds = _TIMESTAMP_UNITS.get(len(timestamp))
    if milliseconds is None or not (timestamp.isascii() and timestamp.isdigit()):
        return Freshness.MALFORMED
    sent_ms = int(timestamp) * milliseconds
    now_ms = (now - _EPOCH) // timedelta(milliseconds=1)
    return Freshness.FRESH if abs(now_ms - sent_ms) <= _WINDOW_MS else Freshness.STALE


def verify_base(
    keys: Sequence[str],
    *,
    nonce: str,
    timestamp: str,
    signature: str,
    body: bytes,
    members: Mapping[str, msgspec.Raw],
) -> Verified | None:
    """Verify a V2 base signature (hex, either case) with any of the keys; None when none matches.

    Nonce, timestamp and signature are the query parameters, URL-decoded; members is `parse_object(body)`.
    The age of the timestamp and the reuse of the nonce are judged elsewhere.
    """

    def sign(key: str, payload: bytes) -> str:
        return sign_base(key, nonce=nonce, timestamp=timestamp, payload=payload)

    return _first_match(keys, signature.lower(), payloads(body, members, base=True), sign)


def verify_kit(
    keys: Sequence[str],
    *,
    nonce: str,
    timestamp: str,
    signature: str,
    body: bytes,
    members: Mapping[str, msgspec.Raw],
) -> Verified | None:
    """Verify a V2 kit signature, sent in the headers x-nonce, x-timestamp and x-sign; as `verify_base`."""

    def sign(key: str, payload: bytes) -> str:
        return sign_kit(key, nonce=nonce, timestamp=timestamp, payload=payload)

    return _first_match(keys, signature.lower(), payloads(body, members, base=False), sign)


def verify_v1_query(keys: Sequence[str], params: Mapping[str, str]) -> Verified | None:
    """Verify the authToken among the URL-decoded parameters of a V1 GET call; None when nothing matches."""
    texts = [
        ("blanks_kept", v1_query_text(params, keep_blank=True)),
        ("blanks_skipped", v1_query_text(params, keep_blank=False)),
    ]
    # A raw + in the query reaches us as a space, which base64 never contains.
    auth_token = params.get("authToken", "").replace(" ", "+")
    return _verify_v1(keys, auth_token, params.get("timeStamp", ""), texts)


def verify_v1_body(
    keys: Sequence[str], *, auth_token: str, members: Mapping[str, msgspec.Raw]
) -> Verified | None:
    """Verify the authToken header of a V1 POST call over the body's members; None when nothing matches."""
    texts = [
        ("blanks_skipped", v1_body_text(members, keep_blank=False)),
        ("blanks_kept", v1_body_text(members, keep_blank=True)),
    ]
    time_stamp = _v1_text(members["timeStamp"]) if "timeStamp" in members else None
    return _verify_v1(keys, auth_token, time_stamp or "", texts)


def v1_query_text(params: Mapping[str, str], *, keep_blank: bool) -> str:
    """Join URL-decoded parameters, without authToken, sorted by name, into the text a V1 GET call signs."""
    return "&".join(
        f"{name}={params[name]}"
        for name in sorted(params, key=code_units)
        if name != "authToken" and (keep_blank or params[name].strip())
    )


def v1_body_text(members: Mapping[str, msgspec.Raw], *, keep_blank: bool) -> str:
    """Join the members of a body into the text a V1 POST call signs.

    Members are those of `parse_object`. Strings count decoded, all else as its JSON text; null is left out.
    """
    texts = {name: text for name, value in members.items() if (text := _v1_text(value)) is not None}
    return v1_query_text(texts, keep_blank=keep_blank)


def _verify_v1(
    keys: Sequence[str], auth_token: str, time_stamp: str, texts: Iterable[tuple[str, str]]
) -> Verified | None:
    # Without a timeStamp the HMAC key would be the one that signs our answers (Body-Sign), so every answer
    # would be a signed sample for a forger.
    if not time_stamp.strip():
        return None
    return _first_match(
        keys, auth_token, texts, lambda key, text: sign_v1(key, time_stamp=time_stamp, text=text)
    )


def _first_match(
    keys: Sequence[str],
    signature: str,
    candidates: Iterable[tuple[str, _Signed]],
    sign: Callable[[str, _Signed], str],
) -> Verified | None:
    for candidate, signed in candidates:
        for index, key in enumerate(keys):
            # Anyone can sign with a blank key; a product whose key is not set yet refuses everything.
            if key.strip() and _same(sign(key, signed), signature):
                return Verified(key_index=index, candidate=candidate)
    return None


def _v1_text(value: msgspec.Raw) -> str | None:
    text = bytes(value)
    if text == b"null":
        return None
    return msgspec.json.decode(text, type=str) if text.startswith(b'"') else text.decode()


def _same(expected: str, given: str) -> bool:
    return given.isascii() and hmac.compare_digest(expected, given)


def _utf8(text: str) -> bytes:
    # Names and values from a URL may hold lone surrogates; this keeps different texts different.
    return text.encode("utf-8", "surrogatepass")
