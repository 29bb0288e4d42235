import json

import pytest

from service.koogallery.canonical import canonical
from service.koogallery.signing import sign_base
from tests.conformance.bodies import order
from tests.conformance.directory import Directory
from tests.conformance.vectors import DEBUG_TENANT, INSTANCE, TENANT, VECTORS
from tests.marketplace import BASE_KEY, KIT_KEY, Answer, Enterprise


def enterprise_body(marketplace, **fields):
    return {
        "instanceId": "",
        "tenantId": "t-signature",
        "tenantCode": "code",
        "name": "星河",
        "domainName": "https://x.example",
        "flag": 1,
        "testFlag": 1,
        "timeStamp": marketplace.time(),
        **fields,
    }


async def test_case_05_a_pretty_printed_body_in_another_order_is_accepted(vectors, purchases):
    answer = await vectors.base("base-newInstance-debug-spaced")
    assert (answer.code, answer.body["instanceId"]) == ("000000", INSTANCE)
    assert await purchases.ids() == []


async def test_case_06_a_null_member_is_not_signed(vectors, purchases):
    assert '"testFlag":null' in VECTORS["base-newInstance"]["body"]
    assert "testFlag" not in VECTORS["base-newInstance"]["payload"]
    assert (await vectors.base("base-newInstance")).code == "000000"
    assert await purchases.ids() == [INSTANCE]


async def test_case_07_a_signature_in_upper_case_is_accepted(vectors):
    assert (await vectors.base("base-newInstance", upper=True)).code == "000000"
    assert (await vectors.kit("kit-tenantSync", upper=True)).code == "000000"
    assert (await vectors.kit("kit-allOrgSync-array", upper=True)).code == "000000"


async def test_case_07_a_signature_in_lower_case_is_accepted(vectors):
    assert (await vectors.base("base-newInstance")).code == "000000"
    assert (await vectors.kit("kit-tenantSync")).code == "000000"
    assert (await vectors.kit("kit-allOrgSync-array")).code == "000000"


async def test_case_08_a_body_changed_after_signing_is_refused(marketplace, purchases, api):
    body = json.dumps(order()).encode()
    answer = await marketplace.base(body, content=body.replace(b"-000001", b"-000002"))
    assert (answer.response.status_code, answer.code) == (200, "000001")
    assert await purchases.ids() == []

    instance = await marketplace.buy()
    body = json.dumps(enterprise_body(marketplace, instanceId=instance, testFlag=0)).encode()
    answer = await marketplace.kit("tenantSync", body, content=body.replace(b"t-sign", b"u-sign"))
    assert (answer.response.status_code, answer.code) == (200, "000001")
    assert await Directory(api, "u-signature").tenants() == []
    assert await Directory(api, "t-signature").tenants() == []


async def test_case_09_the_key_of_the_other_kind_does_not_sign(marketplace, purchases):
    assert (await marketplace.base(order(), key=KIT_KEY)).code == "000001"
    assert (await marketplace.kit("tenantSync", enterprise_body(marketplace), key=BASE_KEY)).code == "000001"
    assert await purchases.ids() == []


async def test_case_10_a_call_without_a_signature_is_refused(marketplace, purchases):
    nonce, now = "a-nonce", marketplace.stamp()
    base = Answer(
        await marketplace.http.post(
            marketplace.address, params={"timestamp": now, "nonce": nonce}, json=order()
        )
    )
    assert (base.response.status_code, base.code) == (200, "000001")
    kit = Answer(
        await marketplace.http.post(
            f"{marketplace.address}/produceAPI/v2/tenantSync",
            headers={"x-timestamp": now, "x-nonce": nonce},
            json=enterprise_body(marketplace),
        )
    )
    assert (kit.response.status_code, kit.code) == (200, "000001")
    assert await purchases.ids() == []


@pytest.mark.parametrize(
    ("timestamp", "nonce"), [(None, "a-nonce"), ("now", None), ("abc", "a-nonce"), ("-1", "a-nonce")]
)
async def test_case_11_a_missing_or_odd_timestamp_or_nonce_is_invalid(
    marketplace, purchases, timestamp, nonce
):
    timestamp = marketplace.stamp() if timestamp == "now" else timestamp
    raw = json.dumps(order()).encode()
    signed = sign_base(BASE_KEY, nonce=nonce or "", timestamp=timestamp or "", payload=canonical(raw))
    query = {"signature": signed, "timestamp": timestamp, "nonce": nonce}
    sent = {name: value for name, value in query.items() if value is not None}
    answer = Answer(await marketplace.http.post(marketplace.address, params=sent, content=raw))
    assert (answer.response.status_code, answer.code) == (200, "000002")
    assert await purchases.ids() == []


async def test_case_12_a_timestamp_60001_ms_old_is_refused(marketplace, purchases):
    answer = await marketplace.base(order(), timestamp=marketplace.stamp(-60_001))
    assert (answer.response.status_code, answer.code) == (200, "000002")
    kit = await marketplace.kit(
        "tenantSync", enterprise_body(marketplace), timestamp=marketplace.stamp(-60_001)
    )
    assert kit.code == "000002"
    assert await purchases.ids() == []


