import base64
from uuid import uuid4

from sso.keys import Padding, encrypt_client_secret
from tenancy.apps import secret_purpose
from tenancy.database import tenant_scope
from tests.conformance.directory import Directory
from tests.conformance.vectors import TENANT
from tests.marketplace import Enterprise, user

BROKEN = base64.b64encode(b"\x17" * 384).decode()


async def stored_secret(directory, runtime, enterprise):
    """What would be sent to the token endpoint."""
    tenant_id = (await directory.tenant())["id"]
    async with tenant_scope(tenant_id) as db:
        sealed = await db.fetchval(
            "SELECT client_secret FROM app WHERE tenant_id = $1 AND id = $2 AND instance_id = $3",
            tenant_id,
            enterprise.app,
            enterprise.instance,
        )
    purpose = secret_purpose(tenant_id, enterprise.app, enterprise.instance)
    return runtime.keyring.open(sealed, purpose=purpose).decode()


async def test_case_34_an_enterprise_with_a_chinese_name_is_kept_with_its_domain(vectors, api):
    await vectors.base("base-newInstance")
    assert (await vectors.kit("kit-tenantSync")).code == "000000"
    tenant = await Directory(api, TENANT).tenant()
    assert tenant["name"] == "星河制造（深圳）有限公司"
    assert tenant["domain_name"] == "https://xinghe.tenantaccount.example"
    assert (tenant["code"], tenant["is_test"], tenant["unbound_at"]) == ("xinghe.example", False, None)
    [binding] = tenant["bindings"]
    assert binding["active"]


async def test_case_35_the_same_enterprise_again_is_still_one(vectors, marketplace, api):
    await vectors.base("base-newInstance")
    await vectors.kit("kit-tenantSync")
    before = await Directory(api, TENANT).tenant()
    again = Enterprise(marketplace, before["bindings"][0]["instance_id"], TENANT, "app-1")
    assert (await again.bind()).code == "000000"
    assert await Directory(api, TENANT).tenant() == before


async def test_case_36_a_renamed_enterprise_keeps_departments_and_members(enterprise, directory):
    await enterprise.departments([("D1", "星河制造", ""), ("D2", "装配车间", "D1")])
    await enterprise.members([user("wang.fang")])
    tree, member = await directory.tree(), await directory.member("wang.fang")
    answer = await enterprise.bind(flag=2, at=1, name="星河集团", domainName="https://new.example")
    assert answer.code == "000000"
    tenant = await directory.tenant()
    assert (tenant["name"], tenant["domain_name"]) == ("星河集团", "https://new.example")
    assert await directory.tree() == tree
    assert await directory.member("wang.fang") == member
    assert await directory.allowed("wang.fang")


async def test_case_37_an_unbound_enterprise_cannot_be_used(enterprise, directory):
    await enterprise.members([user("wang.fang")])
    assert await directory.allowed("wang.fang")
    for _ in range(2):
        assert (await enterprise.unbind(at=1)).code == "000000"
        assert not await directory.has_app()
        [binding] = (await directory.tenant())["bindings"]
        assert not binding["active"]


async def test_case_37_grants_of_an_ended_binding_do_not_come_back_with_a_new_one(enterprise, directory):
    await enterprise.members([user("wang.fang")])
    await enterprise.unbind(at=1)
    await enterprise.bind(at=2)
    await enterprise.application(at=2)
    assert not await directory.allowed("wang.fang")
    await enterprise.members([user("wang.fang")], at=3)
    assert await directory.allowed("wang.fang")


async def test_case_38_the_removal_of_an_unknown_enterprise_succeeds(marketplace, api):
    nobody = Enterprise(marketplace, "never-seen", uuid4().hex, "app-1")
    assert (await nobody.unbind()).code == "000000"
    assert await Directory(api, nobody.tenant).tenants() == []


async def test_case_39_a_debug_enterprise_leaves_production_as_it_is(enterprise, directory, marketplace, api):
    before = await directory.tenant()
    body = {
        "tenantId": enterprise.tenant,
        "tenantCode": "example.com",
        "name": "huaweitenantname",
        "domainName": "https://example.tenantaccount.com",
        "flag": 1,
        "testFlag": 1,
        "timeStamp": marketplace.time(1),
    }
    assert (await marketplace.kit("tenantSync", body)).code == "000000"
    assert await directory.tenant() == before
    shadow = await Directory(api, enterprise.tenant, is_test=True).tenant()
    assert (shadow["name"], shadow["source"]) == ("huaweitenantname", "koogallery")
    assert (await marketplace.kit("tenantSync", {**body, "flag": 0})).code == "000000"
    assert await directory.tenant() == before


async def test_case_39_a_debug_conversation_never_meets_production(enterprise, directory):
    await enterprise.departments([("D1", "星河制造", "")])
    await enterprise.members([user("wang.fang")])
    before = (await directory.tenant(), await directory.tree(), await directory.member("wang.fang"))
    debug = {"testFlag": 1}
    assert (await enterprise.application(flag=0, at=1, **debug)).code == "000000"
    assert (await enterprise.departments([("X", "Other", "")], at=1, **debug)).code == "000000"
    assert (await enterprise.members([user("wang.fang")], flag=0, at=1, **debug)).code == "000000"
    assert (await enterprise.unbind(at=1, **debug)).code == "000000"
    assert (await directory.tenant(), await directory.tree(), await directory.member("wang.fang")) == before
    assert await directory.allowed("wang.fang")


