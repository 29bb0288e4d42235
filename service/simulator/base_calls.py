"""The base interfaces' calls (purchase to release) in both editions; expiry times are given as moments."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from service.simulator.buyers import Frame
from service.simulator.calls import PROCESSING, SUCCESS, Call, Edition, Surface
from service.simulator.signatures import SHANGHAI

SKU_CODE = "a1b2c3d4-0000-4000-8000-000000000001"


def new_instance(frame: Frame) -> Call:
    """Buy: a business id of its own in every call, as the marketplace does even when it repeats one."""
    buyer, business_id = frame.buyer, str(uuid.uuid4())
    members = {"orderId": buyer.order_id, "orderLineId": buyer.order_line_id, "businessId": business_id}
    if frame.edition is Edition.V1:
        members = {
            "businessId": business_id,
            "customerId": buyer.tenant_id,
            "customerName": buyer.name,
            "orderId": buyer.order_id,
            "productId": "OFFI000000000000000001",
            "chargingMode": "1",
            "periodType": "year",
            "periodNumber": "1",
        }
    call = base_call(frame, "newInstance", members)
    return msgspec.structs.replace(call, expected=(SUCCESS, PROCESSING))


def query_instance(frame: Frame, *instance_ids: str) -> Call:
    """Ask for instances, the buyer's own when none is named."""
    ids = ",".join(instance_ids) if instance_ids else frame.buyer.instance_id
    return base_call(frame, "queryInstance", {"instanceId": ids})


def refresh_instance(frame: Frame, *, order_id: str, expires_at: datetime, scene: str = "RENEWAL") -> Call:
    """Renew, or with another scene cancel or change a renewal; V1 knows no scene."""
    instance_id = frame.buyer.instance_id
    if frame.edition is Edition.V1:
        members = {"orderId": order_id, "instanceId": instance_id, "expireTime": _v1_expiry(expires_at)}
    else:
        members = {
            "scene": scene,
            "orderId": order_id,
            "orderLineId": f"{order_id}-000001",
            "instanceId": instance_id,
            "expireTime": f"{expires_at.astimezone(UTC):%Y%m%d%H%M%S}",
        }
    return base_call(frame, "refreshInstance", members)


def freeze(frame: Frame) -> Call:
    """Block an instance: in V2 by status, in V1 (a period product) by its expiry."""
    buyer = frame.buyer
    if frame.edition is Edition.V1:
        return base_call(
            frame, "expireInstance", {"instanceId": buyer.instance_id, "orderId": buyer.order_id}
        )
    return base_call(frame, "updateInstanceStatus", {"instanceId": buyer.instance_id, "status": "FREEZE"})


def unfreeze(frame: Frame) -> Call:
    """Lift a block by status; V1 calls the interface instanceStatus and the state NORMAL."""
    instance_id = frame.buyer.instance_id
    if frame.edition is Edition.V1:
        return base_call(frame, "instanceStatus", {"instanceId": instance_id, "instanceStatus": "NORMAL"})
    return base_call(frame, "updateInstanceStatus", {"instanceId": instance_id, "status": "UNFREEZE"})


def release(frame: Frame, *, order_id: str = "") -> Call:
    """End an instance; `order_id` is the unsubscribing order, empty when the freeze period ran out."""
    buyer = frame.buyer
    members = {"instanceId": buyer.instance_id}
    if frame.edition is Edition.V1:
        members["orderId"] = buyer.order_id
    elif order_id:
        members |= {"orderId": order_id, "orderLineId": f"{order_id}-000001"}
    return base_call(frame, "releaseInstance", members)


def upgrade(frame: Frame, *, order_id: str) -> Call:
    """Change the specification by a new order; the activity has another name in V1."""
    members = {"instanceId": frame.buyer.instance_id, "orderId": order_id}
    if frame.edition is Edition.V1:
        goods = {"skuCode": SKU_CODE, "productId": "OFFI000000000000000002"}
        return base_call(frame, "upgrade", members | goods | {"amount": "20"})
    return base_call(frame, "upgradeInstance", members | {"orderLineId": f"{order_id}-000001"})


def change_check(frame: Frame) -> Call:
    """Ask whether the instance may change to a smaller specification; V2 only (ValueError in V1)."""
    if frame.edition is Edition.V1:
        raise ValueError("V1 has no changeInstanceCheck")
    goods = {"productId": "OFFI000000000000000002", "skuCode": SKU_CODE, "linearValue": 20}
    members = {"instanceId": frame.buyer.instance_id, "productInfo": goods}
    return base_call(frame, "changeInstanceCheck", members)


def base_call(frame: Frame, activity: str, members: Mapping[str, Any]) -> Call:
    """Make a base call of any activity; V1 sends it as a query of texts, V2 as a body."""
    fields = {"activity": activity, **members} | ({"testFlag": "1"} if frame.is_debug else {})
    if frame.edition is Edition.V1:
        return Call(surface=Surface.V1_BASE, name=activity, query=tuple(fields.items()))
    return Call(surface=Surface.V2_BASE, name=activity, body=msgspec.json.encode(fields))


def _v1_expiry(expires_at: datetime) -> str:
    # V1 does not name the zone of expireTime; observed calls fit China's.
    return f"{expires_at.astimezone(SHANGHAI):%Y%m%d%H%M%S}"