async def test_case_13_a_timestamp_59_seconds_old_is_accepted(marketplace, purchases):
    assert (await marketplace.base(order(), timestamp=marketplace.stamp(-59_000))).code == "000000"
    assert len(await purchases.ids()) == 1


async def test_case_13_the_window_ends_at_60_seconds_to_the_millisecond(marketplace):
    for milliseconds, code in ((-60_000, "000000"), (60_000, "000000"), (60_001, "000002")):
        answer = await marketplace.base(order(), timestamp=marketplace.stamp(milliseconds))
        assert answer.code == code, milliseconds


async def test_case_14_a_timestamp_two_minutes_ahead_is_refused(marketplace, purchases):
    answer = await marketplace.base(order(), timestamp=marketplace.stamp(120_000))
    assert (answer.response.status_code, answer.code) == (200, "000002")
    assert await purchases.ids() == []


async def test_case_15_the_very_same_request_again_is_refused(vectors, purchases):
    assert (await vectors.base("base-newInstance")).code == "000000"
    before = await purchases.read(INSTANCE)
    assert (await vectors.base("base-newInstance")).code == "000001"
    assert await purchases.ids() == [INSTANCE]
    assert await purchases.read(INSTANCE) == before


async def test_case_15_a_replayed_removal_removes_nothing(enterprise, marketplace, api):
    body = json.dumps(
        enterprise_body(marketplace, instanceId=enterprise.instance, tenantId=enterprise.tenant, testFlag=0)
    ).encode()
    gone = body.replace(b'"flag": 1', b'"flag": 0')
    assert (await marketplace.kit("tenantSync", gone, nonce="spent")).code == "000000"
    assert (await marketplace.kit("tenantSync", body)).code == "000000"
    assert (await marketplace.kit("tenantSync", gone, nonce="spent")).code == "000001"
    [binding] = (await Directory(api, enterprise.tenant).tenant())["bindings"]
    assert binding["active"]


async def test_case_16_a_forged_request_does_not_burn_its_nonce(marketplace, purchases):
    body = order()
    forged = await marketplace.base(body, nonce="the-nonce", signature="0" * 64)
    assert forged.code == "000001"
    assert (await marketplace.base(body, nonce="the-nonce")).code == "000000"
    assert len(await purchases.ids()) == 1


async def test_case_64_of_a_repeated_name_the_last_value_counts(marketplace, enterprise, api):
    body = json.dumps(
        {
            "instanceId": enterprise.instance,
            "tenantId": enterprise.tenant,
            "orgCode": "D1",
            "orgName": "质检部",
            "parentCode": "",
            "flag": 1,
            "testFlag": 0,
            "timeStamp": marketplace.time(),
        },
        ensure_ascii=False,
    ).encode()
    doubled = b'{"instanceId": "none-at-all", ' + body[1:]
    assert (await marketplace.kit("singleOrgSync", doubled)).code == "000000"
    assert await Directory(api, enterprise.tenant).tree() == [("D1", "质检部", 0)]
    reversed_order = body[:-1] + b', "instanceId": "none-at-all"}'
    assert (await marketplace.kit("singleOrgSync", reversed_order)).code == "000003"


async def test_case_65_escapes_emoji_and_control_characters_are_signed_as_read(vectors, marketplace, api):
    shadow = Enterprise(marketplace, "", DEBUG_TENANT, "app-1")
    assert (await shadow.bind(testFlag=1)).code == "000000"
    assert (await vectors.kit("kit-unicode-escapes")).code == "000000"
    tree = await Directory(api, DEBUG_TENANT, is_test=True).tree()
    assert tree == [("D1", '华为/😀\u001f"\\', 0)]


@pytest.mark.parametrize(
    "body", [b"this is not JSON", b"", b"[]", b'"text"', b"{", b'{"a":1}{"b":2}', b"\xff\xfe", b"null"]
)
async def test_case_66_a_body_that_is_not_json_is_invalid(marketplace, purchases, body):
    for sent in (
        await marketplace.base(body, signature="0" * 64),
        await marketplace.kit("tenantSync", body, signature="0" * 64),
        Answer(
            await marketplace.http.post(
                f"{marketplace.address}/produceAPI/tenantSync", content=body, headers={"authToken": "x"}
            )
        ),
    ):
        assert (sent.response.status_code, sent.code) == (200, "000002")
    assert await purchases.ids() == []


async def test_every_vector_of_a_call_is_accepted_in_one_conversation(demo, vectors, api):
    assert (await vectors.kit("kit-allOrgSync-string")).code == "000000"
    assert (await vectors.kit("kit-allOrgSync-array")).code == "000000"
    assert (await vectors.kit("kit-authSync-nested-zh")).code == "000000"
    assert (await vectors.v1_post("v1-post-authSync")).code == "000000"
    assert (await vectors.v1_get("v1-get-newInstance")).code == "000000"
    assert (await vectors.base("base-updateInstanceStatus")).code == "000000"
    directory = Directory(api, TENANT)
    assert await directory.members() == ["li.lei", "wang.fang"]
    assert {push["edition"] for push in await directory.pushes()} == {"V1", "V2"}
