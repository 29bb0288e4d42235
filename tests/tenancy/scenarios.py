"""A scenario for each use case: what comes before the `yield` prepares, what comes after is told.

These are about the objects of an enterprise, changed by pushes, administrators and the worker; the rest is in
`other_scenarios` and `sign_in_scenarios`.
"""

from tenancy.app_switches import disable_app, enable_app
from tenancy.apps import remove_app
from tenancy.departments import put_department, remove_department
from tenancy.events import Cause
from tenancy.gates import settle_bindings, settle_expired, settle_instance
from tenancy.grants import grant_access, revoke_access
from tenancy.groups import put_group, put_group_member, remove_group, remove_group_member
from tenancy.instances import set_expiry, set_frozen
from tenancy.members import cancel_members, put_members, remove_members
from tenancy.releases import end_released_bindings, release_instance
from tenancy.reviews import approve_push, reject_push
from tenancy.subjects import Subject
from tenancy.syncs import sync_departments
from tenancy.tree import Department
from tenancy.unbinding import unbind_tenant
from tenancy.undo import undo_push
from tests.tenancy.worlds import ANN, APP, EVERYONE, someone

SCENARIOS = {}


def scenario(name):
    """Register the scenario of the use case `module.function` of `tenancy`, or `sso.module.function`."""

    def register(function):
        assert name not in SCENARIOS
        SCENARIOS[name] = function
        return function

    return register


# What the marketplace pushes.


@scenario("bindings.bind_tenant")
async def _(world):
    place = await world.place()
    yield
    await world.bind(place, "two")


@scenario("unbinding.unbind_tenant")
async def _(world):
    await remove_members(world.places[1], APP, [someone("ann")], **world.said())
    yield
    for place in world.places:
        await unbind_tenant(place, **world.said())


@scenario("apps.put_app")
async def _(world):
    await remove_app(world.places[1], APP, **world.said())
    yield
    await world.put_app(world.home, client="other")
    await world.put_app(world.home, "app-2")
    await world.put_app(world.places[1])


@scenario("apps.remove_app")
async def _(world):
    yield
    for place in world.places:
        await remove_app(place, APP, **world.said())


@scenario("departments.put_department")
async def _(world):
    await remove_department(world.home, "A", **world.said())
    yield
    for department in (Department("B", "B"), Department("A", "new", "B"), Department("C", "C", "A")):
        await put_department(world.home, department, **world.said())


@scenario("departments.remove_department")
async def _(world):
    yield
    await remove_department(world.home, "B", **world.said())


@scenario("syncs.sync_departments")
async def _(world):
    await put_department(world.home, Department("Z", "Z"), **world.said())
    await remove_department(world.home, "Z", **world.said())
    held = world.said()
    await sync_departments(world.home, [], **held)
    yield
    await sync_departments(world.home, [Department("B", "new"), Department("Z", "Z", "B")], **world.said())
    await sync_departments(world.home, [], **world.said())


@scenario("members.put_members")
async def _(world):
    await remove_members(world.home, APP, [someone("bob")], **world.said())
    yield
    people = [someone("ann", department_code="A"), someone("bob", enabled=False), someone("cho", name="C")]
    await put_members(world.home, APP, people, grant=True, **world.said())
    await put_members(world.home, APP, [someone("bob", department_code=None)], grant=False, **world.said())


@scenario("members.cancel_members")
async def _(world):
    yield
    await cancel_members(world.home, APP, [someone("ann"), someone("stranger")], **world.said())


@scenario("members.remove_members")
async def _(world):
    yield
    await remove_members(world.home, APP, [someone("ann"), someone("stranger")], **world.said())


@scenario("removals.carry_out_removal")
async def _(world):
    released = await world.place()
    await release_instance(world.product, released.instance_id, push=world.push())
    yield
    # What all removals share; with an instance that has been released there is nothing to remove.
    await remove_department(released, "B", **world.said())
    await remove_department(world.home, "B", **world.said())


