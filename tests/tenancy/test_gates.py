"""Gates close by time and by the marketplace, without the tenant: told once, and by the worker if need be."""

from datetime import timedelta

import pytest
from msgspec import structs

from service.worker import run_worker, sweep
from tenancy.access import check_access
from tenancy.audit_pages import list_audit
from tenancy.database import system_scope
from tenancy.event_pages import list_changes
from tenancy.gates import settle_bindings, settle_expired
from tenancy.instances import set_expiry, set_frozen
from tenancy.member_facts import MemberFacts
from tests.faults.processes import eventually
from tests.tenancy.directories import Directory
from tests.tenancy.histories import Message
from tests.tenancy.pushing import a_push, buy


@pytest.fixture
async def enterprise(runtime, shared_product):
    """An enterprise with one person on an instance of its own."""
    instance_id = await buy(shared_product, runtime)
    directory = Directory(shared_product, [instance_id], runtime.keyring, runtime.clock)
    await directory.deliver(Message("bind", 0, 0, "one"))
    await directory.deliver(Message("put_app", 0, 1, ("app-1", "client")))
    await directory.deliver(Message("grant", 0, 2, ("app-1", [MemberFacts("ann", {})])))
    return directory


async def told(directory):
    """What the audit says of the binding, oldest first: (action, by, who gained or lost)."""
    tenant_id = await directory.tenant_id()
    entries = (await list_audit(tenant_id, action=None, source="api", cursor=None, limit=100)).items
    found = []
    for entry in reversed(entries):
        changes = await list_changes(tenant_id, entry.id, cursor=None, limit=100)
        concerned = [(change.type, change.subject) for change in changes.items[1:]]
        found.append((entry.action, entry.by.actor or "push", concerned))
    return found


def place_of(directory):
    return directory.places[0]


async def expire(directory, at, *, now=None):
    place = place_of(directory)
    await set_expiry(
        place.product,
        place.instance_id,
        expires_at=at,
        trial_ends=False,
        unfreeze=False,
        ask_for=None,
        push=a_push(product=place.product, now=now),
    )


async def test_a_freeze_and_its_end_are_told_to_the_tenant_once_each(enterprise):
    place = place_of(enterprise)
    for frozen in (True, True, False, False):
        push = a_push(product=place.product)
        await set_frozen(place.product, place.instance_id, frozen=frozen, push=push)
    assert await told(enterprise) == [
        ("binding.closed", "push", [("access.lost", "ann")]),
        ("binding.opened", "push", [("access.gained", "ann")]),
    ]


async def test_a_freeze_whose_telling_was_cut_off_is_told_by_the_next_sweep(enterprise, runtime):
    place = place_of(enterprise)
    async with system_scope() as db:
        await db.execute("UPDATE instance SET state = 'frozen' WHERE instance_id = $1", place.instance_id)
    assert not await check_access(await enterprise.tenant_id(), "app-1", "ann", now=runtime.clock())
    assert await told(enterprise) == []
    await sweep(runtime)
    await sweep(runtime)
    assert await told(enterprise) == [("binding.closed", "system", [("access.lost", "ann")])]


async def test_an_expiry_is_told_once_after_its_time_and_a_renewal_brings_everyone_back(enterprise, clock):
    expiry = clock() + timedelta(days=30)
    await expire(enterprise, expiry)
    clock.freeze(expiry - timedelta(microseconds=1))
    await settle_expired(now=clock())
    assert await told(enterprise) == []
    assert await check_access(await enterprise.tenant_id(), "app-1", "ann", now=clock())
    clock.freeze(expiry)
    assert not await check_access(await enterprise.tenant_id(), "app-1", "ann", now=clock())
    for settle in (settle_expired, settle_expired, settle_bindings):
        await settle(now=clock())
        assert await told(enterprise) == [("binding.closed", "system", [("access.lost", "ann")])]
    clock.freeze(expiry + timedelta(seconds=1))
    await expire(enterprise, expiry + timedelta(days=30), now=clock())
    assert await told(enterprise) == [
        ("binding.closed", "system", [("access.lost", "ann")]),
        ("binding.opened", "push", [("access.gained", "ann")]),
    ]


async def test_whoever_has_an_app_through_another_binding_too_loses_nothing_with_the_first(
    enterprise, runtime, shared_product
):
    second = await buy(shared_product, runtime)
    place = place_of(enterprise)
    enterprise.places.append(structs.replace(place, instance_id=second))
    await enterprise.deliver(Message("bind", 1, 3, "one"))
    await enterprise.deliver(Message("put_app", 1, 4, ("app-1", "client")))
    await enterprise.deliver(Message("grant", 1, 5, ("app-1", [MemberFacts("ann", {})])))
    await set_frozen(place.product, place.instance_id, frozen=True, push=a_push(product=place.product))
    assert await told(enterprise) == [("binding.closed", "push", [])]
    assert await check_access(await enterprise.tenant_id(), "app-1", "ann", now=runtime.clock())


async def test_the_worker_tells_an_expiry_by_itself(enterprise, runtime, clock):
    expiry = clock() + timedelta(days=30)
    await expire(enterprise, expiry)
    clock.freeze(expiry + timedelta(seconds=1))
    async with run_worker(runtime):
        await eventually(lambda: told(enterprise), "the expiry is told")
    assert await told(enterprise) == [("binding.closed", "system", [("access.lost", "ann")])]
