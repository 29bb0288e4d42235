"""The marketplace's door under bad input: whatever comes, it answers 200 with a documented code."""

import asyncio
import secrets
import time
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.koogallery import routes
from service.koogallery.canonical import NotJson, parse_object
from service.koogallery.signing import sign_base, sign_kit, sign_v1, v1_body_text, v1_query_text
from tests.faults.raw import ask, dump, is_answer, json_values
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, user

SOME = settings(max_examples=40)

KIT_MESSAGES = {
    "tenantSync": {"orderId": "CS1", "tenantCode": "c", "name": "n", "domainName": "d.example"},
    "applicationSync": {"appId": "app-1", "clientId": "client-1", "clientSecret": "c2VjcmV0"},
    "authSync": {"appId": "app-1", "userList": [user("wang.fang")]},
    "singleOrgSync": {"orgCode": "D1", "orgName": "n", "parentCode": "D0"},
    "allOrgSync": {"orgInfoList": [{"orgCode": "D1", "orgName": "n", "parentCode": ""}]},
}
USER_FIELDS = [
    *user("x"),
    "employeeType",
    "mobile",
    "email",
    "workPlace",
    "entryDate",
    "extension",
    "position",
]
BASE_FIELDS = {
    "orderId": "CS1",
    "orderLineId": "CS1-1",
    "businessId": "b-1",
    "instanceId": "i-1",
    "expireTime": "20301231000000",
    "scene": "RENEWAL",
    "status": "FREEZE",
    "instanceStatus": "FREEZE",
    "productInfo": "[]",
    "orderInfo": [],
    "testFlag": "0",
    "trialFlag": "0",
    "productId": "p",
    "mobilePhone": "x",
    "encryptType": "1",
}
ACTIVITIES = [
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
]


@pytest.fixture
async def enterprise(marketplace):
    """One that takes what is valid, so that values reach the database."""
    return await marketplace.open_enterprise()


async def push(app, address, interface, body):
    """A V2 kit call, signed over the bytes as they are."""
    nonce, stamp = secrets.token_hex(8), str(int(time.time() * 1000))
    signature = sign_kit(KIT_KEY, nonce=nonce, timestamp=stamp, payload=body)
    headers = [(b"x-nonce", nonce), (b"x-timestamp", stamp), (b"x-sign", signature)]
    return await ask(
        app,
        "POST",
        f"{address}/produceAPI/v2/{interface}",
        headers=[(name, value.encode()) for name, value in headers],
        chunks=[body],
    )


async def base(app, address, body):
    nonce, stamp = secrets.token_hex(8), str(int(time.time() * 1000))
    signature = sign_base(BASE_KEY, nonce=nonce, timestamp=stamp, payload=body)
    query = urlencode({"signature": signature, "timestamp": stamp, "nonce": nonce}).encode()
    return await ask(app, "POST", address, query=query, chunks=[body])


async def v1(app, address, fields):
    """A V1 base call; lone surrogates become bytes that are not UTF-8."""
    token = sign_v1(V1_KEY, time_stamp=fields["timeStamp"], text=v1_query_text(fields, keep_blank=True))
    query = urlencode({**fields, "authToken": token}, errors="surrogateescape").encode()
    return await ask(app, "GET", address, query=query)


async def v1_kit(app, address, interface, body, time_stamp):
    try:
        token = sign_v1(
            V1_KEY, time_stamp=time_stamp, text=v1_body_text(parse_object(body), keep_blank=False)
        )
    except NotJson:
        token = "unsignable"
    headers = [(b"authtoken", token.encode())]
    return await ask(app, "POST", f"{address}/produceAPI/{interface}", headers=headers, chunks=[body])


