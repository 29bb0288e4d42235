"""What happens with objects that are not known, or not known yet."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tenancy.retention import erase_tenant
from tests.conformance.bodies import refresh, release, status
from tests.conformance.directory import Directory
from tests.marketplace import Enterprise, Marketplace, user

UPGRADE = {"activity": "upgradeInstance", "orderId": "CS5", "orderLineId": "CS5-000001"}
CHECK = {"activity": "changeInstanceCheck", "productInfo": {"productId": "p"}}


def base_calls(instance):
    return [
        refresh(instance, "20271211155959"),
        status(instance, "FREEZE"),
        {**UPGRADE, "instanceId": instance},
        {**CHECK, "instanceId": instance},
        {"activity": "queryInstance", "instanceId": instance},
        release(instance),
    ]


async def kit_calls(enterprise, flag, at=0.0):
    """Every kit message with that flag; allOrgSync only for additions, for it has none."""
    answers = [
        await enterprise.bind(flag=flag, at=at),
        await enterprise.application(flag=flag, at=at),
        await enterprise.members([user("wang.fang")], flag=flag, at=at),
        await enterprise.department("D1", flag=flag, at=at),
    ]
    if flag:
        answers.append(await enterprise.departments([("D1", "Department", "")], at=at))
    return [answer.code for answer in answers]


async def test_unknown_instances_have_a_code_of_their_own_in_base_calls(marketplace, purchases):
    for call in base_calls("never-seen"):
        answer = await marketplace.base(call)
        assert (answer.response.status_code, answer.code) == (200, "000003"), call
    assert await purchases.ids() == []


async def test_unknown_is_what_a_released_instance_becomes(marketplace):
    instance = await marketplace.buy()
    await marketplace.base(release(instance))
    codes = [(await marketplace.base(call)).code for call in base_calls(instance)]
    assert codes == ["000003"] * 5 + ["000000"]


async def test_unknown_is_the_instance_of_another_product(marketplace, api, http, clock, private_key):
    slug = f"p-{uuid4().hex[:12]}"
    keys = {"base_keys": ["another-base-key"], "kit_keys": ["another-kit-key"]}
    await api.put(f"/v1/products/{slug}", json={"name": "Another", "rsa_private_keys": [private_key], **keys})
    other = Marketplace(http, f"/koogallery/{slug}", clock, marketplace.public_key)
    instance = await marketplace.buy()
    for call in base_calls(instance):
        assert (await other.base(call, key="another-base-key")).code == "000003", call
    query = {"activity": "queryInstance", "instanceId": instance}
    assert (await marketplace.base(query)).code == "000000"


@pytest.fixture
async def stranger(enterprise, api, http, clock, private_key):
    """The same enterprise and instance, as another product of the vendor would speak about them."""
    slug = f"p-{uuid4().hex[:12]}"
    written = {"name": "Another", "kit_keys": ["demoKitKey-8d21c0a5f6e7"], "rsa_private_keys": [private_key]}
    assert (await api.put(f"/v1/products/{slug}", json=written)).status_code == 200
    other = Marketplace(http, f"/koogallery/{slug}", clock, enterprise.marketplace.public_key)
    return Enterprise(other, enterprise.instance, enterprise.tenant, enterprise.app)


async def test_unknown_stays_unchanged_what_another_product_removes(stranger, enterprise, directory):
    await enterprise.departments([("D1", "Department", "")])
    await enterprise.members([user("wang.fang")])
    before = (await directory.tenant(), await directory.tree(), await directory.member("wang.fang"))
    assert await kit_calls(stranger, 0, at=1) == ["000000"] * 4
    assert (await directory.tenant(), await directory.tree(), await directory.member("wang.fang")) == before
    assert await directory.allowed("wang.fang")
    assert await kit_calls(stranger, 1, at=1) == ["000003"] * 5
    assert await directory.tenant() == before[0]


async def test_unknown_objects_are_removed_with_success(marketplace, enterprise, directory, api):
    nobody = Enterprise(marketplace, "never-seen", uuid4().hex, "never-seen")
    assert await kit_calls(nobody, 0) == ["000000"] * 4
    unbound = Enterprise(marketplace, await marketplace.buy(), uuid4().hex, "never-seen")
    assert await kit_calls(unbound, 0) == ["000000"] * 4
    for one in (nobody, unbound):
        assert await Directory(api, one.tenant).tenants() == []
    before = await directory.tenant()
    for one in (
        Enterprise(marketplace, "never-seen", enterprise.tenant, enterprise.app),
        Enterprise(marketplace, await marketplace.buy(), enterprise.tenant, enterprise.app),
    ):
        assert await kit_calls(one, 0) == ["000000"] * 4
    after = await directory.tenant()
    assert (after["counts"], after["unbound_at"]) == (before["counts"], None)
    assert [binding["instance_id"] for binding in after["bindings"] if binding["active"]] == [
        enterprise.instance
    ]
    assert "never-seen" not in {binding["instance_id"] for binding in after["bindings"]}


async def test_unknown_instances_take_no_additions(marketplace, enterprise, directory, api):
    nobody = Enterprise(marketplace, "never-seen", uuid4().hex, "app-1")
    for flag in (1, 2):
        assert await kit_calls(nobody, flag) == (["000003"] * 5)
    assert await Directory(api, nobody.tenant).tenants() == []
    through = Enterprise(marketplace, "never-seen", enterprise.tenant, enterprise.app)
    before = await directory.tenant()
    assert await kit_calls(through, 1) == ["000003"] * 5
    assert await directory.tenant() == before


async def test_unknown_tenants_are_asked_for_again(marketplace, api):
    one = Enterprise(marketplace, await marketplace.buy(), uuid4().hex, "app-1")
    for answer in (
        await one.application(),
        await one.members([user("wang.fang")]),
        await one.department("D1"),
        await one.departments([("D1", "Department", "")]),
    ):
        assert (answer.response.status_code, answer.code) == (200, "000002")
    assert await kit_calls(one, 1) == ["000000"] * 5
    assert await Directory(api, one.tenant).allowed("wang.fang")


async def test_unknown_tenants_and_members_are_added_by_a_modification(marketplace, api):
    one = Enterprise(marketplace, await marketplace.buy(), uuid4().hex, "app-1")
    assert await kit_calls(one, 2) == ["000000"] * 5
    directory = Directory(api, one.tenant)
    assert await directory.allowed("wang.fang")
    assert await directory.tree() == [("D1", "Department", 0)]


async def test_unknown_apps_are_asked_for_again(enterprise, directory):
    for flag in (1, 2):
        assert (await enterprise.members([user("wang.fang")], flag=flag, appId="later")).code == "000002"
    assert await directory.members() == []
    enterprise.app = "later"
    await enterprise.application()
    assert (await enterprise.members([user("wang.fang")])).code == "000000"
    assert await directory.allowed("wang.fang", "later")


async def test_unknown_members_may_be_cancelled(enterprise, directory):
    assert (await enterprise.members([user("wang.fang")], flag=3)).code == "000000"
    assert await directory.members() == []
    assert not await directory.allowed("wang.fang")


async def test_unknown_parents_make_orphans_until_they_arrive(enterprise, directory):
    assert (await enterprise.department("D2", "装配车间", "D1")).code == "000000"
    assert (await directory.department("D2"))["orphan"]
    assert await directory.tree() == [("D2", "装配车间", 0)]
    assert (await enterprise.department("D1", "星河制造", at=1)).code == "000000"
    assert not (await directory.department("D2"))["orphan"]
    assert await directory.tree() == [("D1", "星河制造", 0), ("D2", "装配车间", 1)]


async def test_unknown_becomes_the_parent_when_a_department_with_children_is_removed(enterprise, directory):
    await enterprise.departments([("D1", "星河制造", ""), ("D2", "装配车间", "D1")])
    await enterprise.members([user("wang.fang", orgCode="D1"), user("li.lei", orgCode="D2")])
    assert (await enterprise.department("D1", flag=0, at=1)).code == "000000"
    assert await directory.tree() == [("D2", "装配车间", 0)]
    assert (await directory.department("D2"))["orphan"]
    assert (await directory.member("wang.fang"))["department_codes"] == ["D1"]
    assert await directory.allowed("wang.fang")
    await enterprise.department("D1", "星河制造", at=2)
    assert await directory.members(department="D1", recursive=True) == ["li.lei", "wang.fang"]


async def test_the_history_says_what_was_answered(marketplace, purchases):
    instance = f"never-seen-{uuid4().hex}"
    await marketplace.base({"activity": "queryInstance", "instanceId": instance})
    [asked] = [push for push in await purchases.pushes() if push["instance_id"] == instance]
    assert (asked["verdict"], asked["result_code"]) == ("refused", "000003")


async def test_an_erased_enterprise_is_bound_again_at_once(enterprise, directory, clock):
    await enterprise.departments([("D1", "Department", "")])
    await enterprise.unbind(at=1)
    tenant_id = UUID((await directory.tenant())["id"])
    later = clock() + timedelta(days=31)
    assert await erase_tenant(tenant_id, before=later, now=later)
    clock.freeze(later)
    assert (await enterprise.bind()).code == "000000"
    assert (await enterprise.application()).code == "000000"
    assert (await directory.tenant())["id"] != str(tenant_id)
    assert await directory.tree() == []


@pytest.mark.parametrize("call", range(4))
async def test_an_erased_enterprise_takes_removals(enterprise, directory, clock, call):
    await enterprise.unbind(at=1)
    later = clock() + timedelta(days=31)
    assert await erase_tenant(UUID((await directory.tenant())["id"]), before=later, now=later)
    clock.freeze(later)
    answer = [
        enterprise.unbind,
        lambda: enterprise.application(flag=0),
        lambda: enterprise.members([user("wang.fang")], flag=0),
        lambda: enterprise.department("D1", flag=0),
    ][call]
    assert (await answer()).code == "000000"
    assert await directory.tenants() == []
