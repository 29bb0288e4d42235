from datetime import timedelta
from uuid import UUID

from tenancy.retention import erase_tenant, list_tenants_to_erase
from tests.conformance.bodies import refresh, release, status
from tests.conformance.directory import Directory
from tests.conformance.vectors import APP, FROZEN, INSTANCE
from tests.marketplace import user


async def test_case_18_a_renewal_sets_the_expiry_in_utc(marketplace, purchases):
    instance = await marketplace.buy()
    assert await purchases.expiry(instance) is None
    assert (await marketplace.base(refresh(instance, "20271211155959"))).code == "000000"
    assert await purchases.expiry(instance) == "2027-12-11T15:59:59Z"


async def test_case_18_members_may_use_it_until_that_instant(marketplace, enterprise, directory, clock):
    await enterprise.members([user("wang.fang")])
    await marketplace.base(refresh(enterprise.instance, "20271211155959"))
    clock.freeze(FROZEN.replace(year=2027, month=12, day=11, hour=15, minute=59, second=58))
    assert await directory.allowed("wang.fang")
    clock.freeze(clock() + timedelta(seconds=1))
    assert await directory.blocks("wang.fang") == ["instance_expired"]


async def test_case_19_the_same_renewal_again_adds_nothing(marketplace, purchases):
    instance = await marketplace.buy()
    renewal = refresh(instance, "20271211155959")
    assert (await marketplace.base(renewal)).code == "000000"
    assert (await marketplace.base(renewal)).code == "000000"
    assert await purchases.expiry(instance) == "2027-12-11T15:59:59Z"


async def test_case_20_an_expiry_with_milliseconds_is_understood(marketplace, purchases):
    instance = await marketplace.buy()
    assert (await marketplace.base(refresh(instance, "20271211155959123"))).code == "000000"
    assert await purchases.expiry(instance) == "2027-12-11T15:59:59.123000Z"


async def test_case_21_a_cancelled_renewal_moves_the_expiry_back(marketplace, purchases):
    instance = await marketplace.buy()
    await marketplace.base(refresh(instance, "20281211155959"))
    back = refresh(instance, "20261211155959", "UNSUBSCRIBE_RENEWAL_PERIOD")
    assert (await marketplace.base(back)).code == "000000"
    assert await purchases.expiry(instance) == "2026-12-11T15:59:59Z"


async def test_case_22_a_renewal_of_an_unknown_instance_is_refused(marketplace, purchases):
    answer = await marketplace.base(refresh("never-seen", "20271211155959"))
    assert (answer.response.status_code, answer.code) == (200, "000003")
    assert await purchases.ids() == []


async def test_case_23_a_debug_renewal_of_an_unknown_instance_succeeds(marketplace, purchases):
    answer = await marketplace.base(refresh("never-seen", "20271211155959", testFlag="1"))
    assert answer.code == "000000"
    assert await purchases.ids() == []


async def test_case_23_a_debug_renewal_does_not_touch_a_real_instance(marketplace, purchases):
    instance = await marketplace.buy()
    assert (await marketplace.base(refresh(instance, "20271211155959", testFlag="1"))).code == "000000"
    assert await purchases.expiry(instance) is None


async def test_case_24_a_renewal_with_change_succeeds(marketplace, purchases):
    instance = await marketplace.buy()
    answer = await marketplace.base(refresh(instance, "20271211155959", "RENEWAL_CHANGE"))
    assert answer.code == "000000"
    assert await purchases.expiry(instance) == "2027-12-11T15:59:59Z"


async def test_case_25_a_frozen_instance_cannot_be_used_and_keeps_its_data(
    demo, vectors, marketplace, api, purchases
):
    directory = Directory(api, demo.tenant)
    await vectors.kit("kit-allOrgSync-array")
    await vectors.kit("kit-authSync-nested-zh")
    assert await directory.allowed("wang.fang", APP)
    assert (await vectors.base("base-updateInstanceStatus")).code == "000000"
    assert (await marketplace.base(status(INSTANCE, "FREEZE"))).code == "000000"
    assert (await purchases.read(INSTANCE))["state"] == "frozen"
    assert await directory.blocks("wang.fang", APP) == ["instance_frozen"]
    assert await directory.members() == ["li.lei", "wang.fang"]
    assert len(await directory.tree()) == 2


async def test_case_26_an_unfrozen_instance_works_with_the_same_grants(marketplace, enterprise, directory):
    await enterprise.members([user("wang.fang"), user("li.lei")])
    await enterprise.members([user("li.lei")], flag=3, at=1)
    before = await directory.access("wang.fang")
    await marketplace.base(status(enterprise.instance, "FREEZE"))
    assert not await directory.allowed("wang.fang")
    assert (await marketplace.base(status(enterprise.instance, "UNFREEZE"))).code == "000000"
    assert await directory.access("wang.fang") == before
    assert before["allowed"]
    assert not await directory.allowed("li.lei")


async def test_case_27_an_unknown_status_is_invalid(marketplace, purchases):
    instance = await marketplace.buy()
    answer = await marketplace.base(status(instance, "FROZEN"))
    assert (answer.response.status_code, answer.code) == (200, "000002")
    assert (await purchases.read(instance))["state"] == "active"


async def test_case_28_a_released_instance_loses_its_data(marketplace, enterprise, directory, purchases, api):
    await enterprise.departments([("D1", "星河制造", "")])
    await enterprise.members([user("wang.fang")])
    assert (await marketplace.base(release(enterprise.instance))).code == "000000"
    assert (await purchases.read(enterprise.instance))["state"] == "released"
    assert not await directory.has_app()
    home = await directory.home()
    assert (await api.get(home)).json()["unbound_at"] is not None
    # The data is kept for a time, in case the release was a mistake; then it is erased.
    tenant_id = UUID((await api.get(home)).json()["id"])
    before = FROZEN + timedelta(seconds=1)
    assert tenant_id not in await list_tenants_to_erase(before=FROZEN, limit=100_000)
    assert tenant_id in await list_tenants_to_erase(before=before, limit=100_000)
    assert await erase_tenant(tenant_id, before=before, now=before)
    assert (await api.get(home)).status_code == 404


async def test_case_29_a_release_again_succeeds(marketplace, purchases):
    instance = await marketplace.buy()
    for _ in range(2):
        assert (await marketplace.base(release(instance))).code == "000000"
    assert (await purchases.read(instance))["state"] == "released"


async def test_case_30_a_kit_removal_for_a_released_instance_succeeds(marketplace, enterprise, directory):
    await marketplace.base(release(enterprise.instance))
    assert (await enterprise.unbind(at=1)).code == "000000"
    assert (await enterprise.application(flag=0, at=1)).code == "000000"
    assert (await enterprise.members([user("wang.fang")], flag=0, at=1)).code == "000000"
    assert (await enterprise.department("D1", flag=0, at=1)).code == "000000"
    assert not await directory.has_app()
    assert (await enterprise.bind(at=2)).code == "000003"
