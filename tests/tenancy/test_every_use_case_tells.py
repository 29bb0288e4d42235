"""For every use case in the code: the snapshot before it and its events are the snapshot after it."""

import contextlib
import importlib
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy.bindings import KOOGALLERY, SELLER, Place, find_tenant
from tenancy.database import NO_TENANT, tenant_scope
from tenancy.departments import put_department
from tenancy.errors import DomainError, TenantUnknown
from tenancy.members import put_members, remove_members
from tenancy.tree import Department
from tenancy.unbinding import unbind_tenant
from tests.followers import Follower, follow_directly, read_nil_log, take_snapshot
from tests.tenancy.other_scenarios import SILENT
from tests.tenancy.scenarios import ABOUT_OBJECTS, SCENARIOS
from tests.tenancy.sign_in_scenarios import COMPOSED
from tests.tenancy.worlds import APP, World, someone
from tests.use_cases import list_use_cases

CHANGING_OBJECTS = (*ABOUT_OBJECTS, "sso.identities.find_or_link")


@pytest.fixture
async def world(shared_product, runtime):
    return await World.found(shared_product, runtime)


@contextlib.contextmanager
def watched():
    """The code that runs inside."""
    seen = set()
    sys.setprofile(lambda frame, _event, _argument: seen.add(frame.f_code))
    try:
        yield seen
    finally:
        sys.setprofile(None)


def code_of(use_case):
    module, _, name = use_case.rpartition(".")
    package = "" if module.startswith("sso.") else "tenancy."
    return getattr(importlib.import_module(f"{package}{module}"), name).__code__


async def newest_of_no_tenant():
    async with tenant_scope(NO_TENANT) as db:
        return await db.fetchval("SELECT last FROM event_counter") or 0


def test_every_use_case_of_the_code_has_a_scenario():
    known = SCENARIOS.keys() | COMPOSED
    assert list_use_cases() - known == set(), "these need a scenario"
    assert known - list_use_cases() == set(), "these are no use cases any more"


@pytest.mark.parametrize("use_case", sorted(SCENARIOS))
async def test_a_snapshot_before_and_the_events_of_a_use_case_are_the_snapshot_after(use_case, world):
    steps = SCENARIOS[use_case](world)
    await anext(steps)
    follower, nil = Follower(), Follower()
    follower.begin(await take_snapshot(world.tenant_id))
    before = follower.number
    nil.number = before_nil = await newest_of_no_tenant()
    with watched() as seen:
        await anext(steps, None)
    assert code_of(use_case) in seen, "its scenario does not run it"
    for event in await read_nil_log(nil.number):
        nil.hear(event)
    try:
        await follow_directly(follower, world.tenant_id)
    except TenantUnknown:
        [event] = await read_nil_log(before_nil)
        assert (event["type"], event["data"]["tenant_id"]) == ("tenant.erased", str(world.tenant_id))
    else:
        assert follower.differs_from(await take_snapshot(world.tenant_id)) == []
    told = follower.number - before + nil.number - before_nil
    assert bool(told) == (use_case not in SILENT)


async def carry_out(use_case, world):
    """The whole scenario, or what of it is possible by now."""
    with contextlib.suppress(DomainError):
        async for _ in SCENARIOS[use_case](world):
            continue


@hypothesis_settings(max_examples=20)
@given(use_cases=st.lists(st.sampled_from(CHANGING_OBJECTS), min_size=4, max_size=12))
async def test_whoever_follows_from_the_first_event_on_knows_the_present_whatever_happens(
    use_cases, shared_product, runtime
):
    world, follower = await World.found(shared_product, runtime), Follower()
    for use_case in use_cases:
        await carry_out(use_case, world)
        await follow_directly(follower, world.tenant_id)
        assert follower.differs_from(await take_snapshot(world.tenant_id)) == [], use_case


async def test_a_shadow_tenant_is_followed_from_before_it_was_described(shared_product, runtime):
    world = World(shared_product, runtime)
    place = Place(
        product=shared_product,
        instance_id="debug",
        external_id=world.external_id,
        source=SELLER,
        is_test=True,
    )
    debug = msgspec.structs.replace(place, source=KOOGALLERY)
    for shadow, early in ((place, False), (debug, True)):
        if early:
            await put_department(shadow, Department("A", "A"), **world.said())
            await world.put_app(shadow)
            await put_members(shadow, APP, [someone("ann", department_code="A")], grant=True, **world.said())
        await world.bind(shadow)
        await world.put_app(shadow, client="other")
        await put_members(shadow, APP, [someone("bob", department_code="A")], grant=True, **world.said())
        await remove_members(shadow, APP, [someone("bob")], **world.said())
        follower, tenant_id = Follower(), await find_tenant(shadow)
        await follow_directly(follower, tenant_id)
        assert follower.differs_from(await take_snapshot(tenant_id)) == []
        await unbind_tenant(shadow, **world.said())
        await follow_directly(follower, tenant_id)
        assert follower.differs_from(await take_snapshot(tenant_id)) == []