async def test_case_40_a_sellers_enterprise_is_kept_apart_from_buyers(
    enterprise, directory, marketplace, api
):
    before = await directory.tenant()
    seller = Enterprise(marketplace, "", enterprise.tenant, "app-1")
    assert (await seller.bind(at=1, orderId="", name="卖家", testFlag=0)).code == "000000"
    assert (await seller.application(at=1)).code == "000000"
    assert (await seller.departments([("S1", "卖家部门", "")], at=1)).code == "000000"
    assert (await seller.members([user("seller")], at=1)).code == "000000"
    assert await directory.tenant() == before
    assert await directory.tree() == []
    shadow = Directory(api, enterprise.tenant, is_test=True)
    assert (await shadow.tenant())["source"] == "koogallery-seller"
    assert await shadow.tree() == [("S1", "卖家部门", 0)]
    assert await shadow.allowed("seller")


async def test_case_41_a_client_secret_is_read_in_each_of_the_three_paddings(
    enterprise, directory, runtime, marketplace
):
    three = (Padding.SHA256, Padding.SHA256_MGF1_SHA1, Padding.SHA1)
    for number, padding in enumerate(three, start=1):
        plain = f"secret-in-{padding.name}-密钥"
        sent = encrypt_client_secret(plain, marketplace.public_key, padding)
        answer = await enterprise.application(at=number, clientSecret=sent)
        assert answer.code == "000000", padding
        assert await stored_secret(directory, runtime, enterprise) == plain


async def test_case_42_an_undecryptable_client_secret_has_a_code_of_its_own(enterprise, directory, runtime):
    for secret in (BROKEN, "not base64!", "AAAA"):
        answer = await enterprise.application(at=1, clientId="client-2", clientSecret=secret)
        assert (answer.response.status_code, answer.code) == (200, "000101")
    assert await directory.apps() == [("app-1", enterprise.instance, "client-1")]
    assert await stored_secret(directory, runtime, enterprise) == "the-client-secret"


async def test_case_43_a_changed_credential_replaces_the_old_one(enterprise, directory, runtime):
    await enterprise.members([user("wang.fang")])
    answer = await enterprise.application(flag=2, at=1, secret="rotated", clientId="client-2")
    assert answer.code == "000000"
    assert await directory.apps() == [("app-1", enterprise.instance, "client-2")]
    assert await stored_secret(directory, runtime, enterprise) == "rotated"
    assert await directory.allowed("wang.fang")


async def test_case_44_the_signature_is_checked_before_the_secret(enterprise, directory, marketplace):
    body = {
        "instanceId": enterprise.instance,
        "tenantId": enterprise.tenant,
        "appId": "app-2",
        "clientId": "client-2",
        "clientSecret": BROKEN,
        "flag": 1,
        "testFlag": 0,
        "timeStamp": marketplace.time(),
    }
    answer = await marketplace.kit("applicationSync", body, signature="0" * 64)
    assert (answer.response.status_code, answer.code) == (200, "000001")
    assert await directory.apps() == [("app-1", enterprise.instance, "client-1")]


async def test_case_72_enterprises_do_not_share_members(marketplace, api):
    first, second = await marketplace.open_enterprise(), await marketplace.open_enterprise()
    here, there = Directory(api, first.tenant), Directory(api, second.tenant)
    await second.members([user("wang.fang", name="王方", orgCode="D9")])
    before = await there.member("wang.fang")
    assert (await first.members([user("wang.fang", name="王芳"), user("li.lei")])).code == "000000"
    assert await there.members() == ["wang.fang"]
    assert await there.member("wang.fang") == before
    assert (await here.member("wang.fang"))["name"] == "王芳"
    assert (await here.member("wang.fang"))["id"] != before["id"]
    assert (await first.members([user("wang.fang")], flag=0, at=1)).code == "000000"
    assert not await here.allowed("wang.fang")
    assert await there.allowed("wang.fang")


async def test_case_73_an_enterprise_outlives_the_end_of_one_of_its_bindings(
    marketplace, enterprise, directory
):
    await enterprise.departments([("D1", "星河制造", "")])
    await enterprise.members([user("wang.fang"), user("li.lei")])
    second = await marketplace.open_enterprise(tenant=enterprise.tenant, app="app-2")
    await second.members([user("wang.fang")])
    assert (await enterprise.unbind(at=1)).code == "000000"
    assert not await directory.has_app("app-1")
    assert await directory.allowed("wang.fang", "app-2")
    assert not await directory.allowed("li.lei", "app-2")
    assert await directory.tree() == [("D1", "星河制造", 0)]
    assert (await directory.tenant())["unbound_at"] is None
    assert (await second.department("D2", "质检部", "D1", at=2)).code == "000000"
    assert (await second.unbind(at=3)).code == "000000"
    assert (await directory.tenant())["unbound_at"] is not None


async def test_case_73_holds_for_two_instances_of_one_app(marketplace, enterprise, directory):
    await enterprise.members([user("wang.fang")])
    second = await marketplace.open_enterprise(tenant=enterprise.tenant)
    await second.members([user("wang.fang")])
    assert (await enterprise.unbind(at=1)).code == "000000"
    assert await directory.allowed("wang.fang")
    assert [app[1] for app in await directory.apps()] == [second.instance]
