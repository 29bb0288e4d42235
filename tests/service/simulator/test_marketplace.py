import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import httpx2
import msgspec
import pytest

from service.koogallery import signing
from service.koogallery.canonical import parse_object
from service.simulator import base_calls, kit_calls
from service.simulator.buyers import Frame, make_buyer
from service.simulator.calls import Call, Edition, Surface
from service.simulator.marketplace import Marketplace
from service.simulator.organisations import make_organisation
from service.simulator.reorganisation import Change
from sso.keys import decrypt_client_secret, load_private_key

from .vendors import ADDRESS, BASE_KEY, KIT_KEY, V1_KEY, CarefulVendor

NOW = datetime(2025, 12, 11, 5, 48, 20, 123000, tzinfo=UTC)
ORGANISATION = make_organisation(departments=20, members=1001, seed=7, language="mixed")


def frozen(**kwargs) -> Marketplace:
    keys = {"base_key": BASE_KEY, "kit_key": KIT_KEY, "v1_key": V1_KEY}
    return Marketplace(ADDRESS, clock=lambda: NOW, **(keys | kwargs))


def frame_of(marketplace: Marketplace, edition: Edition, *, is_debug: bool = False) -> Frame:
    buyer = make_buyer("seed", name="星河制造", short_name="xinghe")
    buyer = msgspec.structs.replace(buyer, instance_id="instance-1")
    return Frame(buyer=buyer, edition=edition, is_debug=is_debug, tick=marketplace.moment)


def every_call(frame: Frame, public_key_line: str) -> list[Call]:
    department = ORGANISATION.departments[1]
    return [
        base_calls.new_instance(frame),
        base_calls.query_instance(frame),
        base_calls.refresh_instance(frame, order_id="CS1", expires_at=NOW),
        base_calls.freeze(frame),
        base_calls.unfreeze(frame),
        base_calls.upgrade(frame, order_id="CS2"),
        base_calls.release(frame, order_id="CS3"),
        *([base_calls.change_check(frame)] if frame.edition is Edition.V2 else []),
        kit_calls.tenant_sync(frame),
        kit_calls.application_sync(frame, public_key_line=public_key_line),
        kit_calls.all_org_sync(frame, ORGANISATION.departments),
        *kit_calls.auth_syncs(frame, ORGANISATION.members),
        kit_calls.single_org_sync(frame, Change(kind="rename", department=department)),
    ]


def is_verified(signed, surface: Surface) -> bool:
    """Whether the verifier of the serving side accepts what goes out."""
    query, headers = dict(signed.query), dict(signed.headers)
    if surface is Surface.V1_BASE:
        return signing.verify_v1_query([V1_KEY], query) is not None
    members = parse_object(signed.content)
    if surface is Surface.V1_KIT:
        token = headers["authToken"]
        return signing.verify_v1_body([V1_KEY], auth_token=token, members=members) is not None
    base = surface is Surface.V2_BASE
    source, prefix = (query, "") if base else (headers, "x-")
    verify, key = (signing.verify_base, BASE_KEY) if base else (signing.verify_kit, KIT_KEY)
    found = verify(
        [key],
        nonce=source[f"{prefix}nonce"],
        timestamp=source[f"{prefix}timestamp"],
        signature=source["signature" if base else "x-sign"],
        body=signed.content,
        members=members,
    )
    return found is not None


@pytest.mark.parametrize("edition", list(Edition))
def test_every_call_of_an_edition_is_signed_as_the_verifier_wants_it(edition, public_key_line):
    marketplace = frozen()
    calls = every_call(frame_of(marketplace, edition), public_key_line)
    assert len({call.name for call in calls}) >= 11
    for call in calls:
        assert is_verified(marketplace.sign(call), call.surface), call.name


@pytest.mark.parametrize("edition", list(Edition))
def test_a_call_with_the_wrong_key_is_not_accepted(edition, public_key_line):
    marketplace = frozen()
    for call in every_call(frame_of(marketplace, edition), public_key_line):
        forged = marketplace.sign(msgspec.structs.replace(call, has_wrong_key=True))
        assert not is_verified(forged, call.surface), call.name


def test_the_addresses_are_the_marketplaces_own(public_key_line):
    marketplace = frozen()
    v2 = [marketplace.sign(call) for call in every_call(frame_of(marketplace, Edition.V2), public_key_line)]
    v1 = [marketplace.sign(call) for call in every_call(frame_of(marketplace, Edition.V1), public_key_line)]
    assert {(signed.method, signed.url) for signed in v2 if not signed.call.surface.is_kit} == {
        ("POST", ADDRESS)
    }
    assert {(signed.method, signed.url) for signed in v1 if not signed.call.surface.is_kit} == {
        ("GET", ADDRESS)
    }
    assert f"{ADDRESS}/produceAPI/v2/allOrgSync" in {signed.url for signed in v2}
    assert f"{ADDRESS}/produceAPI/allOrgSync" in {signed.url for signed in v1}


def test_nonces_differ_and_timestamps_follow_clock_and_skew(public_key_line):
    marketplace = frozen()
    call = kit_calls.tenant_sync(frame_of(marketplace, Edition.V2))
    first, second = (dict(marketplace.sign(call).headers) for _ in range(2))
    assert first["x-nonce"] != second["x-nonce"]
    assert first["x-timestamp"] == "1765432100123"
    late = marketplace.sign(msgspec.structs.replace(call, skew=timedelta(seconds=-61)))
    assert dict(late.headers)["x-timestamp"] == "1765432039123"


def test_body_times_are_chinese_and_always_later():
    marketplace = frozen()
    frame = frame_of(marketplace, Edition.V2)
    times = [msgspec.json.decode(kit_calls.tenant_sync(frame).body)["timeStamp"] for _ in range(3)]
    assert times == ["20251211134820123", "20251211134820124", "20251211134820125"]


