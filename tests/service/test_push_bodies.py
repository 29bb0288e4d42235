"""What came in a push, kept for a time: the very bytes, for few eyes, sealed, and looked at in the open."""

import json
from datetime import timedelta
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
import pytest

from service.koogallery.edge import Request, answer
from service.koogallery.kept import unsigned_query
from service.worker import sweep
from tenancy.acts import Act
from tenancy.tokens import make_token
from tests.marketplace import user
from tests.service.offices import newest


async def newest_base(api, product, **params):
    found = await api.get("/v1/pushes", params={"product": product, "limit": 1, **params})
    [push] = found.json()["items"]
    return push


async def test_the_body_of_a_push_comes_back_byte_by_byte(office, marketplace):
    enterprise = office.enterprise
    raw = (
        b'\xef\xbb\xbf {"instanceId":"%s" ,\n"tenantId":"%s","testFlag":0,"timeStamp":"%s","flag":1,'
        b'"orgCode":"Q","orgName":"\xe7\xa0\x94\xe5\x8f\x91\\u90e8","extra":1.50}'
    ) % (enterprise.instance.encode(), enterprise.tenant.encode(), marketplace.time().encode())
    assert (await marketplace.kit("singleOrgSync", raw.removeprefix(b"\xef\xbb\xbf"))).code == "000000"
    push = await newest(office)
    assert push["has_body"]
    assert push["size"] == len(raw) - 3
    shown = await office.ask("GET", f"/pushes/{push['id']}/body")
    assert (shown.status_code, shown.content) == (200, raw[3:])
    assert shown.headers["content-type"] == "application/json"
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["x-content-type-options"] == "nosniff"


async def test_refused_pushes_keep_their_body_too(office):
    assert (await office.enterprise.department("A", parent="C")).code == "000002"
    push = await newest(office, verdict="refused")
    body = (await office.ask("GET", f"/pushes/{push['id']}/body")).json()
    assert (body["orgCode"], body["parentCode"]) == ("A", "C")


async def test_a_call_that_was_not_proven_leaves_nothing(office):
    before = await office.get("/pushes")
    assert (await office.enterprise.marketplace.kit("singleOrgSync", {"a": 1}, key="wrong")).code == "000001"
    assert await office.get("/pushes") == before


async def test_a_v1_call_is_kept_as_its_query_without_the_token(api, marketplace, product):
    order = {
        "activity": "newInstance",
        "orderId": f"CS-{uuid4().hex}",
        "businessId": str(uuid4()),
        "customerName": "星河 & Co+",
        "productId": "OFFI1",
    }
    assert (await marketplace.v1_get(order)).code == "000000"
    push = await newest_base(api, product, interface="newInstance")
    shown = await api.get(f"/v1/pushes/{push['id']}/body")
    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("text/plain")
    kept = dict(parse_qsl(shown.text))
    assert order.items() <= kept.items()
    assert set(kept) == {*order, "timeStamp"}
    assert push["size"] == len(shown.content)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"", b""),
        (b"authToken=x", b""),
        (b"a=1&authToken=x&b=2", b"a=1&b=2"),
        (b"authToken=x&a=1&authToken=y", b"a=1"),
        (b"%61uthToken=x&a=%20+", b"a=%20+"),
        (b"authToken&a", b"a"),
        (b"AuthToken=x&authTokens=y&a=authToken=", b"AuthToken=x&authTokens=y&a=authToken="),
        (b"a=\xff&&b", b"a=\xff&&b"),
    ],
)
def test_a_query_loses_its_token_however_it_is_written_and_nothing_else(query, kept):
    assert unsigned_query(query) == kept


async def test_a_v2_purchase_keeps_its_body_and_neither_nonce_nor_signature(api, marketplace, product):
    instance = await marketplace.buy()
    push = await newest_base(api, product, instance=instance)
    body = (await api.get(f"/v1/pushes/{push['id']}/body")).json()
    assert body["activity"] == "newInstance"
    assert set(body) == {"activity", "orderId", "orderLineId", "businessId"}


