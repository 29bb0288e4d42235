"""Where the marketplace's pages disagree about signatures: what is accepted, and what is not."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest

from service.koogallery.canonical import canonical, parse_object
from service.koogallery.signing import (
    body_sign,
    sign_base,
    sign_kit,
    sign_v1,
    v1_body_text,
    v1_query_text,
)
from tests.conformance.bodies import body_sign_of, order, v1_order
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, Answer


def seconds(marketplace):
    return marketplace.stamp()[:10]


async def test_tolerance_01_a_timestamp_of_ten_digits_counts_seconds(marketplace, enterprise, directory):
    assert (await marketplace.base(order(), timestamp=seconds(marketplace))).code == "000000"
    stale = str(int(seconds(marketplace)) - 61)
    assert (await marketplace.base(order(), timestamp=stale)).code == "000002"
    body = department(marketplace, enterprise)
    answer = await marketplace.kit("singleOrgSync", body, timestamp=seconds(marketplace))
    assert answer.code == "000000"
    assert await directory.tree() == [("D1", "质检部", 0)]


def department(marketplace, enterprise, **fields):
    return {
        "timeStamp": marketplace.time(),
        "orgName": "质检部",
        "orgCode": "D1",
        "tenantId": enterprise.tenant,
        "instanceId": enterprise.instance,
        "parentCode": "",
        "flag": 1,
        "testFlag": 0,
        **fields,
    }


@pytest.mark.parametrize("form", ["canonical", "raw", "deep"])
async def test_tolerance_04_each_way_to_print_the_payload_is_accepted(
    marketplace, enterprise, directory, form
):
    nested = {"b": 1, "a": {"d": None, "c": 2}}
    raw = json.dumps(department(marketplace, enterprise, extra=nested), ensure_ascii=False, indent=1).encode()
    deep = {"a": {"c": 2}, "b": 1}
    payload = {
        "canonical": canonical(raw),
        "raw": raw,
        "deep": canonical(
            json.dumps(department(marketplace, enterprise, extra=deep), ensure_ascii=False).encode()
        ),
    }[form]
    now = marketplace.stamp()
    signature = sign_kit(KIT_KEY, nonce=form, timestamp=now, payload=payload)
    answer = await marketplace.kit("singleOrgSync", raw, nonce=form, timestamp=now, signature=signature)
    assert answer.code == "000000"
    assert form in {push["signed_as"] for push in await directory.pushes()}


async def test_tolerance_06_a_plain_hash_of_the_payload_is_refused(marketplace, purchases):
    raw, now = json.dumps(order()).encode(), marketplace.stamp()
    digest = hashlib.sha256(canonical(raw)).hexdigest()
    signed = hmac.digest(BASE_KEY.encode(), f"{BASE_KEY}n{now}{digest}".encode(), "sha256").hex()
    assert (await marketplace.base(raw, nonce="n", timestamp=now, signature=signed)).code == "000001"
    assert await purchases.ids() == []


async def test_tolerance_08_scalars_of_a_base_body_may_be_signed_as_text(marketplace, purchases):
    raw, now = json.dumps(order(testFlag=0, amount=1.50)).encode(), marketplace.stamp()
    for nonce, payload in (("typed", canonical(raw)), ("texts", canonical(raw, base=True))):
        signed = sign_base(BASE_KEY, nonce=nonce, timestamp=now, payload=payload)
        answer = await marketplace.base(raw, nonce=nonce, timestamp=now, signature=signed)
        assert answer.code == "000000", nonce
    assert len(await purchases.ids()) == 1


async def test_tolerance_19_the_time_in_a_body_is_not_its_freshness(enterprise, directory):
    assert (await enterprise.department("D1", "质检部", at="20200101000000000")).code == "000000"
    assert await directory.tree() == [("D1", "质检部", 0)]


async def test_tolerance_25_every_answer_is_signed_with_the_key_of_its_kind(marketplace, enterprise):
    base = await marketplace.base(order())
    kit = await enterprise.department("D1")
    refused = await marketplace.base(order(), signature="0" * 64)
    for answer, key in ((base, BASE_KEY), (kit, KIT_KEY), (refused, BASE_KEY)):
        assert body_sign_of(answer) == body_sign(key, answer.response.content)


async def test_tolerance_25_while_keys_are_rotated_an_answer_is_signed_with_the_callers(
    marketplace, product, api
):
    keys = ["another-base-key", BASE_KEY]
    assert (
        await api.put(f"/v1/products/{product}", json={"name": "Two keys", "base_keys": keys})
    ).status_code == 200
    for key in keys:
        answer = await marketplace.base(order(), key=key)
        assert answer.code == "000000"
        assert body_sign_of(answer) == body_sign(key, answer.response.content)


@pytest.mark.parametrize("keep_blank", [True, False])
async def test_tolerance_37_blanks_of_a_v1_call_may_be_signed_or_not(
    marketplace, enterprise, directory, keep_blank
):
    params = v1_order(userId="", timeStamp=marketplace.time())
    text = v1_query_text(params, keep_blank=keep_blank)
    token = sign_v1(V1_KEY, time_stamp=params["timeStamp"], text=text)
    query = urlencode({**params, "authToken": token})
    assert Answer(await marketplace.http.get(f"{marketplace.address}?{query}")).code == "000000"

    raw = json.dumps(department(marketplace, enterprise), ensure_ascii=False).encode()
    text = v1_body_text(parse_object(raw), keep_blank=keep_blank)
    token = sign_v1(V1_KEY, time_stamp=marketplace.time(), text=text)
    answer = await marketplace.http.post(
        f"{marketplace.address}/produceAPI/singleOrgSync", content=raw, headers={"authToken": token}
    )
    assert Answer(answer).code == "000000"
    assert await directory.tree() == [("D1", "质检部", 0)]


async def test_tolerance_41_blanks_are_signed_as_they_come_and_trimmed_when_kept(marketplace, purchases):
    number = order()["orderId"]
    answer = await marketplace.base(order(orderId=f" {number} ", orderLineId=f"{number}-000001"))
    assert answer.code == "000000"
    again = await marketplace.base(order(orderId=number, orderLineId=f"{number}-000001"))
    assert again.body["instanceId"] == answer.body["instanceId"]
    assert (await purchases.read(answer.body["instanceId"]))["order_id"] == number


@pytest.mark.parametrize("path", ["//produceAPI/v2/{}", "/produceAPI/v2/{}/", "/produceAPI//v2//{}"])
async def test_tolerance_42_slashes_may_be_doubled_or_trail(marketplace, enterprise, directory, path):
    raw, now = json.dumps(department(marketplace, enterprise)).encode(), marketplace.stamp()
    signed = sign_kit(KIT_KEY, nonce="n", timestamp=now, payload=canonical(raw))
    answer = Answer(
        await marketplace.http.post(
            marketplace.address + path.format("singleOrgSync"),
            content=raw,
            headers={"x-sign": signed, "x-timestamp": now, "x-nonce": "n"},
        )
    )
    assert answer.code == "000000"
    assert len(await directory.tree()) == 1


async def test_tolerance_42_the_production_address_may_end_in_a_slash(marketplace, purchases):
    raw, now = json.dumps(order()).encode(), marketplace.stamp()
    signed = sign_base(BASE_KEY, nonce="n", timestamp=now, payload=canonical(raw))
    query = {"signature": signed, "timestamp": now, "nonce": "n"}
    answer = await marketplace.http.post(f"{marketplace.address}/", params=query, content=raw)
    assert Answer(answer).code == "000000"
    assert len(await purchases.ids()) == 1


@pytest.mark.parametrize("turned", [False, True])
async def test_tolerance_44_the_order_of_v1_parameters_is_irrelevant(marketplace, turned):
    params = {**v1_order(), "timeStamp": marketplace.time()}
    shuffled = dict(sorted(params.items(), reverse=turned))
    assert (await marketplace.v1_get(shuffled)).code == "000000"


async def test_a_raw_plus_in_an_auth_token_is_understood(marketplace):
    for _ in range(200):
        params = {**v1_order(), "timeStamp": marketplace.time()}
        text = v1_query_text(params, keep_blank=True)
        token = sign_v1(V1_KEY, time_stamp=params["timeStamp"], text=text)
        if "+" in token:
            break
    query = f"{urlencode(params)}&authToken={token}"
    assert Answer(await marketplace.http.get(f"{marketplace.address}?{query}")).code == "000000"


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=utf8", "application/json; charset=utf-8", "text/plain", None]
)
async def test_any_content_type_and_a_byte_order_mark_are_accepted(marketplace, purchases, content_type):
    raw, now = json.dumps(order()).encode(), marketplace.stamp()
    signed = sign_base(BASE_KEY, nonce="n", timestamp=now, payload=canonical(raw))
    answer = Answer(
        await marketplace.http.post(
            marketplace.address,
            params={"signature": signed, "timestamp": now, "nonce": "n"},
            content=b"\xef\xbb\xbf" + raw,
            headers={} if content_type is None else {"Content-Type": content_type},
        )
    )
    assert answer.code == "000000"
    assert len(await purchases.ids()) == 1
