"""Where the marketplace's pages disagree about fields of kit messages: every form is understood."""

from uuid import uuid4

import pytest

from tests.conformance.directory import Directory
from tests.marketplace import Enterprise, user

ENTRIES = [{"orgCode": "D1", "orgName": "星河制造", "parentCode": ""}]
TEXT = '[{"orgCode":"D1","orgName":"星河制造","parentCode":""}]'
BARE = '[{orgCode:"D1", orgName:"星河制造", parentCode:""}]'


class Sender:
    """Sends kit messages in either edition."""

    def __init__(self, enterprise, edition):
        self.enterprise = enterprise
        self.marketplace = enterprise.marketplace
        self.edition = edition

    async def __call__(self, interface, at=0.0, **fields):
        body = {
            "instanceId": self.enterprise.instance,
            "tenantId": self.enterprise.tenant,
            "testFlag": 0,
            "timeStamp": self.marketplace.time(at),
            **fields,
        }
        send = self.marketplace.kit if self.edition == "V2" else self.marketplace.v1_post
        return await send(interface, body)

    async def users(self, user_list, at=0.0, flag=1, **fields):
        moment = self.marketplace.time(at)
        return await self(
            "authSync",
            at,
            appId=self.enterprise.app,
            userList=user_list,
            currentSyncTime=moment,
            flag=flag,
            **fields,
        )


@pytest.fixture(params=["V2", "V1"])
def send(enterprise, request):
    return Sender(enterprise, request.param)


@pytest.mark.parametrize("field", ["orgInfoList", "orgInfo"])
@pytest.mark.parametrize("listed", [ENTRIES, ENTRIES[0], TEXT, TEXT[1:-1], BARE, BARE[1:-1]])
async def test_tolerance_09_departments_come_in_every_form_in_both_editions(send, directory, field, listed):
    assert (await send("allOrgSync", **{field: listed})).code == "000000"
    assert await directory.tree() == [("D1", "星河制造", 0)]


@pytest.mark.parametrize("name", ["orgName", "OrgName", "name"])
async def test_tolerance_09_a_departments_name_goes_under_three_names(send, directory, name):
    assert (await send("allOrgSync", orgInfoList=[{"orgCode": "D1", name: "星河制造"}])).code == "000000"
    assert await directory.tree() == [("D1", "星河制造", 0)]


@pytest.mark.parametrize("parent", ["", None, " "])
async def test_a_department_without_a_parent_stands_at_the_top(send, directory, parent):
    entry = {"orgCode": "D1", "orgName": "星河制造", "parentCode": parent}
    assert (await send("allOrgSync", orgInfoList=[entry])).code == "000000"
    assert not (await directory.department("D1"))["orphan"]
    assert (await send("singleOrgSync", 1, flag=2, **entry)).code == "000000"
    assert not (await directory.department("D1"))["orphan"]


async def test_tolerance_10_members_come_as_list_or_as_text_in_both_editions(send, directory):
    text = '[{"userName":"li.lei","name":"李雷","orgCode":"D1","role":"user","enable":"true"}]'
    assert (await send.users([user("wang.fang")])).code == "000000"
    assert (await send.users(text)).code == "000000"
    assert (await send.users(user("han.mei"))).code == "000000"
    assert await directory.members() == ["han.mei", "li.lei", "wang.fang"]
    assert await directory.allowed("li.lei")


@pytest.mark.parametrize(
    ("sent", "enabled"),
    [
        *[("true", True), (True, True), (1, True), ("1", True), ("TRUE", True)],
        *[("false", False), (False, False), (0, False), ("0", False), ("False", False)],
    ],
)
async def test_tolerance_11_enable_may_be_text_boolean_or_number(enterprise, directory, sent, enabled):
    assert (await enterprise.members([user("wang.fang", enable=sent)])).code == "000000"
    assert (await directory.member("wang.fang"))["enabled"] is enabled
    assert await directory.allowed("wang.fang") is enabled