# What administrators do.


@scenario("app_switches.disable_app")
async def _(world):
    yield
    await disable_app(world.tenant_id, APP, act=world.act())


@scenario("app_switches.enable_app")
async def _(world):
    await disable_app(world.tenant_id, APP, act=world.act())
    yield
    await enable_app(world.tenant_id, APP, act=world.act())


@scenario("grants.grant_access")
async def _(world):
    await cancel_members(world.home, APP, [someone("bob")], **world.said())
    await put_members(world.home, APP, [someone("cho")], grant=True, **world.said())
    yield
    await grant_access(world.tenant_id, APP, EVERYONE, act=world.act())


@scenario("grants.revoke_access")
async def _(world):
    await put_members(world.home, APP, [someone("ann")], grant=False, **world.said())
    await grant_access(world.tenant_id, APP, ANN, act=world.act())
    yield
    await revoke_access(world.tenant_id, APP, ANN, act=world.act())


@scenario("groups.put_group")
async def _(world):
    yield
    for group, name in (("new", "New"), ("g", "Renamed")):
        await put_group(world.tenant_id, group, name=name, expected_revision=None, act=world.act())


@scenario("groups.remove_group")
async def _(world):
    yield
    await remove_group(world.tenant_id, "g", act=world.act())


@scenario("groups.put_group_member")
async def _(world):
    yield
    await put_group_member(world.tenant_id, "g", ANN, act=world.act())


@scenario("groups.remove_group_member")
async def _(world):
    yield
    await remove_group_member(world.tenant_id, "h", Subject(type="group", id="g"), act=world.act())


@scenario("reviews.approve_push")
async def _(world):
    held = world.said()
    await sync_departments(world.home, [], **held)
    yield
    await approve_push(world.tenant_id, held["push"].id, digest=None, act=world.act())


@scenario("reviews.reject_push")
async def _(world):
    held = world.said()
    await sync_departments(world.home, [], **held)
    yield
    await reject_push(world.tenant_id, held["push"].id, act=world.act())


@scenario("undo.undo_push")
async def _(world):
    removal, withdrawal = world.said(), world.said()
    await remove_department(world.home, "B", **removal)
    await remove_members(world.home, APP, [someone("ann")], **withdrawal)
    yield
    for said in (removal, withdrawal):
        await undo_push(world.tenant_id, said["push"].id, act=world.act())


# What becomes of purchases, and what the worker finds.


@scenario("instances.set_expiry")
async def _(world):
    yield
    for moment in (world.act().at.replace(year=2020), world.act().at.replace(year=2099)):
        ends = {"expires_at": moment, "trial_ends": False, "unfreeze": False, "ask_for": None}
        await set_expiry(**world.purchase, **ends)


@scenario("instances.set_frozen")
async def _(world):
    yield
    for frozen in (True, False):
        await set_frozen(**world.purchase, frozen=frozen)


@scenario("gates.settle_instance")
async def _(world):
    await world.alter_purchase("state = 'frozen'")
    yield
    act = world.act()
    await settle_instance(world.home.instance_id, Cause(id=act.id, by=act.actor, at=act.at))


@scenario("gates.settle_bindings")
async def _(world):
    await world.alter_purchase("state = 'frozen'")
    yield
    await settle_bindings(now=world.act().at)


@scenario("gates.settle_expired")
async def _(world):
    await world.expire()
    yield
    await settle_expired(now=world.act().at)


@scenario("releases.release_instance")
async def _(world):
    yield
    await release_instance(**world.purchase)


@scenario("releases.end_released_bindings")
async def _(world):
    await world.alter_purchase("state = 'released'")
    yield
    await end_released_bindings(now=world.act().at)


# Those above, in any order; what another has made impossible is refused.
ABOUT_OBJECTS = tuple(SCENARIOS)
