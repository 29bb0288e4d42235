"""Conformance cases about V2 signatures, freshness, replay and odd bodies."""

import secrets
from datetime import timedelta

import msgspec

from service.koogallery import signing
from service.koogallery.canonical import canonical
from service.simulator import base_calls, kit_calls
from service.simulator.calls import INVALID, SUCCESS, UNAUTHENTICATED, Call, SignedCall, Surface
from service.simulator.cases import Level, Registry
from service.simulator.context import Context, edited, with_pair
from service.simulator.expectations import NotChecked
from service.simulator.organisations import Department
from service.simulator.reorganisation import Change
from service.simulator.signatures import milliseconds, sign_call

REFUSED = (UNAUTHENTICATED, INVALID)

registry = Registry()


def _debug_purchase(context: Context) -> Call:
    """Make a call that every vendor accepts and that leaves nothing behind."""
    return msgspec.structs.replace(base_calls.new_instance(context.frame(is_debug=True)), expected=(SUCCESS,))


def _debug_tenant(context: Context) -> Call:
    return kit_calls.tenant_sync(context.frame(is_debug=True))


@registry.case(5, Level.SAMPLE)
async def pretty_printed(context: Context) -> None:
    """A pretty-printed body with shuffled names is accepted."""
    call = _debug_purchase(context)
    members = msgspec.json.decode(call.body, type=dict[str, str])
    shuffled = {name: members[name] for name in sorted(members, reverse=True)}
    body = msgspec.json.format(msgspec.json.encode(shuffled), indent=2)
    await context.call(msgspec.structs.replace(call, body=body))


@registry.case(6, Level.SAMPLE)
async def null_member(context: Context) -> None:
    """A null member is not part of what is signed."""
    await context.call(edited(base_calls.new_instance(context.frame()), testFlag=None))


@registry.case(7, Level.SAMPLE)
async def signature_case(context: Context) -> None:
    """The signature is accepted in upper and in lower case."""
    for change in (str.upper, str.lower):
        signed = context.marketplace.sign(_debug_purchase(context))
        signature = change(dict(signed.query)["signature"])
        signed = msgspec.structs.replace(signed, query=with_pair(signed.query, "signature", signature))
        await context.send(signed, SUCCESS, to=f"signature in {change.__name__} case")


@registry.case(8, Level.DOCUMENTED, unseen="that nothing is stored")
async def changed_body(context: Context) -> None:
    """A body changed after signing is refused."""
    for call in (_debug_purchase(context), _debug_tenant(context)):
        signed = context.marketplace.sign(call)
        content = signed.content.replace(b"-000001", b"-000002").replace(b"scorecard", b"scorecart")
        await context.send(msgspec.structs.replace(signed, content=content), UNAUTHENTICATED)


@registry.case(9, Level.DOCUMENTED)
async def key_of_the_other_kind(context: Context) -> None:
    """The kit key does not sign base calls, nor the other way round."""
    keys = context.marketplace.keys
    if keys.base == keys.kit:
        raise NotChecked("the base key and the kit key given are the same")
    swapped = msgspec.structs.replace(keys, base=keys.kit, kit=keys.base)
    for call in (_debug_purchase(context), _debug_tenant(context)):
        signed = sign_call(call, keys=swapped, now=context.marketplace.now())
        await context.send(signed, UNAUTHENTICATED)


@registry.case(10, Level.SAMPLE)
async def no_signature(context: Context) -> None:
    """A call without a signature is refused."""
    base = context.marketplace.sign(_debug_purchase(context))
    unsigned = msgspec.structs.replace(base, query=with_pair(base.query, "signature", None))
    await context.send(unsigned, UNAUTHENTICATED, to="newInstance without signature")
    kit = context.marketplace.sign(_debug_tenant(context))
    unsigned = msgspec.structs.replace(kit, headers=with_pair(kit.headers, "x-sign", None))
    await context.send(unsigned, UNAUTHENTICATED, to="tenantSync without x-sign")


