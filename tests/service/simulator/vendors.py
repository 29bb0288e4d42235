"""Two tiny vendors behind ASGI: one that is right about most things, one that always says yes."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from service.koogallery import signing
from service.koogallery.canonical import NotJson, parse_object
from sso.keys import decrypt_client_secret, load_private_key

BASE_KEY, KIT_KEY, V1_KEY = "demo-base-key", "demo-kit-key", "demo-v1-key"
ADDRESS = "http://vendor.example/produce"
KNOWN_ACTIVITIES = {
    "newInstance",
    "queryInstance",
    "refreshInstance",
    "updateInstanceStatus",
    "releaseInstance",
    "upgradeInstance",
    "changeInstanceCheck",
    "expireInstance",
    "instanceStatus",
    "upgrade",
}


class Request(msgspec.Struct):
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Vendor:
    """Base: reads the request, answers JSON with `Body-Sign`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = Request(
            path=scope["path"],
            query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
            headers={name.decode(): value.decode() for name, value in scope["headers"]},
            body=body,
        )
        self.requests.append(request)
        key, answer = self.answer(request)
        content = msgspec.json.encode(answer)
        headers = [
            (b"content-type", b"application/json;charset=utf-8"),
            (b"Body-Sign", signing.body_sign(key, content).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def answer(self, request: Request) -> tuple[str, dict[str, Any]]:
        raise NotImplementedError


class YesVendor(Vendor):
    """Believes everything and keeps nothing."""

    def answer(self, request: Request) -> tuple[str, dict[str, Any]]:
        return BASE_KEY, {"resultCode": "000000", "resultMsg": "success."}


class Refusal(Exception):
    pass


class CarefulVendor(Vendor):
    """Checks signatures, freshness, nonces and ids; keeps just enough to do so."""

    def __init__(self, *, private_key: str) -> None:
        super().__init__()
        self.private_key = load_private_key(private_key)
        self.instances: dict[tuple[str, str], str] = {}
        self.released: set[str] = set()
        self.tenants: set[str] = set()
        self.apps: set[str] = set()
        self.parents: dict[tuple[str, str], str] = {}
        self.nonces: set[str] = set()
        self.applied: list[str] = []

    def answer(self, request: Request) -> tuple[str, dict[str, Any]]:
        kit = "/produceAPI/" in request.path
        v1 = "authToken" in request.query or (kit and "/v2/" not in request.path)
        key = V1_KEY if v1 else KIT_KEY if kit else BASE_KEY
        try:
            extra = self._v1(request, kit=kit) if v1 else self._v2(request, kit=kit)
        except Refusal as refusal:
            return key, {"resultCode": str(refusal), "resultMsg": "refused"}
        return key, {"resultCode": "000000", "resultMsg": "success."} | (extra or {})

    def _v1(self, request: Request, *, kit: bool) -> dict[str, Any] | None:
        if not kit:
            if not signing.verify_v1_query([V1_KEY], request.query):
                raise Refusal("000001")
            return self._base(request.query)
        members = parse_object(request.body)
        token = request.headers.get("authtoken", "")
        if not signing.verify_v1_body([V1_KEY], auth_token=token, members=members):
            raise Refusal("000001")
        return self._kit(request.path.rpartition("/")[2], msgspec.json.decode(request.body))

    def _v2(self, request: Request, *, kit: bool) -> dict[str, Any] | None:
        prefix, source = ("x-", request.headers) if kit else ("", request.query)
        timestamp, nonce = source.get(f"{prefix}timestamp", ""), source.get(f"{prefix}nonce", "")
        signature = source.get("x-sign" if kit else "signature", "")
        try:
            members = parse_object(request.body)
        except NotJson:
            raise Refusal("000002") from None
        if not signature:
            raise Refusal("000001")
        fresh = signing.check_timestamp(timestamp, now=datetime.now(UTC))
        if not nonce or fresh is not signing.Freshness.FRESH:
            raise Refusal("000002")
        verify, key = (signing.verify_kit, KIT_KEY) if kit else (signing.verify_base, BASE_KEY)
        if not verify(
            [key], nonce=nonce, timestamp=timestamp, signature=signature, body=request.body, members=members
        ):
            raise Refusal("000001")
        if nonce in self.nonces:
            raise Refusal("000001")
        self.nonces.add(nonce)
        body = msgspec.json.decode(request.body)
        return self._kit(request.path.rpartition("/")[2], body) if kit else self._base(body)

    def _base(self, body: dict[str, Any]) -> dict[str, Any] | None:
        activity, is_debug = body.get("activity", ""), body.get("testFlag") == "1"
        instance_id = body.get("instanceId", "")
        if activity not in KNOWN_ACTIVITIES or body.get("status", "FREEZE") not in {"FREEZE", "UNFREEZE"}:
            raise Refusal("000002")
        if activity == "newInstance":
            if is_debug:
                return {"instanceId": body["businessId"]}
            line = (body["orderId"], body.get("orderLineId", ""))
            return {"instanceId": self.instances.setdefault(line, body["businessId"])}
        if activity == "queryInstance":
            ids = instance_id.split(",")
            if not instance_id.strip() or len(ids) > 100:
                raise Refusal("000002")
            url = "https://saas.example/t/1"
            return {"info": [{"instanceId": item, "appInfo": {"frontEndUrl": url}} for item in ids]}
        if instance_id not in self.instances.values() and not is_debug:
            raise Refusal("000003")
        self.applied.append(activity)
        return None

    def _kit(self, interface: str, body: dict[str, Any]) -> dict[str, Any] | None:
        tenant, flag = body["tenantId"], int(body.get("flag", 1))
        self.applied.append(f"{interface} {flag}")
        if body["testFlag"] == 1 or (flag == 0 and interface != "allOrgSync"):
            return None
        if interface == "tenantSync":
            self.tenants.add(tenant)
            return None
        if tenant not in self.tenants:
            raise Refusal("000002")
        if interface == "applicationSync":
            if decrypt_client_secret(body["clientSecret"], [self.private_key]) is None:
                raise Refusal("000101")
            self.apps.add(body["appId"])
        if interface == "authSync" and body["appId"] not in self.apps:
            raise Refusal("000002")
        if interface == "singleOrgSync":
            self._move(tenant, body["orgCode"], body.get("parentCode", ""))
        return None

    def _move(self, tenant: str, code: str, parent: str) -> None:
        above = parent
        while above:
            if above == code:
                raise Refusal("000002")
            above = self.parents.get((tenant, above), "")
        self.parents[tenant, code] = parent
