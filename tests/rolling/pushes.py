"""Signed pushes of every cheap kind, each with the fact that must be in the database once it was answered."""

import json
import secrets
from dataclasses import dataclass
from uuid import uuid4

from service.koogallery.canonical import canonical
from service.koogallery.signing import sign_base, sign_kit
from tests.marketplace import BASE_KEY, KIT_KEY, Enterprise, user
from tests.rolling.wire import request

# Set-up is older than any push of the load, or these would count as outdated.
BEFORE = -3600

# Departments cost least, and two cores carry the whole test.
KINDS = ("member", "name", "instance", *["department"] * 7)


@dataclass(frozen=True, slots=True)
class Push:
    """The bytes of a request, and what they say: a department, a member, a name or an instance."""

    data: bytes
    kind: str
    tenant: str
    says: str


class Pushes:
    """Makes pushes about some enterprises of one product, one after another."""

    def __init__(self, product, marketplace, enterprises):
        self.product = product
        self.enterprises = enterprises
        self._marketplace = marketplace

    def make(self, number):
        """The push with this number, signed now."""
        enterprise = self.enterprises[number % len(self.enterprises)]
        kind = KINDS[number // len(self.enterprises) % len(KINDS)]
        return getattr(self, f"_{kind}")(enterprise, f"{kind}-{number:06d}")

    def make_large(self, count, place):
        """A full list of so many departments, of the enterprise at this place."""
        listed = [
            {"orgCode": f"L{number}", "orgName": "Long Name " * 12, "parentCode": ""}
            for number in range(count)
        ]
        return self._kit("allOrgSync", self.enterprises[place], "departments", "", flag=1, orgInfoList=listed)

    def _department(self, enterprise, code):
        said = {"orgCode": code, "orgName": "Department", "parentCode": ""}
        return self._kit("singleOrgSync", enterprise, "department", code, flag=1, **said)

    def _member(self, enterprise, name):
        said = {
            "appId": enterprise.app,
            "userList": [user(name)],
            "currentSyncTime": self._marketplace.time(),
        }
        return self._kit("authSync", enterprise, "member", name, flag=1, **said)

    def _name(self, enterprise, name):
        domain = "https://xinghe.tenantaccount.example"
        said = {"orderId": "CS1", "tenantCode": "xinghe.example", "name": name, "domainName": domain}
        return self._kit("tenantSync", enterprise, "name", name, flag=2, **said)

    def _instance(self, enterprise, order):
        said = {"orderId": order, "orderLineId": f"{order}-000001", "businessId": str(uuid4())}
        return self._base("newInstance", enterprise, "instance", order, **said)

    def _question(self, enterprise, _):
        return self._base("queryInstance", enterprise, "question", "", instanceId=enterprise.instance)

    def _base(self, activity, enterprise, kind, says, **fields):
        body = json.dumps({"activity": activity, **fields}).encode()
        nonce, stamp = secrets.token_hex(16), self._marketplace.stamp()
        signed = sign_base(BASE_KEY, nonce=nonce, timestamp=stamp, payload=canonical(body))
        target = f"{self._marketplace.address}?signature={signed}&timestamp={stamp}&nonce={nonce}"
        return Push(request("POST", target, body=body), kind, enterprise.tenant, says)

    def _kit(self, interface, enterprise, kind, says, **fields):
        body = enterprise._body(0.0, **fields)
        body = json.dumps(body, ensure_ascii=False).encode()
        nonce, stamp = secrets.token_hex(16), self._marketplace.stamp()
        signed = sign_kit(KIT_KEY, nonce=nonce, timestamp=stamp, payload=canonical(body))
        proof = (f"x-sign: {signed}", f"x-timestamp: {stamp}", f"x-nonce: {nonce}")
        target = f"{self._marketplace.address}/produceAPI/v2/{interface}"
        return Push(request("POST", target, *proof, body=body), kind, enterprise.tenant, says)


async def open_enterprises(marketplace, count):
    """Enterprises that were bound an hour ago."""
    opened = []
    for _ in range(count):
        enterprise = Enterprise(marketplace, await marketplace.buy(), uuid4().hex, "app-1")
        for step in (enterprise.bind, enterprise.application):
            assert (await step(at=BEFORE)).code == "000000"
        opened.append(enterprise)
    return opened