def _signed_with(context: Context, *, nonce: str | None, timestamp: str | None) -> SignedCall:
    """Sign correctly over an odd or missing nonce or timestamp, so that nothing else is wrong."""
    signed = context.marketplace.sign(_debug_purchase(context))
    signature = signing.sign_base(
        context.marketplace.keys.base,
        nonce=nonce or "",
        timestamp=timestamp or "",
        payload=canonical(signed.content, base=True),
    )
    query = with_pair(with_pair(signed.query, "nonce", nonce), "timestamp", timestamp)
    return msgspec.structs.replace(signed, query=with_pair(query, "signature", signature))


@registry.case(11, Level.SAMPLE)
async def odd_freshness(context: Context) -> None:
    """No timestamp, no nonce, and a timestamp that is no number are invalid."""
    now, nonce = milliseconds(context.marketplace.now()), secrets.token_hex(16)
    without_timestamp = _signed_with(context, nonce=nonce, timestamp=None)
    await context.send(without_timestamp, INVALID, to="newInstance without timestamp")
    without_nonce = _signed_with(context, nonce=None, timestamp=now)
    await context.send(without_nonce, INVALID, to="newInstance without nonce")
    no_number = _signed_with(context, nonce=nonce, timestamp="abc")
    await context.send(no_number, INVALID, to="newInstance with timestamp abc")


async def _skewed(context: Context, seconds: int, *codes: str) -> None:
    call = msgspec.structs.replace(_debug_purchase(context), skew=timedelta(seconds=seconds))
    await context.call(call, *codes, to=f"newInstance signed {seconds:+} s from now")


# The limit is 60 s; the cases keep some seconds away from it because two machines' clocks differ a little.
@registry.case(12, Level.SAMPLE)
async def stale(context: Context) -> None:
    """A timestamp older than 60 s is refused (65 s)."""
    await _skewed(context, -65, INVALID)


@registry.case(13, Level.SAMPLE)
async def not_yet_stale(context: Context) -> None:
    """A timestamp younger than 60 s is accepted (50 s)."""
    await _skewed(context, -50, SUCCESS)


@registry.case(14, Level.RECOMMENDED)
async def future(context: Context) -> None:
    """A timestamp 120 s in the future is refused."""
    await _skewed(context, 120, *REFUSED)


@registry.case(15, Level.RECOMMENDED, unseen="that nothing changes")
async def replay(context: Context) -> None:
    """The very same request again is refused."""
    signed = context.marketplace.sign(base_calls.new_instance(context.frame()))
    await context.send(signed, *signed.call.expected)
    await context.send(signed, *REFUSED, to="the same newInstance, same nonce")


@registry.case(16, Level.RECOMMENDED)
async def forged_nonce(context: Context) -> None:
    """A forged request does not burn its nonce."""
    signed = context.marketplace.sign(_debug_purchase(context))
    forged = msgspec.structs.replace(signed, query=with_pair(signed.query, "signature", "0" * 64))
    await context.send(forged, UNAUTHENTICATED, to="forged newInstance")
    await context.send(signed, SUCCESS, to="genuine newInstance with the same nonce")


def _new_department(context: Context) -> Call:
    department = Department(code=f"D{secrets.token_hex(4)}", name="质检部", parent_code="")
    frame = context.frame(is_debug=True)
    return kit_calls.single_org_sync(frame, Change(kind="add", department=department))


@registry.case(64, Level.DOCUMENTED)
async def repeated_name(context: Context) -> None:
    """Of a repeated name the last value counts."""
    frame = await context.bound()
    department = Department(code="D100200", name="质检部", parent_code="")
    call = kit_calls.single_org_sync(frame, Change(kind="add", department=department))
    body = b'{"instanceId":"none-at-all",' + call.body[1:]
    await context.call(msgspec.structs.replace(call, body=body))


@registry.case(65, Level.SAMPLE)
async def escapes(context: Context) -> None:
    """Escapes, emoji and control characters in a body are accepted."""
    call = _new_department(context)
    name = rb'"\u534e\u4e3a\/\ud83d\ude00\u001f\"\\"'
    body = call.body.replace('"质检部"'.encode(), name)
    await context.call(msgspec.structs.replace(call, body=body))


@registry.case(66, Level.RECOMMENDED)
async def not_json(context: Context) -> None:
    """A body that is not JSON is an invalid parameter."""
    for surface, name in ((Surface.V2_BASE, "newInstance"), (Surface.V2_KIT, "tenantSync")):
        await context.call(Call(surface=surface, name=name, body=b"this is not JSON"), INVALID)
