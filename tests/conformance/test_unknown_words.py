"""What is not understood is an invalid parameter, and what fails is an internal error; HTTP says 200."""

import json

import pytest

from service.koogallery import directory as kit_interfaces
from tests.conformance.bodies import order, refresh, status
from tests.marketplace import user


async def test_unknown_words_are_invalid(marketplace, enterprise, directory, purchases):
    before = await purchases.read(enterprise.instance)
    for body in (
        order(activity=""),
        order(activity="NEWINSTANCE"),
        {**order(), "activity": None},
        refresh(enterprise.instance, "20271211155959", "RENEWAL_OF_LOVE"),
        status(enterprise.instance, "MELT"),
    ):
        answer = await marketplace.base(body)
        assert (answer.response.status_code, answer.code) == (200, "000002"), body
    assert await purchases.read(enterprise.instance) == before
    for flag in (4, -1, None, "add", 1.5):
        for answer in (
            await enterprise.bind(flag=flag, at=1),
            await enterprise.application(flag=flag, at=1),
            await enterprise.members([user("wang.fang")], flag=flag, at=1),
            await enterprise.department("D1", flag=flag, at=1),
        ):
            assert (answer.response.status_code, answer.code) == (200, "000002"), flag
    assert (await enterprise.bind(flag=3, at=1)).code == "000002"
    assert (await enterprise.department("D1", testFlag=2)).code == "000002"
    assert (await directory.tenant())["counts"]["members"] == 0


async def test_unknown_interfaces_are_invalid(marketplace, enterprise):
    for interface in ("everythingSync", "tenantsync", "", "tenantSync/more"):
        answer = await marketplace.kit(interface, enterprise._body(0.0, flag=1))
        assert (answer.response.status_code, answer.code) == (200, "000002"), interface


@pytest.mark.parametrize(
    "fields",
    [
        {"orgCode": "x" * 65},
        {"orgCode": 7},
        {"orgCode": ""},
        {"orgCode": None},
        {"orgName": "x" * 129},
        {"orgName": ""},
        {"orgName": "nul\u0000"},
        {"parentCode": ["D1"]},
        {"tenantId": "x" * 65},
        {"tenantId": ""},
        {"tenantId": " "},
        {"instanceId": {"a": 1}},
        {"timeStamp": "yesterday"},
        {"timeStamp": ""},
        {"timeStamp": "20251311134820123"},
        {"flag": [1]},
    ],
)
async def test_unknown_and_wrong_kinds_of_values_are_invalid(enterprise, directory, fields):
    answer = await enterprise.department("D1", **fields)
    assert (answer.response.status_code, answer.code) == (200, "000002")
    assert await directory.tree() == []


async def test_unknown_and_wrong_kinds_of_users_refuse_the_whole_list(enterprise, directory):
    good = user("wang.fang")
    for bad in (
        {"name": "nameless"},
        user(""),
        user("x" * 65),
        user("li.lei", role="king"),
        user("li.lei", enable="perhaps"),
        user("li.lei", name=None),
        user("li.lei", mobile=[1]),
        "li.lei",
        None,
    ):
        answer = await enterprise.members([good, bad])
        assert (answer.response.status_code, answer.code) == (200, "000002"), bad
    for users in ("", "[", "text", 7, None, {}):
        assert (await enterprise.members(users)).code == "000002", users
    assert await directory.members() == []


async def test_unknown_errors_are_internal_ones(enterprise, directory, monkeypatch):
    async def fail(*_args, **_kwargs):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(kit_interfaces, "put_department", fail)
    answer = await enterprise.department("D1")
    assert (answer.response.status_code, answer.code) == (200, "000005")
    assert "secret" not in answer.response.text
    assert "Error" not in answer.response.text
    [failed] = [push for push in await directory.pushes() if push["verdict"] == "failed"]
    assert failed["id"] in answer.body["resultMsg"]
    monkeypatch.undo()
    assert (await enterprise.department("D1")).code == "000000"


async def test_unknown_is_no_product_to_an_unsigned_caller(http):
    for path in (
        "/koogallery",
        "/koogallery/",
        "/koogallery/never-seen",
        "/koogallery/never-seen/produceAPI/x",
    ):
        for method in ("GET", "POST"):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.json()["resultCode"]) == (200, "000001"), path


async def test_a_large_number_for_an_id_is_refused_not_kept(enterprise, directory):
    raw = json.dumps(enterprise._body(0.0, orgCode="D1", orgName="x", flag=1)).encode()
    odd = raw.replace(b'"flag": 1', b'"flag": ' + b"9" * 400)
    assert (await enterprise.marketplace.kit("singleOrgSync", odd)).code == "000002"
    assert await directory.tree() == []