async def test_tolerance_11_any_other_enable_is_invalid(enterprise, directory):
    for sent in ("yes", 2, ""):
        answer = await enterprise.members([user("li.lei"), user("wang.fang", enable=sent)])
        assert answer.code == "000002", sent
    assert await directory.members() == []


async def test_tolerance_12_flags_may_be_digits_in_text(send, directory):
    assert (await send.users([user("wang.fang")], flag="1", testFlag="0")).code == "000000"
    assert (await send.users([user("wang.fang")], at=1, flag="3", testFlag="0")).code == "000000"
    assert await directory.blocks("wang.fang") == ["authorisation_cancelled"]
    department = {"orgCode": "D1", "orgName": "质检部"}
    assert (await send("singleOrgSync", flag="1", testFlag="1", **department)).code == "000000"
    assert await directory.tree() == []


async def test_tolerance_13_both_editions_take_all_flags(send, enterprise, directory):
    tenant = {"tenantCode": "x", "name": "星河集团", "domainName": "https://x.example"}
    assert (await send("tenantSync", 1, flag=2, **tenant)).code == "000000"
    assert (await directory.tenant())["name"] == "星河集团"
    await send.users([user("wang.fang")])
    assert (await send.users([user("wang.fang")], at=1, flag=3)).code == "000000"
    assert not await directory.allowed("wang.fang")


@pytest.mark.parametrize(("sent", "kept"), [(1, "1"), ("1", "1"), ("正式", "正式"), ("", None), (None, None)])
async def test_tolerance_14_an_employee_type_may_be_a_number_or_text(enterprise, directory, sent, kept):
    assert (await enterprise.members([user("wang.fang", employeeType=sent)])).code == "000000"
    assert (await directory.member("wang.fang"))["employee_type"] == kept


@pytest.mark.parametrize("date", ["2025-9-1", "2025-09-01", "2025/9/1", "someday"])
async def test_tolerance_14_an_entry_date_is_kept_as_it_comes(enterprise, directory, date):
    assert (await enterprise.members([user("wang.fang", entryDate=date)])).code == "000000"
    assert (await directory.member("wang.fang"))["entry_date"] == date


async def test_tolerance_15_attributes_may_be_nested_or_flat_in_both_editions(send, directory):
    details = {"entryDate": "2025-9-1", "employeeType": 2, "workPlace": "深圳"}
    assert (await send.users([user("nested", extension=details), user("flat", **details)])).code == "000000"
    for name in ("nested", "flat"):
        member = await directory.member(name)
        shown = (member["entry_date"], member["employee_type"], member["work_place"])
        assert shown == ("2025-9-1", "2", "深圳")


@pytest.mark.parametrize("blank", ["absent", None, "", " "])
async def test_tolerance_16_an_instance_id_absent_null_or_empty_means_the_seller(marketplace, api, blank):
    seller = Enterprise(marketplace, blank, uuid4().hex, "app-1")
    body = seller._body(
        0.0,
        tenantCode="x",
        name="卖家",
        domainName="https://x.example",
        flag=1,
        orderId=blank,
    )
    if blank == "absent":
        del body["instanceId"], body["orderId"]
    assert (await marketplace.kit("tenantSync", body)).code == "000000"
    shadow = await Directory(api, seller.tenant, is_test=True).tenant()
    assert shadow["source"] == "koogallery-seller"
    assert await Directory(api, seller.tenant).tenants() == []


@pytest.mark.parametrize("flag", ["absent", None, 0, "0"])
async def test_tolerance_17_without_a_test_flag_a_call_is_production(enterprise, directory, flag):
    fields = {"testFlag": flag}
    body = enterprise._body(0.0, orgCode="D1", orgName="质检部", flag=1, **fields)
    if flag == "absent":
        del body["testFlag"]
    assert (await enterprise.marketplace.kit("singleOrgSync", body)).code == "000000"
    assert await directory.tree() == [("D1", "质检部", 0)]


