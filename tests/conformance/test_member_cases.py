import json
import time

from tests.conformance.directory import Directory
from tests.conformance.vectors import APP, TENANT
from tests.marketplace import user

WANG = {
    "userName": "wang.fang",
    "name": "王芳",
    "orgCode": "D100200",
    "position": "系统管理员",
    "role": "admin",
    "enable": "true",
    "mobile": "13900000001",
    "email": "wang.fang@xinghe.example",
}


async def test_case_45_an_admin_may_sign_in_and_a_disabled_member_exists(demo, vectors, api):
    assert (await vectors.kit("kit-authSync-nested-zh")).code == "000000"
    directory = Directory(api, TENANT)
    wang, li = await directory.member("wang.fang"), await directory.member("li.lei")
    assert (wang["name"], wang["role"], wang["enabled"]) == ("王芳", "admin", True)
    assert (wang["mobile"], wang["email"]) == ("13900000001", "wang.fang@xinghe.example")
    assert (wang["department_codes"], wang["employee_code"]) == (["D100200"], None)
    assert (li["role"], li["enabled"], li["position"]) == ("user", False, "工艺/装配工程师")
    assert (li["employee_type"], li["work_place"], li["entry_date"]) == ("1", "深圳", "2025-9-1")
    assert await directory.allowed("wang.fang", APP)
    assert await directory.blocks("li.lei", APP) == ["member_disabled"]


async def test_case_46_the_same_members_again_are_still_two(demo, vectors, marketplace, api):
    await vectors.kit("kit-authSync-nested-zh")
    directory = Directory(api, TENANT)
    before = [await directory.member(name) for name in ("wang.fang", "li.lei")]
    answer = await demo.members(
        [WANG, user("li.lei", name="李雷", orgCode="D100201", enable="false", position="工艺/装配工程师")],
        at="20251211134820100",
    )
    assert answer.code == "000000"
    assert [await directory.member(name) for name in ("wang.fang", "li.lei")] == before
    assert await directory.members() == ["li.lei", "wang.fang"]


async def test_case_47_nested_members_are_signed_in_the_order_in_which_they_come(enterprise, directory):
    assert (await enterprise.members([dict(sorted(WANG.items(), reverse=True))])).code == "000000"
    assert (await directory.member("wang.fang"))["role"] == "admin"


async def test_case_48_a_modified_member_moves_and_loses_the_admin_role(enterprise, directory):
    await enterprise.members([WANG])
    changed = {**WANG, "orgCode": "D100201", "role": "user"}
    assert (await enterprise.members([changed], flag=2, at=1)).code == "000000"
    member = await directory.member("wang.fang")
    assert (member["department_codes"], member["role"]) == (["D100201"], "user")
    assert await directory.members(department="D100200") == []
    assert await directory.members(department="D100201") == ["wang.fang"]
    assert await directory.allowed("wang.fang")


async def test_case_49_a_cancelled_member_loses_the_app_and_is_kept(enterprise, directory):
    await enterprise.members([WANG, user("li.lei")])
    before = await directory.member("wang.fang")
    assert (await enterprise.members([WANG], flag=3, at=1)).code == "000000"
    assert await directory.blocks("wang.fang") == ["authorisation_cancelled"]
    assert await directory.member("wang.fang") == before
    assert await directory.allowed("li.lei")


async def test_case_49_a_modification_does_not_undo_a_cancellation(enterprise, directory):
    await enterprise.members([WANG])
    await enterprise.members([WANG], flag=3, at=1)
    assert (await enterprise.members([{**WANG, "name": "王方"}], flag=2, at=2)).code == "000000"
    assert (await directory.member("wang.fang"))["name"] == "王方"
    assert not await directory.allowed("wang.fang")


async def test_case_50_a_member_authorised_again_is_the_same_person(enterprise, directory):
    await enterprise.members([WANG])
    before = await directory.member("wang.fang")
    await enterprise.members([WANG], flag=3, at=1)
    assert (await enterprise.members([WANG], at=2)).code == "000000"
    assert await directory.allowed("wang.fang")
    assert (await directory.member("wang.fang"))["id"] == before["id"]


