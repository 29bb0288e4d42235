"""What keeps a person from an app, told with since when and by which push or administrator."""

from tests.conformance.bodies import release, status
from tests.marketplace import user
from tests.service.offices import BOOTSTRAP, chains


async def test_a_removed_person_is_blocked_by_the_push_that_removed_it(office):
    await office.authorise("ann")
    await office.grant("everyone")
    await office.authorise("ann", flag=0)
    author, at = await office.newest_push()
    blocks = {block["kind"]: block for block in (await office.access("ann"))["blocks"]}
    assert blocks.keys() == {"member_removed", "authorisation_removed"}
    assert all((block["by"], block["since"]) == (author, at) for block in blocks.values())
    assert not await office.allowed("ann")


async def test_a_disabled_person_is_blocked_by_the_push_that_disabled_it(office):
    await office.authorise("ann")
    await office.grant("member", "ann")
    await office.authorise("ann", enable="false")
    author, at = await office.newest_push()
    await office.authorise("ann", enable="false", position="Fitter")
    explained = await office.access("ann")
    assert explained["blocks"] == [{"kind": "member_disabled", "since": at, "by": author}]
    assert len(explained["paths"]) == 2
    assert not await office.allowed("ann")
    await office.authorise("ann", flag=2)
    assert await office.allowed("ann")


async def test_a_stopped_app_is_blocked_by_who_stopped_it(office):
    await office.authorise("ann")
    stopped = await office.switch(enabled=False)
    [block] = (await office.access("ann"))["blocks"]
    assert block == {"kind": "app_stopped", "since": stopped["since"], "by": BOOTSTRAP}
    assert not await office.allowed("ann")


async def test_a_frozen_instance_is_blocked_by_the_push_that_froze_it(office):
    await office.authorise("ann")
    await office.grant("everyone")
    await office.base(status(office.enterprise.instance, "FREEZE"))
    author, at = await office.newest_purchase_push()
    await office.base(status(office.enterprise.instance, "FREEZE"))
    explained = await office.access("ann")
    assert explained["blocks"] == [{"kind": "instance_frozen", "since": at, "by": author}]
    assert len(explained["paths"]) == 2
    assert not await office.allowed("ann")


async def test_an_app_announced_ahead_of_a_release_is_blocked_by_the_release(office):
    assert (await office.enterprise.application(at=60)).code == "000000"
    await office.authorise("ann")
    await office.base(release(office.enterprise.instance))
    author, at = await office.newest_purchase_push()
    blocks = {block["kind"]: block for block in (await office.access("ann"))["blocks"]}
    assert blocks.keys() == {"instance_released", "unbound"}
    assert (blocks["instance_released"]["by"], blocks["instance_released"]["since"]) == (author, at)
    assert blocks["unbound"]["by"] == author
    assert not await office.allowed("ann")


async def test_an_app_announced_ahead_of_the_end_of_its_binding_is_blocked_by_that(office):
    assert (await office.enterprise.application(at=60)).code == "000000"
    await office.employ("ann")
    await office.grant("everyone")
    assert await office.allowed("ann")
    assert (await office.enterprise.unbind()).code == "000000"
    author, at = await office.newest_push()
    explained = await office.access("ann")
    assert explained["blocks"] == [{"kind": "unbound", "since": at, "by": author}]
    assert chains(explained) == [("everyone", "")]
    assert not await office.allowed("ann")


async def test_an_app_that_one_of_two_instances_has_lost_is_told_as_removed_there(office, marketplace):
    second = await marketplace.open_enterprise(tenant=office.enterprise.tenant, app=office.app)
    await office.authorise("ann")
    assert (await second.application(flag=0)).code == "000000"
    author, at = await office.newest_push()
    explained = await office.access("ann")
    assert explained["blocks"] == [{"kind": "app_removed", "since": at, "by": author}]
    assert await office.allowed("ann")


async def test_an_instance_that_is_still_being_provisioned_blocks(office, api, product, marketplace):
    await api.put(f"/v1/products/{product}", json={"name": "Slow", "provisioning": "confirmed"})
    enterprise = await marketplace.open_enterprise(
        tenant=office.enterprise.tenant, instance=await marketplace.buy(), app="app-slow"
    )
    assert (await enterprise.members([user("ann")])).code == "000000"
    [block] = (await office.access("ann", app="app-slow"))["blocks"]
    assert block["kind"] == "instance_provisioning"
    await api.patch(f"/v1/instances/{enterprise.instance}", json={"state": "active"})
    assert await office.allowed("ann", app="app-slow")
