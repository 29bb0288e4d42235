"""The base interfaces, V2 and V1: purchases and their life cycle."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, timedelta, timezone
from typing import Any

import msgspec

from service.koogallery import wire
from service.koogallery.asked import LONGEST_ID, Asked
from service.koogallery.calls import Proven
from service.koogallery.contacts import read_contact
from service.koogallery.instance_infos import invented_info, show_app, show_instance
from service.koogallery.results import DONE, IN_PROGRESS, INVALID, NO_INSTANCE, SUCCESS, Answer, Refusal
from service.koogallery.times import parse_time
from service.koogallery.work import Work
from service.runtime import Runtime
from tenancy.instance_rows import find_instances
from tenancy.instances import (
    Order,
    change_order,
    check_change,
    open_instance,
    set_expiry,
    set_frozen,
)
from tenancy.pushes import Outcome, Push, record_base_push
from tenancy.releases import release_instance

_SCENES = {"TRIAL_TO_FORMAL", "RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD", "RENEWAL_CHANGE"}
_BLANK = {b"null", b'""'}
_MOST_IDS = 100


def read_base_call(proven: Proven, push: Push, runtime: Runtime) -> Work:
    """Read a base message.

    Raises:
        Refusal: the activity is unknown or the message is not valid.
    """
    call = proven.call
    is_v1 = call.edition == "V1"
    fields = dict(call.query) if is_v1 else wire.texts(_with_nested_order(proven.members))
    wire.refuse_unkeepable(*fields.values())
    push = msgspec.structs.replace(
        push,
        interface=fields.get("activity", "")[:64],
        instance_id=fields.get("instanceId", "").strip()[:LONGEST_ID] or None,
        is_test=fields.get("testFlag", "").strip() == "1",
    )
    asked = Asked(
        fields=fields,
        product=call.product,
        is_v1=is_v1,
        push=push,
        runtime=runtime,
        access_key=call.keys[proven.verified.key_index],
    )
    reader = _READERS.get(push.interface)
    if reader is None:
        raise Refusal(INVALID, "Parameter invalid: unknown activity.")
    debug_answer, run = reader(asked)

    async def run_debug() -> Answer:
        await record_base_push(push, Outcome(verdict="unchanged"))
        return debug_answer

    return Work(push=push, run=run_debug if push.is_test else run)


def activity_of(proven: Proven) -> str:
    """The activity that a base message names, however wrong the rest is; empty when it cannot be read."""
    if proven.call.edition == "V1":
        return proven.call.query.get("activity", "")
    try:
        return msgspec.json.decode(proven.members.get("activity", b'""'), type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


Read = tuple[Answer, Callable[[], Awaitable[Answer]]]


def _with_nested_order(members: Mapping[str, msgspec.Raw]) -> Mapping[str, msgspec.Raw]:
    """An early copy of V2 nests what is bought: take from it what the top level lacks."""
    nested = members.get("orderInfo")
    stated = {name: value for name, value in members.items() if bytes(value) not in _BLANK}
    if nested is None or {"orderId", "businessId"} <= stated.keys():
        return members
    first = wire.decode_list(nested, dict[str, msgspec.Raw], "orderInfo")[:1]
    return {**(first[0] if first else {}), **stated}


def _read_new_instance(asked: Asked) -> Read:
    business_id = asked.required("businessId")
    order_id = asked.required("orderId")
    if asked.is_v1:
        # V1 knows no lines; with the product the key also fits on-demand orders.
        line = asked.text("productId")
    elif "orderInfo" in asked.fields:
        line = asked.text("orderLineId")
    else:
        line = asked.required("orderLineId")
    expiry = asked.text("expireTime")
    order = Order(
        product=asked.product.slug,
        order_id=order_id,
        order_line_id=line,
        business_id=business_id,
        expires_at=_expiry(asked, expiry) if expiry else None,
        trial=asked.text("trialFlag") == "1",
        contact=read_contact(asked.fields, asked.access_key),
    )

    async def run() -> Answer:
        settings = asked.product.settings
        instance = await open_instance(
            order,
            provisioned=settings.provisioning == "immediate",
            ask_for_order=asked.asks_orders,
            pending_result=IN_PROGRESS,
            keyring=asked.runtime.keyring,
            push=asked.push,
        )
        more: dict[str, Any] = {"instanceId": instance.instance_id}
        if instance.state == "provisioning":
            return Answer(IN_PROGRESS, "request is processing", more)
        if asked.is_v1:
            more["appInfo"] = show_app(instance, asked.product, asked.runtime.settings.public_url)
        return Answer(SUCCESS, "success.", more)

    invented = invented_info(business_id, asked.product, asked.runtime.settings.public_url)
    if not asked.is_v1:
        del invented["appInfo"]
    return Answer(SUCCESS, "success.", invented), run


def _read_query_instance(asked: Asked) -> Read:
    listed = asked.required("instanceId", _MOST_IDS * (LONGEST_ID + 1))
    ids = [part.strip() for part in listed.split(",")]
    if len(ids) > _MOST_IDS or not all(ids):
        raise Refusal(INVALID, f"Parameter invalid: instanceId holds 1 to {_MOST_IDS} ids.")
    public_url = asked.runtime.settings.public_url

    async def run() -> Answer:
        found = await find_instances(asked.product.slug, ids)
        if not found:
            raise Refusal(NO_INSTANCE, "There is no such instance.")
        info = [show_instance(instance, asked.product, public_url) for instance in found]
        reply = Answer(SUCCESS, "success.", {"info": info})
        if all(instance.state == "provisioning" for instance in found):
            reply = Answer(IN_PROGRESS, "request is processing", {"info": info})
        push = msgspec.structs.replace(asked.push, result_code=reply.code)
        await record_base_push(push, Outcome(verdict="unchanged"))
        return reply

    invented = [invented_info(instance_id, asked.product, public_url) for instance_id in ids]
    return Answer(SUCCESS, "success.", {"info": invented}), run


def _read_refresh_instance(asked: Asked) -> Read:
    instance_id = asked.required("instanceId")
    order_id = asked.required("orderId")
    scene = "" if asked.is_v1 else asked.required("scene")
    if scene and scene not in _SCENES:
        raise Refusal(INVALID, "Parameter invalid: unknown scene.")
    line = asked.text("orderLineId") if asked.is_v1 else asked.required("orderLineId")
    expires_at = _expiry(asked, asked.required("expireTime"))
    changes_order = asked.asks_orders and (scene == "RENEWAL_CHANGE" or bool(asked.text("productId")))

    async def run() -> Answer:
        await set_expiry(
            asked.product.slug,
            instance_id,
            expires_at=expires_at,
            trial_ends=scene == "TRIAL_TO_FORMAL" or asked.text("trialToFormal") == "1",
            # V1 has no other word for the end of a freeze by expiry.
            unfreeze=asked.is_v1 and expires_at > asked.push.received_at,
            ask_for=(order_id, line) if changes_order else None,
            push=asked.push,
        )
        return DONE

    return DONE, run


def _expiry(asked: Asked, text: str) -> Any:
    hours = asked.product.settings.v1_utc_offset_hours
    zone = timezone(timedelta(hours=hours)) if asked.is_v1 else UTC
    try:
        return parse_time(text, zone)
    except ValueError as error:
        raise Refusal(INVALID, f"Parameter invalid: expireTime. {error}") from error


def _read_status(field: str) -> Callable[[Asked], Read]:
    def read(asked: Asked) -> Read:
        frozen = {"FREEZE": True, "UNFREEZE": False, "NORMAL": False}.get(asked.required(field))
        if frozen is None:
            raise Refusal(INVALID, f"Parameter invalid: unknown {field}.")
        return _freezing(asked, frozen=frozen)

    return read


def _freezing(asked: Asked, *, frozen: bool) -> Read:
    instance_id = asked.required("instanceId")

    async def run() -> Answer:
        await set_frozen(asked.product.slug, instance_id, frozen=frozen, push=asked.push)
        return DONE

    return DONE, run


def _read_release(asked: Asked) -> Read:
    # The order id is the unsubscription's in V2 and the purchase's in V1: never a way to find the instance.
    instance_id = asked.required("instanceId")

    async def run() -> Answer:
        await release_instance(asked.product.slug, instance_id, push=asked.push)
        return DONE

    return DONE, run


def _read_upgrade(asked: Asked) -> Read:
    instance_id = asked.required("instanceId")
    order_id = asked.required("orderId")
    line = asked.text("orderLineId") if asked.is_v1 else asked.required("orderLineId")

    async def run() -> Answer:
        await change_order(
            asked.product.slug,
            instance_id,
            order_id=order_id,
            order_line_id=line,
            ask_for_order=asked.asks_orders,
            push=asked.push,
        )
        return DONE

    return DONE, run


def _read_change_check(asked: Asked) -> Read:
    instance_id = asked.required("instanceId")
    target = asked.required("productInfo", 65536)
    quoted = msgspec.Raw(msgspec.json.encode(target))
    wire.decode_list(quoted, dict[str, Any], "productInfo")

    async def run() -> Answer:
        await check_change(asked.product.slug, instance_id, push=asked.push)
        return DONE

    return DONE, run


_READERS: dict[str, Callable[[Asked], Read]] = {
    "newInstance": _read_new_instance,
    "queryInstance": _read_query_instance,
    "refreshInstance": _read_refresh_instance,
    "updateInstanceStatus": _read_status("status"),
    "instanceStatus": _read_status("instanceStatus"),
    "expireInstance": lambda asked: _freezing(asked, frozen=True),
    "releaseInstance": _read_release,
    "upgradeInstance": _read_upgrade,
    "upgrade": _read_upgrade,
    "changeInstanceCheck": _read_change_check,
}
