"""The marketplace for tests: every byte, header and time of a call can be bent."""

import json
import secrets
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

from service.koogallery.canonical import canonical, parse_object
from service.koogallery.signing import sign_base, sign_kit, sign_v1, v1_body_text, v1_query_text
from service.koogallery.times import CHINA
from sso.keys import encrypt_client_secret

BASE_KEY = "demoBaseKey-3f9c1e7a2b4d"
KIT_KEY = "demoKitKey-8d21c0a5f6e7"
V1_KEY = "demoV1Key-77aa1023bb64"


class Answer:
    """What came back, with the result code at hand."""

    def __init__(self, response):
        self.response = response
        self.body = response.json()
        self.code = self.body["resultCode"]

    def __repr__(self):
        return f"{self.response.status_code} {self.body}"


class Marketplace:
    """Sends calls to one product."""

    def __init__(self, http, address, clock, public_key):
        self.http = http
        self.address = address
        self.clock = clock
        self.public_key = public_key

    def time(self, seconds=0.0):
        """A time on the wire, so many seconds from now: UTC+8, 17 digits."""
        moment = (self.clock() + timedelta(seconds=seconds)).astimezone(CHINA)
        return moment.strftime("%Y%m%d%H%M%S") + f"{moment.microsecond // 1000:03d}"

    def stamp(self, milliseconds=0):
        return str(int(self.clock().timestamp() * 1000) + milliseconds)

    async def base(self, body, *, key=BASE_KEY, nonce=None, timestamp=None, signature=None, content=None):
        """A V2 base call; `content` are the bytes to send when they are not what was signed."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        nonce, timestamp = nonce or secrets.token_hex(16), timestamp or self.stamp()
        signed = signature or sign_base(key, nonce=nonce, timestamp=timestamp, payload=canonical(raw))
        query = {"signature": signed, "timestamp": timestamp, "nonce": nonce}
        return Answer(
            await self.http.post(self.address, params=query, content=raw if content is None else content)
        )

    async def kit(
        self, interface, body, *, key=KIT_KEY, nonce=None, timestamp=None, signature=None, content=None
    ):
        """A V2 kit call."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        nonce, timestamp = nonce or secrets.token_hex(16), timestamp or self.stamp()
        signed = signature or sign_kit(key, nonce=nonce, timestamp=timestamp, payload=canonical(raw))
        return Answer(
            await self.http.post(
                f"{self.address}/produceAPI/v2/{interface}",
                content=raw if content is None else content,
                headers={"x-sign": signed, "x-timestamp": timestamp, "x-nonce": nonce},
            )
        )

    async def v1_get(self, params, *, key=V1_KEY):
        """A V1 base call."""
        params = {"timeStamp": self.time(), **params}
        text = v1_query_text(params, keep_blank=True)
        token = params.get("authToken") or sign_v1(key, time_stamp=params["timeStamp"], text=text)
        query = urlencode({**params, "authToken": token})
        return Answer(await self.http.get(f"{self.address}?{query}"))

    async def v1_post(self, interface, body, *, key=V1_KEY):
        """A V1 kit call."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        members = parse_object(raw)
        text = v1_body_text(members, keep_blank=False)
        token = sign_v1(key, time_stamp=json.loads(raw)["timeStamp"], text=text)
        return Answer(
            await self.http.post(
                f"{self.address}/produceAPI/{interface}", content=raw, headers={"authToken": token}
            )
        )

    async def buy(self, **fields):
        """Buy an instance; its id."""
        order = f"CS{uuid4().hex[:12]}"
        answer = await self.base(
            {
                "activity": "newInstance",
                "orderId": order,
                "orderLineId": f"{order}-000001",
                "businessId": str(uuid4()),
                **fields,
            }
        )
        assert answer.code in {"000000", "000004"}, answer
        return answer.body["instanceId"]

    async def open_enterprise(self, *, tenant=None, instance=None, app="app-1"):
        """Buy, bind and give the application its credentials."""
        instance = instance or await self.buy()
        enterprise = Enterprise(self, instance, tenant or uuid4().hex, app)
        assert (await enterprise.bind()).code == "000000"
        assert (await enterprise.application()).code == "000000"
        return enterprise


class Enterprise:
    """One enterprise bound to one instance; each call's fields can be overridden."""

    def __init__(self, marketplace, instance, tenant, app):
        self.marketplace = marketplace
        self.instance = instance
        self.tenant = tenant
        self.app = app

    def _body(self, at, **fields):
        time_stamp = at if isinstance(at, str) else self.marketplace.time(at)
        return {
            "instanceId": self.instance,
            "tenantId": self.tenant,
            "testFlag": 0,
            "timeStamp": time_stamp,
            **fields,
        }

    async def bind(self, flag=1, at=0.0, **fields):
        body = self._body(
            at,
            flag=flag,
            orderId="CS1",
            tenantCode="xinghe.example",
            name="星河制造（深圳）有限公司",
            domainName="https://xinghe.tenantaccount.example",
        )
        return await self.marketplace.kit("tenantSync", {**body, **fields})

    async def unbind(self, at=0.0, **fields):
        return await self.bind(flag=0, at=at, **fields)

    async def application(self, flag=1, at=0.0, secret="the-client-secret", **fields):
        body = self._body(
            at,
            flag=flag,
            appId=self.app,
            clientId="client-1",
            clientSecret=encrypt_client_secret(secret, self.marketplace.public_key),
        )
        return await self.marketplace.kit("applicationSync", {**body, **fields})

    async def department(self, code, name="Department", parent="", *, flag=1, at=0.0, **fields):
        body = self._body(at, flag=flag, orgCode=code, orgName=name, parentCode=parent)
        return await self.marketplace.kit("singleOrgSync", {**body, **fields})

    async def departments(self, listed, *, at=0.0, **fields):
        """A full list of (code, name, parent)."""
        entries = [{"orgCode": code, "orgName": name, "parentCode": parent} for code, name, parent in listed]
        return await self.marketplace.kit("allOrgSync", {**self._body(at, orgInfoList=entries), **fields})

    async def members(self, users, *, flag=1, at=0.0, **fields):
        time_stamp = at if isinstance(at, str) else self.marketplace.time(at)
        body = self._body(time_stamp, flag=flag, appId=self.app, userList=users, currentSyncTime=time_stamp)
        return await self.marketplace.kit("authSync", {**body, **fields})


def user(user_name, **fields):
    """An authSync user."""
    return {
        "userName": user_name,
        "name": user_name.title(),
        "orgCode": "D1",
        "role": "user",
        "enable": "true",
        **fields,
    }