def test_members_go_in_batches_of_at_most_500():
    frame = frame_of(frozen(), Edition.V2)
    sizes = [
        len(msgspec.json.decode(call.body)["userList"])
        for call in kit_calls.auth_syncs(frame, ORGANISATION.members)
    ]
    assert sizes == [500, 500, 1]


def test_the_client_secret_is_encrypted_for_the_vendor(private_key, public_key_line):
    frame = frame_of(frozen(), Edition.V2)
    body = msgspec.json.decode(kit_calls.application_sync(frame, public_key_line=public_key_line).body)
    plain = decrypt_client_secret(body["clientSecret"], [load_private_key(private_key)])
    assert plain == frame.buyer.client_secret


def test_debug_calls_carry_the_flag_and_no_instance():
    frame = frame_of(frozen(), Edition.V2, is_debug=True)
    body = msgspec.json.decode(kit_calls.tenant_sync(frame).body)
    assert body["testFlag"] == 1
    assert "instanceId" not in body
    assert "orderId" not in body
    assert msgspec.json.decode(base_calls.new_instance(frame).body)["testFlag"] == "1"


def test_v1_lists_are_text_with_v1_names():
    frame = frame_of(frozen(), Edition.V1)
    tree = msgspec.json.decode(kit_calls.all_org_sync(frame, ORGANISATION.departments).body)["orgInfo"]
    assert set(msgspec.json.decode(tree)[0]) == {"orgCode", "name", "parentCode"}
    users = msgspec.json.decode(next(kit_calls.auth_syncs(frame, ORGANISATION.members[:1])).body)["userList"]
    assert set(msgspec.json.decode(users)[0]["extension"]) == {"entryDate", "employeeType", "workPlace"}


async def test_a_plus_in_a_v1_token_travels_encoded(careful: CarefulVendor):
    async with frozen(transport=httpx2.ASGITransport(careful)) as marketplace:
        frame = frame_of(marketplace, Edition.V1)
        signed = marketplace.sign(base_calls.new_instance(frame))
        signed = msgspec.structs.replace(signed, query=(("authToken", "a+b/c=="), ("customerName", "星 河")))
        await marketplace.send(signed)
    assert careful.requests[-1].query == {"authToken": "a+b/c==", "customerName": "星 河"}


async def test_the_answer_tells_code_time_and_body_sign(marketplace: Marketplace):
    answer = await marketplace.call(base_calls.new_instance(frame_of(marketplace, Edition.V2)))
    assert answer.as_expected
    assert answer.result_code == "000000"
    assert answer.instance_id
    assert answer.body_sign_valid is True
    assert answer.body_sign_name == "Body-Sign"
    assert answer.seconds > 0


async def answer_of(app) -> tuple:
    async with frozen(transport=httpx2.ASGITransport(app), time_limit=0.2) as marketplace:
        return await marketplace.call(kit_calls.tenant_sync(frame_of(marketplace, Edition.V2)))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'"text"', b'{"resultCode": 0}', b"\xff\xfe", b'{"a":' + b"[" * 100_000]
)
async def test_an_odd_answer_is_unexpected_and_never_an_exception(body):
    async def odd(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    answer = await answer_of(odd)
    assert not answer.as_expected
    assert answer.body_sign_valid is None


async def test_a_status_other_than_200_is_unexpected_whatever_the_code():
    async def busy(scope, receive, send):
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b'{"resultCode":"000000"}'})

    answer = await answer_of(busy)
    assert (answer.status, answer.result_code, answer.as_expected) == (503, "000000", False)


async def test_a_silent_vendor_is_an_answer_with_status_0():
    async def silent(scope, receive, send):
        await asyncio.Event().wait()

    answer = await answer_of(silent)
    assert answer.status == 0
    assert answer.summary == "no answer: nothing within 0.2 s"


async def test_a_failing_kit_call_is_made_five_times_with_fresh_nonces(careful: CarefulVendor):
    transport = httpx2.ASGITransport(careful)
    keys = {"base_key": BASE_KEY, "kit_key": KIT_KEY}
    async with Marketplace(ADDRESS, **keys, transport=transport, kit_attempts=5) as marketplace:
        frame = frame_of(marketplace, Edition.V2)
        answer = await marketplace.call(kit_calls.all_org_sync(frame, ORGANISATION.departments))
    assert (answer.attempts, answer.result_code) == (5, "000002")
    assert len({request.headers["x-nonce"] for request in careful.requests}) == 5


def test_every_query_argument_survives_the_url(public_key_line):
    marketplace = frozen()
    signed = marketplace.sign(base_calls.new_instance(frame_of(marketplace, Edition.V1)))
    encoded = str(httpx2.URL(signed.url).copy_with(params=dict(signed.query)))
    assert dict(parse_qsl(encoded.partition("?")[2])) == dict(signed.query)


def test_blank_values_are_signed_in_a_v1_query_and_left_out_in_a_v1_body():
    marketplace = frozen()
    frame = frame_of(marketplace, Edition.V1)
    query = dict(marketplace.sign(base_calls.base_call(frame, "queryInstance", {"instanceId": ""})).query)
    found = signing.verify_v1_query([V1_KEY], query)
    assert found is not None
    assert found.candidate == "blanks_kept"
    signed = marketplace.sign(kit_calls.kit_call(frame, "tenantSync", {"instanceId": "", "tenantId": "t"}))
    token = dict(signed.headers)["authToken"]
    found = signing.verify_v1_body([V1_KEY], auth_token=token, members=parse_object(signed.content))
    assert found is not None
    assert found.candidate == "blanks_skipped"
