"""How the marketplace signs each kind of call: query signature, header signature and the V1 token."""

import secrets
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from service.koogallery import signing
from service.koogallery.canonical import NotJson, canonical, parse_object
from service.simulator.calls import Call, Pairs, SignedCall, Surface

# Body times of the kit are Chinese.
SHANGHAI = timezone(timedelta(hours=8))
JSON_TYPE = ("Content-Type", "application/json;charset=utf8")


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The production address and the keys bound to it, one for each type of interface."""

    address: str
    base: str
    kit: str
    v1: str


def sign_call(call: Call, *, keys: Keys, now: datetime) -> SignedCall:
    """Sign a call with a fresh nonce, with the faults that the call asks for.

    Source: the marketplace's V2 base signature (query) and kit signature (headers), and the V1 authToken.
    """
    key = {Surface.V2_BASE: keys.base, Surface.V2_KIT: keys.kit}.get(call.surface, keys.v1)
    signing_key = f"{key}-forged" if call.has_wrong_key else key
    moment = now + call.skew
    address = keys.address.rstrip("/")
    match call.surface:
        case Surface.V2_BASE:
            query = _base_query(call.body, signing_key, moment)
            return _post(call, key=key, url=keys.address, query=query)
        case Surface.V2_KIT:
            headers = _kit_headers(call.body, signing_key, moment)
            return _post(call, key=key, url=f"{address}/produceAPI/v2/{call.name}", headers=headers)
        case Surface.V1_BASE:
            query = _v1_query(call.query, signing_key, moment)
            return SignedCall(call=call, method="GET", url=keys.address, query=query, key=key)
        case Surface.V1_KIT:
            headers = (("authToken", _v1_kit_token(call.body, signing_key)),)
            return _post(call, key=key, url=f"{address}/produceAPI/{call.name}", headers=headers)


def digits(moment: datetime) -> str:
    """Print a moment as 17 digits, `yyyyMMddHHmmssSSS`, in the time zone it is given in."""
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03}"


def milliseconds(moment: datetime) -> str:
    """Print a moment as milliseconds since the epoch, as V2 signatures count time."""
    return str(int(moment.timestamp() * 1000))


def _post(
    call: Call,
    *,
    key: str,
    url: str,
    query: Pairs = (),
    headers: Pairs = (),
) -> SignedCall:
    return SignedCall(
        call=call,
        method="POST",
        url=url,
        query=query,
        headers=(JSON_TYPE, *headers),
        content=call.body,
        key=key,
    )


def _base_query(body: bytes, key: str, moment: datetime) -> Pairs:
    nonce, timestamp = secrets.token_hex(32).upper(), milliseconds(moment)
    payload = _payload(body, base=True)
    signature = signing.sign_base(key, nonce=nonce, timestamp=timestamp, payload=payload)
    return (("signature", signature.upper()), ("timestamp", timestamp), ("nonce", nonce))


def _kit_headers(body: bytes, key: str, moment: datetime) -> Pairs:
    nonce, timestamp = secrets.token_hex(16), milliseconds(moment)
    payload = _payload(body, base=False)
    signature = signing.sign_kit(key, nonce=nonce, timestamp=timestamp, payload=payload)
    return (("x-sign", signature), ("x-timestamp", timestamp), ("x-nonce", nonce))


def _v1_query(query: Pairs, key: str, moment: datetime) -> Pairs:
    time_stamp = digits(moment.astimezone(UTC))
    stamped = (*query, ("timeStamp", time_stamp))
    text = signing.v1_query_text(dict(stamped), keep_blank=True)
    return (*stamped, ("authToken", signing.sign_v1(key, time_stamp=time_stamp, text=text)))


def _payload(body: bytes, *, base: bool) -> bytes:
    try:
        return canonical(body, base=base)
    except NotJson:
        # A body broken on purpose is signed as it is.
        return body


def _v1_kit_token(body: bytes, key: str) -> str:
    try:
        members = parse_object(body)
        time_stamp = msgspec.json.decode(members["timeStamp"], type=str)
        text = signing.v1_body_text(members, keep_blank=False)
    except (NotJson, KeyError, msgspec.MsgspecError):
        # A body broken on purpose has nothing that could be signed, so any token does.
        time_stamp, text = "", ""
    return signing.sign_v1(key, time_stamp=time_stamp, text=text)