async def test_readers_see_that_there_is_a_body_and_not_what_is_in_it(
    http, api, office, clock, product, marketplace
):
    await office.authorise("ann")
    push = await newest(office)
    tenant_id = office.tenant_id
    readers = [
        await make_token(role="reader", tenant_id=tenant, act=Act(actor="test", at=clock()))
        for tenant in (None, tenant_id)
    ]
    for token in readers:
        headers = {"Authorization": f"Bearer {token}"}
        assert (await http.get(f"{office.home}/pushes/{push['id']}", headers=headers)).json()["has_body"]
        refused = await http.get(f"{office.home}/pushes/{push['id']}/body", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_insufficient")
    base = await newest_base(api, product)
    refused = await http.get(
        f"/v1/pushes/{base['id']}/body", headers={"Authorization": f"Bearer {readers[0]}"}
    )
    assert refused.status_code == 403
    admin = await make_token(role="operator", tenant_id=tenant_id, act=Act(actor="test", at=clock()))
    headers = {"Authorization": f"Bearer {admin}"}
    assert (await http.get(f"{office.home}/pushes/{push['id']}/body", headers=headers)).status_code == 200
    assert (await http.get(f"/v1/pushes/{base['id']}/body", headers=headers)).status_code == 404


async def test_the_audit_tells_who_looked_and_the_log_of_events_does_not_grow(office, database):
    push = await newest(office)
    await office.news()
    last = "SELECT last FROM event_counter WHERE tenant_id = $1"
    before = await database.fetchval(last, office.tenant_id)
    assert before > 0
    await office.ask("GET", f"/pushes/{push['id']}/body")
    [entry] = await office.news()
    assert (entry["action"], entry["subject"]) == ("push.body_read", push["id"])
    assert (entry["by"], entry["counts"]) == ({"actor": "operator:bootstrap"}, {})
    assert await database.fetchval(last, office.tenant_id) == before
    assert await office.everything(f"/audit/{entry['id']}/changes") == []


async def test_a_body_that_is_old_enough_is_forgotten_and_the_push_stays(office, runtime, clock):
    push = await newest(office)
    clock.freeze(clock() + timedelta(days=runtime.settings.body_retention_days, minutes=5))
    await sweep(runtime)
    clock.freeze(None)
    shown = await office.ask("GET", f"/pushes/{push['id']}/body")
    assert (shown.status_code, shown.json()["code"]) == (404, "push_body_unknown")
    detail = await office.get(f"/pushes/{push['id']}")
    assert {name: detail[name] for name in push} == push | {"has_body": False}


async def test_there_is_no_body_of_a_push_that_is_not_there(office, api):
    for path in (f"{office.home}/pushes/{uuid4()}/body", f"/v1/pushes/{uuid4()}/body"):
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "push_unknown")
    push = await newest(office)
    assert (await api.get(f"/v1/pushes/{push['id']}/body")).json()["code"] == "push_unknown"
    assert (await api.get(f"/v1/tenants/{uuid4()}/pushes/{push['id']}/body")).json()[
        "code"
    ] == "tenant_unknown"


async def test_nothing_is_kept_where_nothing_is_to_be_kept(api, runtime, marketplace, product):
    """The same call as the edge takes it, under other settings."""
    sent = {}

    class Recorder:
        async def post(self, address, *, params, content):
            sent.update(params=params, content=content)
            raise ConnectionAbortedError

    marketplace.http = Recorder()
    with pytest.raises(ConnectionAbortedError):
        await marketplace.buy()
    forgetful = msgspec.structs.replace(
        runtime, settings=msgspec.structs.replace(runtime.settings, body_retention_days=0)
    )
    query = "&".join(f"{name}={value}" for name, value in sent["params"].items()).encode()
    content, _ = await answer(Request("POST", f"/{product}", query, {}, sent["content"]), forgetful)
    assert json.loads(content)["resultCode"] == "000000"
    push = await newest_base(api, product)
    assert (push["verdict"], push["has_body"]) == ("applied", False)


async def test_large_bodies_are_kept_too(office):
    people = [
        user(f"person-{number}", orgCode="X", email=f"{uuid4().hex}@example.com") for number in range(2500)
    ]
    assert (await office.enterprise.members(people)).code == "000000"
    push = await newest(office)
    assert push["size"] > 256 * 1024
    shown = await office.ask("GET", f"/pushes/{push['id']}/body")
    assert len(shown.content) == push["size"]
    assert [person["userName"] for person in shown.json()["userList"]] == [
        person["userName"] for person in people
    ]