@SOME
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"]),
    rest=st.sampled_from(
        [b"", b"/", b"/produceAPI/v2/authSync", b"/produceAPI/authSync", b"/produceAPI", b"/x"]
    )
    | st.binary(max_size=30).map(lambda raw: b"/" + quote_from_bytes(raw).encode()),
    known=st.booleans(),
    query=st.binary(max_size=60),
    names=st.lists(
        st.sampled_from([b"authtoken", b"x-sign", b"x-nonce", b"x-timestamp", b"cookie", b"content-type"])
    ),
    values=st.lists(st.binary(max_size=40)),
    body=st.binary(max_size=60),
)
async def test_any_request_is_answered(app, product, method, rest, known, query, names, values, body):
    path = f"/koogallery/{product if known else 'nothing'}".encode() + rest
    headers = list(zip(names, values, strict=False))
    reply = await ask(app, method, path, query=query, headers=headers, chunks=[body])
    assert is_answer(reply), reply
    assert ("body-sign" in reply.headers) == known


@pytest.mark.parametrize("slug", [b"%00", b"%FF", b"%ED%A0%80", b"a%0A", b"A", b"a" * 70_000, b""])
async def test_a_name_no_product_can_have_is_an_unknown_product(app, slug):
    reply = await ask(app, "POST", b"/koogallery/" + slug, chunks=[b"{}"])
    assert (reply.status, reply.code) == (200, "000001"), reply


@pytest.mark.parametrize(
    "query",
    [
        b"a=" + b"x" * 100_000,
        b"&".join(b"p%d=%d" % (number, number) for number in range(20_000)),
        b"&" * 50_000,
        b"%" * 50_000,
        b"\xff\x00=%ff%00&authToken=%ed%a0%80&timeStamp=\xff",
    ],
)
async def test_a_query_without_measure_is_answered(app, product, query):
    for method in ("GET", "POST"):
        assert is_answer(await ask(app, method, f"/koogallery/{product}", query=query, chunks=[b"{}"]))


async def test_thousands_of_headers_are_answered(app, product):
    headers = [(b"x-%d" % number, b"\xff" * 20) for number in range(5000)]
    headers += [(b"x-timestamp", b"1" * 8000), (b"x-nonce", b"\x00\xff"), (b"x-sign", b"\xed\xa0\x80")]
    path = f"/koogallery/{product}/produceAPI/v2/authSync"
    assert is_answer(await ask(app, "POST", path, headers=headers, chunks=[b"{}"]))


@pytest.mark.parametrize("interface", KIT_MESSAGES)
@SOME
@given(data=st.data())
async def test_any_json_in_any_field_of_a_kit_message_is_answered(
    app, marketplace, enterprise, interface, data
):
    message = {
        "instanceId": enterprise.instance,
        "tenantId": enterprise.tenant,
        "flag": 1,
        "testFlag": 0,
        "timeStamp": marketplace.time(),
        "currentSyncTime": marketplace.time(),
        **KIT_MESSAGES[interface],
    }
    names = data.draw(st.lists(st.sampled_from(sorted(message)), min_size=1, max_size=2))
    message |= {name: data.draw(json_values) for name in names}
    message["flag"] = data.draw(st.sampled_from([0, 1, 2, 3])) if "flag" not in names else message["flag"]
    if interface == "authSync" and "userList" not in names:
        message["userList"][0] = user("u") | {data.draw(st.sampled_from(USER_FIELDS)): data.draw(json_values)}
    body = dump(message)
    reply = await push(app, marketplace.address, interface, body)
    assert is_answer(reply), reply
    assert reply.code != "000001", reply
    assert is_answer(await v1_kit(app, marketplace.address, interface, body, str(message["timeStamp"])))