async def test_case_50_holds_after_a_removal_too(enterprise, directory):
    await enterprise.members([WANG])
    before = await directory.member("wang.fang")
    await enterprise.members([WANG], flag=0, at=1)
    assert (await enterprise.members([{"userName": "wang.fang", "name": "王芳"}], at=2)).code == "000000"
    after = await directory.member("wang.fang")
    assert (after["id"], after["removed_at"], after["email"]) == (before["id"], None, before["email"])
    assert await directory.allowed("wang.fang")


async def test_case_51_a_removal_succeeds_twice_and_for_unknown_members(enterprise, directory):
    await enterprise.members([WANG])
    for users in ([WANG], [WANG], [user("never.seen")], [WANG, user("never.seen")]):
        assert (await enterprise.members(users, flag=0, at=1)).code == "000000"
    assert await directory.members() == []
    assert (await directory.member("wang.fang"))["removed_at"] is not None
    assert not await directory.allowed("wang.fang")
    assert not await directory.allowed("never.seen")


async def test_case_52_500_members_take_less_than_five_seconds(enterprise, directory):
    people = [user(f"member-{number:03}", orgCode=f"D{number % 30}") for number in range(500)]
    started = time.perf_counter()
    assert (await enterprise.members(people)).code == "000000"
    assert time.perf_counter() - started < 5
    assert len(await directory.members()) == 500
    assert await directory.allowed("member-499")


async def test_case_53_a_member_may_come_before_its_department(enterprise, directory):
    assert (await enterprise.members([user("wang.fang", orgCode="D7")])).code == "000000"
    assert await directory.allowed("wang.fang")
    await enterprise.departments([("D1", "星河制造", "")], at=1)
    assert await directory.members(department="D1", recursive=True) == []
    assert (await enterprise.department("D7", "质检部", "D1", at=2)).code == "000000"
    assert await directory.members(department="D7") == ["wang.fang"]
    assert await directory.members(department="D1", recursive=True) == ["wang.fang"]


async def test_case_54_an_older_message_is_answered_and_not_applied(enterprise, directory):
    await enterprise.members([WANG])
    before = await directory.member("wang.fang")
    older = {**WANG, "name": "旧名", "orgCode": "D9", "enable": "false"}
    assert (await enterprise.members([older], flag=2, at=-3600)).code == "000000"
    assert (await enterprise.members([older], flag=0, at=-3600)).code == "000000"
    assert (await enterprise.members([older], flag=3, at=-3600)).code == "000000"
    assert await directory.member("wang.fang") == before
    assert await directory.allowed("wang.fang")
    stale = [push["flag"] for push in await directory.pushes() if push["verdict"] == "stale"]
    assert sorted(stale) == [0, 2, 3]


async def test_case_55_enable_may_be_a_boolean_and_flag_a_text(enterprise, directory):
    assert (await enterprise.members([{**WANG, "enable": False}], flag="1")).code == "000000"
    assert not (await directory.member("wang.fang"))["enabled"]
    assert (await enterprise.members([{**WANG, "enable": True}], flag="2", at=1)).code == "000000"
    assert await directory.allowed("wang.fang")


async def test_case_56_unknown_members_are_ignored_and_signed(enterprise, directory, marketplace):
    extra = {"newMember": {"b": 1, "a": [True, None]}, "another": None}
    odd = {**WANG, "favouriteColour": "青", "groups": [{"id": 1}]}
    assert (await enterprise.members([odd], **extra)).code == "000000"
    assert await directory.allowed("wang.fang")
    body = json.dumps(
        {
            "instanceId": enterprise.instance,
            "tenantId": enterprise.tenant,
            "appId": enterprise.app,
            "userList": [{**WANG, "favouriteColour": "blue"}],
            "flag": 0,
            "testFlag": 0,
            "timeStamp": marketplace.time(1),
        }
    ).encode()
    answer = await marketplace.kit("authSync", body, content=body.replace(b"blue", b"grey"))
    assert answer.code == "000001"
    assert await directory.allowed("wang.fang")
