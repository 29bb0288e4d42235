"""A call as it came in, and proving that the marketplace signed it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from service.koogallery.canonical import NotJson, parse_object
from service.koogallery.results import INVALID, UNAUTHENTICATED, Refusal
from service.koogallery.signing import (
    Freshness,
    Verified,
    check_timestamp,
    verify_base,
    verify_kit,
    verify_v1_body,
    verify_v1_query,
)
from service.runtime import Runtime
from tenancy.products import Product

Edition = Literal["V1", "V2"]

_MAX_NONCE = 256
_MAX_SIGNATURE = 512


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the marketplace; `query` holds the decoded parameters, last one wins."""

    product: Product
    edition: Edition
    is_kit: bool
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that may sign it: every interface type has keys of its own."""
        secrets = self.product.secrets
        if self.edition == "V1":
            return secrets.v1_keys
        return secrets.kit_keys if self.is_kit else secrets.base_keys


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose signature was found valid when it came; `members` are those of its body, raw."""

    call: Call
    members: Mapping[str, msgspec.Raw]
    verified: Verified
    received_at: datetime


def parse_query(query_string: bytes) -> dict[str, str]:
    """The decoded parameters of a query string, last one wins."""
    return dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"))


async def prove(call: Call, runtime: Runtime) -> Proven:
    """Check timestamp, signature and nonce, in the order of the marketplace's sample.

    Raises:
        Refusal: `000002` for what is missing, malformed or outdated, `000001` for a wrong signature or a
            nonce that was spent before.
    """
    if call.edition == "V1":
        return _prove_v1(call, runtime.clock())
    return await _prove_v2(call, runtime)


def _prove_v1(call: Call, now: datetime) -> Proven:
    token = call.headers.get("authtoken", "") if call.is_kit else call.query.get("authToken", "")
    if not token or len(token) > _MAX_SIGNATURE:
        raise Refusal(UNAUTHENTICATED, "The authToken is missing.", reason="missing")
    members: dict[str, msgspec.Raw] = {}
    if call.is_kit:
        members = _parse(call.body)
        verified = verify_v1_body(call.keys, auth_token=token, members=members)
    else:
        verified = verify_v1_query(call.keys, call.query)
    if verified is None:
        raise Refusal(UNAUTHENTICATED, "The authToken does not fit the request.", reason="signature")
    return Proven(call=call, members=members, verified=verified, received_at=now)


async def _prove_v2(call: Call, runtime: Runtime) -> Proven:
    source = call.headers if call.is_kit else call.query
    names = ("x-timestamp", "x-nonce", "x-sign") if call.is_kit else ("timestamp", "nonce", "signature")
    timestamp, nonce, signature = (source.get(name, "") for name in names)
    now = runtime.clock()
    match check_timestamp(timestamp, now=now):
        case Freshness.MALFORMED:
            text = f"The {names[0]} is missing or not a number of milliseconds."
            raise Refusal(INVALID, text, reason="malformed" if timestamp else "missing")
        case Freshness.STALE:
            text = f"The {names[0]} differs from our clock by more than 60 s."
            raise Refusal(INVALID, text, reason="outdated")
    if not nonce or len(nonce) > _MAX_NONCE:
        text = f"The {names[1]} is missing or longer than {_MAX_NONCE} characters."
        raise Refusal(INVALID, text, reason="malformed" if nonce else "missing")
    if not signature or len(signature) > _MAX_SIGNATURE:
        raise Refusal(UNAUTHENTICATED, f"The {names[2]} is missing.", reason="missing")
    members = _parse(call.body)
    verify = verify_kit if call.is_kit else verify_base
    verified = verify(
        call.keys, nonce=nonce, timestamp=timestamp, signature=signature, body=call.body, members=members
    )
    if verified is None:
        text = f"The {names[2]} does not fit the request."
        raise Refusal(UNAUTHENTICATED, text, reason="signature")
    # Only now: a forged request must not burn the nonce of a genuine one.
    # With the timestamp, for the two are signed without a separator between them.
    spent = f"{nonce} {timestamp}"
    if not await runtime.nonces.spend(call.product.slug, call.keys[verified.key_index], spent):
        raise Refusal(UNAUTHENTICATED, f"The {names[1]} has been used before.", reason="replayed")
    return Proven(call=call, members=members, verified=verified, received_at=now)


def _parse(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return parse_object(body)
    except NotJson as error:
        raise Refusal(INVALID, str(error), reason="malformed") from error