@pytest.mark.parametrize("activity", ACTIVITIES)
@SOME
@given(data=st.data())
async def test_any_json_in_any_field_of_a_base_message_is_answered(
    app, marketplace, enterprise, activity, data
):
    names = data.draw(st.lists(st.sampled_from([*BASE_FIELDS, "activity"]), min_size=1, max_size=2))
    valid = {**BASE_FIELDS, "activity": activity, "instanceId": enterprise.instance}
    message = valid | {name: data.draw(json_values) for name in names}
    reply = await base(app, marketplace.address, dump(message))
    assert is_answer(reply), reply
    assert reply.code != "000001", reply
    fields = {
        name: value if isinstance(value, str) else str(value)
        for name, value in message.items()
        if name != "orderInfo"
    }
    fields = {name: value.replace("\ud800", "\udcff") for name, value in fields.items()}
    reply = await v1(app, marketplace.address, {"timeStamp": marketplace.time(), **fields})
    assert is_answer(reply), reply


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"tenantId":"\xed\xa0\x80"}',
        b'{"tenantId":"\\ud800"}',
        b'{"flag":' + b"9" * 100_000 + b"}",
        b'{"flag":1e' + b"9" * 100_000 + b"}",
        b'{"timeStamp":-0.' + b"1" * 100_000 + b"}",
        b"{" + b",".join(b'"f%d":1' % number for number in range(5000)) + b"}",
        b'{"a":1}{"a":1}',
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\x00" * 1000,
        b'{"a":"\x00"}',
    ],
)
async def test_a_body_without_sense_is_refused_as_invalid(app, marketplace, body):
    assert (await base(app, marketplace.address, body)).code == "000002"
    for interface in KIT_MESSAGES:
        assert (await push(app, marketplace.address, interface, body)).code == "000002"
        assert is_answer(await v1_kit(app, marketplace.address, interface, body, "20260101000000000"))


@pytest.mark.parametrize(
    "time_stamp", ["00010101000000", "00010101000000000", "19700101080000", "20260230000000"]
)
async def test_a_time_that_cannot_be_is_refused_as_invalid(marketplace, time_stamp):
    enterprise = await marketplace.open_enterprise()
    assert (await enterprise.department("D1", at=time_stamp)).code == "000002"
    assert (await enterprise.bind(at=time_stamp)).code == "000002"


async def test_a_purchase_for_ever_is_taken(marketplace, api):
    instance = await marketplace.buy(expireTime="99991231235959")
    assert (await api.get(f"/v1/instances/{instance}")).json()["expires_at"] == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize("text", ["[" + "a" * 300_000, '["' + '\\"' * 300_000, "[{a" + " " * 300_000])
async def test_a_long_malformed_list_in_a_text_is_refused_at_once(app, marketplace, text):
    message = {"tenantId": "t", "flag": 1, "timeStamp": marketplace.time(), "appId": "a", "userList": text}
    started = time.perf_counter()
    assert (await push(app, marketplace.address, "authSync", dump(message))).code == "000002"
    assert time.perf_counter() - started < 5


async def test_a_body_over_the_limit_is_refused_while_it_is_read(app, product, runtime):
    limit, chunk = runtime.settings.max_body_bytes, bytes(1024 * 1024)
    endless = (chunk for _ in range(10_000))
    reply = await ask(app, "POST", f"/koogallery/{product}", chunks=endless)
    assert is_answer(reply)
    assert reply.code == "000002"
    assert reply.taken * len(chunk) <= limit + len(chunk)


async def test_a_body_that_does_not_come_is_refused_in_time(app, product, monkeypatch):
    monkeypatch.setattr(routes, "_BODY_SECONDS", 0.1)

    async def never():
        await asyncio.sleep(60)

    reply = await asyncio.wait_for(
        ask(app, "POST", f"/koogallery/{product}", chunks=[b"{"], receive_end=never), timeout=5
    )
    assert (reply.status, reply.code) == (200, "000002")
    assert "body-sign" in reply.headers


async def test_a_body_that_breaks_off_changes_nothing(app, product):
    async def broken():
        return {"type": "http.disconnect"}

    reply = await ask(app, "POST", f"/koogallery/{product}", chunks=[b'{"a":1}'], receive_end=broken)
    assert (reply.status, reply.code) == (200, "000002")