async def test_tolerance_19_a_kit_time_is_chinas(enterprise, directory):
    await enterprise.department("D1", at="20251211134820123")
    assert (await directory.department("D1"))["source_time"] == "2025-12-11T05:48:20.123000Z"
    assert (await enterprise.department("D1", at="20251211134821")).code == "000000"
    assert (await directory.department("D1"))["source_time"] == "2025-12-11T05:48:21Z"


async def test_tolerance_20_the_message_tells_what_000101_means(enterprise):
    answer = await enterprise.application(clientSecret="AAAA")
    assert answer.code == "000101"
    assert "clientSecret" in answer.body["resultMsg"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://x.example", "https://x.example"),
        ("https://x.example/", "https://x.example"),
        ("x.example", "https://x.example"),
        (" x.example/ ", "https://x.example"),
        ("http://x.example:8443", "http://x.example:8443"),
    ],
)
async def test_tolerance_23_a_domain_is_kept_as_an_address_without_a_slash(enterprise, directory, sent, kept):
    assert (await enterprise.bind(flag=2, at=1, domainName=sent)).code == "000000"
    assert (await directory.tenant())["domain_name"] == kept


async def test_tolerance_24_answers_have_clean_names(enterprise):
    answer = await enterprise.department("D1")
    assert answer.body == {"resultCode": "000000", "resultMsg": "success."}


async def test_tolerance_38_the_enterprise_goes_by_its_tenant_id(enterprise, directory, api):
    other = {"tenant": "somebody", "domainId": "else"}
    assert (await enterprise.department("D1", "质检部", **other)).code == "000000"
    assert await directory.tree() == [("D1", "质检部", 0)]
    assert await Directory(api, "somebody").tenants() == []


async def test_tolerance_40_stopping_an_app_may_come_as_its_removal(enterprise, directory):
    await enterprise.members([user("wang.fang"), user("li.lei")])
    before = await directory.member("wang.fang")
    assert (await enterprise.application(flag=0, at=1)).code == "000000"
    assert not await directory.has_app()
    assert (await enterprise.application(flag=1, at=2)).code == "000000"
    assert await directory.allowed("wang.fang")
    assert await directory.member("wang.fang") == before


async def test_tolerance_40_stopping_an_app_may_come_as_cancellations(enterprise, directory):
    people = [user("wang.fang"), user("li.lei")]
    await enterprise.members(people)
    await enterprise.members(people, flag=3, at=1)
    assert not await directory.allowed("li.lei")
    await enterprise.members(people, at=2)
    assert await directory.allowed("li.lei")


async def test_names_and_codes_that_read_as_another_type_stay_text(send, directory):
    for word in ("null", "true", "1e5", "007"):
        person = user(word, name=word, orgCode=word, position=word, employeeType=word)
        assert (await send.users([person])).code == "000000"
        member = await directory.member(word)
        assert (member["name"], member["department_codes"]) == (word, [word])
        assert (member["position"], member["employee_type"]) == (word, word)
        department = {"orgCode": word, "orgName": word, "parentCode": word + word}
        assert (await send("singleOrgSync", flag=1, **department)).code == "000000"
        kept = await directory.department(word)
        assert (kept["name"], kept["parent_code"]) == (word, word + word)


async def test_absent_and_null_attributes_stay_and_empty_ones_are_cleared(enterprise, directory):
    await enterprise.members([user("wang.fang", position="经理", mobile="1", email="a@x.example")])
    changed = {"userName": "wang.fang", "name": "王芳", "mobile": "", "email": None}
    assert (await enterprise.members([changed], flag=2, at=1)).code == "000000"
    member = await directory.member("wang.fang")
    assert (member["position"], member["mobile"], member["email"]) == ("经理", None, "a@x.example")
    assert member["department_codes"] == ["D1"]
