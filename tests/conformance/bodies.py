"""Bodies of base calls in both editions, and what an answer carries beside its body."""

from uuid import uuid4


def order(**fields):
    number = f"CS{uuid4().hex[:12]}"
    return {
        "activity": "newInstance",
        "orderId": number,
        "orderLineId": f"{number}-000001",
        "businessId": str(uuid4()),
        **fields,
    }


def refresh(instance, expires, scene="RENEWAL", **fields):
    order = f"CS{uuid4().hex[:12]}"
    return {
        "activity": "refreshInstance",
        "scene": scene,
        "orderId": order,
        "orderLineId": f"{order}-000001",
        "instanceId": instance,
        "expireTime": expires,
        **fields,
    }


def status(instance, word):
    return {"activity": "updateInstanceStatus", "instanceId": instance, "status": word}


def release(instance, **fields):
    return {"activity": "releaseInstance", "instanceId": instance, **fields}


def v1_order(**fields):
    return {
        "activity": "newInstance",
        "businessId": str(uuid4()),
        "customerId": "68cbc86abc2018ab880d92f36422fa0e",
        "customerName": "星河制造",
        "orderId": f"CS{uuid4().hex[:12]}",
        "productId": "OFFI000000000000000001",
        **fields,
    }


def body_sign_of(answer):
    """The header as spelt on the wire: the marketplace is strict about its case."""
    [value] = [value for name, value in answer.response.headers.raw if name == b"Body-Sign"]
    return value.decode()
