"""What is kept only for a time: erased when it is over, and not before."""

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from msgspec import structs

from service.worker import sweep
from tenancy.acts import Act
from tenancy.app_switches import disable_app
from tenancy.audit_pages import list_audit
from tenancy.bindings import Place
from tenancy.database import NO_TENANT, system_scope, tenant_scope
from tenancy.departments import remove_department
from tenancy.errors import TenantUnknown
from tenancy.event_pages import list_changes
from tenancy.grants import grant_access
from tenancy.groups import put_group, put_group_member
from tenancy.member_facts import MemberFacts
from tenancy.pushes import Outcome, record_base_push
from tenancy.releases import release_instance
from tenancy.retention import _HISTORY, _OWNED, erase_tenant, list_tenants_to_erase, remove_old_pushes
from tenancy.subjects import Subject
from tenancy.tenants import read_tenant
from tenancy.tokens import find_token_owner, make_token
from tenancy.tree import Department
from tests.tenancy.histories import Message
from tests.tenancy.pushing import a_push, buy, moment

KEPT = (*_OWNED, *_HISTORY)
# What a review, a reader of all tenants and webhooks fill.
OTHERS = {
    "attempt",
    "client_session",
    "connection",
    "feed",
    "held_push",
    "identity",
    "stream",
    "sync_policy",
}


async def rows(tenant_id):
    """How many rows the tenant has in each table."""
    async with tenant_scope(tenant_id) as db:
        return {table: await db.fetchval(f"SELECT count(*) FROM {table}") for table in KEPT}


def renew(act):
    return structs.replace(act, id=uuid4())


async def lived_in(directory, clock):
    """An enterprise with something in every table; its id."""
    await directory.deliver(Message("bind", 0, 0, "one"))
    await directory.deliver(Message("put_app", 0, 1, ("app-1", "client")))
    await directory.deliver(Message("put_department", 0, 2, Department("D1", "one")))
    people = [MemberFacts("ann", {"department_code": "D1"})]
    await directory.deliver(Message("grant", 0, 3, ("app-1", people)))
    tenant_id = await directory.tenant_id()
    act = Act(actor="test", at=clock())
    everyone = Subject(type="everyone", id="*")
    await make_token(role="reader", tenant_id=tenant_id, act=act)
    await put_group(tenant_id, "g", name="G", expected_revision=None, act=renew(act))
    await put_group_member(tenant_id, "g", Subject(type="member", id="ann"), act=renew(act))
    await grant_access(tenant_id, "app-1", everyone, act=renew(act))
    await disable_app(tenant_id, "app-1", act=renew(act))
    assert {table for table, count in (await rows(tenant_id)).items() if not count} <= OTHERS
    return tenant_id


async def test_a_tenant_is_erased_a_set_time_after_its_last_binding_ended_and_a_receipt_is_kept(
    new_directory, runtime, clock
):
    leaving, staying = new_directory(), new_directory()
    gone, kept = await lived_in(leaving, clock), await lived_in(staying, clock)
    token = await make_token(role="reader", tenant_id=gone, act=Act(actor="test", at=clock()))
    before = await rows(kept)
    await leaving.deliver(Message("unbind", 0, 10))
    ended = (await read_tenant(gone)).unbound_at
    retention = timedelta(days=runtime.settings.retention_days)

    clock.freeze(ended + retention)
    await sweep(runtime)
    assert (await read_tenant(gone)).counts.departments == 1

    clock.freeze(ended + retention + timedelta(seconds=1))
    at_the_end = await rows(gone)
    await sweep(runtime)
    with pytest.raises(TenantUnknown):
        await read_tenant(gone)
    assert not any((await rows(gone)).values())
    assert await find_token_owner(token, now=clock()) is None
    async with tenant_scope(gone) as db:
        receipt = await db.fetchrow("SELECT * FROM erasure")
    assert receipt["external_id"] == leaving.external_id
    assert receipt["erased_at"] == clock()
    assert msgspec.json.decode(receipt["counts"]) == at_the_end
    erased = (await list_audit(None, action="tenant.erased", source="api", cursor=None, limit=1000)).items
    [told] = [entry for entry in erased if entry.subject == leaving.external_id]
    assert told.after["tenant_id"] == str(gone)
    [event] = (await list_changes(None, told.id, cursor=None, limit=10)).items
    assert (event.type, event.subject, event.cause.actor) == ("tenant.erased", leaving.external_id, "system")

    after = await rows(kept)
    assert {**after, "push": before["push"]} == before
    assert (await read_tenant(kept)).unbound_at is None


async def test_every_table_that_a_tenant_owns_is_erased(runtime):
    async with system_scope() as db:
        found = await db.fetch(
            "SELECT attrelid::regclass::text AS name FROM pg_attribute JOIN pg_class ON oid = attrelid"
            " WHERE attname = 'tenant_id' AND relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
    assert {row["name"] for row in found} == {*KEPT, "erasure"}


async def test_an_enterprise_bound_again_in_time_keeps_its_data(new_directory, clock):
    directory = new_directory()
    tenant_id = await lived_in(directory, clock)
    await directory.deliver(Message("unbind", 0, 10))
    later = clock() + timedelta(days=1)
    assert tenant_id in await list_tenants_to_erase(before=later, limit=10_000)
    await directory.deliver(Message("bind", 0, 11, "one"))
    assert tenant_id not in await list_tenants_to_erase(before=later, limit=10_000)
    assert not await erase_tenant(tenant_id, before=later, now=later)
    tenant = await read_tenant(tenant_id)
    assert (tenant.unbound_at, tenant.counts.departments, tenant.counts.members) == (None, 1, 1)


async def test_an_enterprise_with_another_binding_left_is_kept(new_directory, clock):
    directory = new_directory()
    tenant_id = await lived_in(directory, clock)
    await directory.deliver(Message("bind", 1, 9, "one"))
    await directory.deliver(Message("unbind", 0, 10))
    assert tenant_id not in await list_tenants_to_erase(before=clock() + timedelta(days=1), limit=10_000)
    assert not await erase_tenant(tenant_id, before=clock() + timedelta(days=1), now=clock())


async def test_unbinding_again_does_not_start_the_clock_anew(new_directory, clock):
    directory = new_directory()
    tenant_id = await lived_in(directory, clock)
    await directory.deliver(Message("unbind", 0, 10))
    first = (await read_tenant(tenant_id)).unbound_at
    await directory.deliver(Message("unbind", 0, 12))
    assert (await read_tenant(tenant_id)).unbound_at == first


async def test_releasing_the_last_instance_starts_the_clock(runtime, shared_product, new_directory, clock):
    directory = new_directory()
    instance_id = await buy(shared_product, runtime)
    directory.places[0] = msgspec.structs.replace(directory.places[0], instance_id=instance_id)
    tenant_id = await lived_in(directory, clock)
    await release_instance(shared_product, instance_id, push=a_push())
    assert (await read_tenant(tenant_id)).unbound_at is not None
    assert tenant_id in await list_tenants_to_erase(before=clock() + timedelta(days=1), limit=10_000)


async def test_an_enterprise_erased_before_may_come_back_empty(new_directory, clock):
    directory = new_directory()
    old = await lived_in(directory, clock)
    await directory.deliver(Message("unbind", 0, 10))
    assert await erase_tenant(old, before=clock() + timedelta(seconds=1), now=clock())
    with pytest.raises(TenantUnknown):
        await directory.deliver(Message("bind", 0, 20, "two"))
    await directory.deliver(Message("bind", 0, 20, "two"))
    tenant_id = await directory.tenant_id()
    assert tenant_id != old
    assert (await read_tenant(tenant_id)).counts.departments == 0


async def test_a_placeholder_that_only_holds_tombstones_is_erased_too(
    shared_product, shared_instances, clock
):
    place = Place(product=shared_product, instance_id=shared_instances[0], external_id=uuid4().hex)
    await remove_department(place, "D1", at=moment(0), push=a_push(moment(0)))
    async with system_scope() as db:
        tenant_id = await db.fetchval("SELECT id FROM tenant WHERE external_id = $1", place.external_id)
    later = clock() + timedelta(days=1)
    assert tenant_id in await list_tenants_to_erase(before=later, limit=10_000)
    assert await erase_tenant(tenant_id, before=later, now=later)


async def test_old_pushes_go_a_bounded_number_at_a_time(new_directory, clock):
    directory = new_directory()
    tenant_id = await lived_in(directory, clock)
    await record_base_push(a_push(), Outcome(verdict="unchanged"))
    future = clock() + timedelta(seconds=1)
    assert await remove_old_pushes(before=future, limit=2) == 2
    while await remove_old_pushes(before=future):
        pass
    await directory.deliver(Message("put_department", 0, 7, Department("D2", "two")))
    left = await rows(tenant_id)
    assert (left["push"], left["department"], left["member"]) == (1, 2, 1)
    async with tenant_scope(NO_TENANT) as db:
        assert await db.fetchval("SELECT count(*) FROM push WHERE received_at < $1", future) == 0


async def test_a_sweep_removes_all_old_pushes_however_many(new_directory, runtime, clock, monkeypatch):
    monkeypatch.setattr(remove_old_pushes, "__kwdefaults__", {"limit": 2})
    directory = new_directory()
    tenant_id = await lived_in(directory, clock)
    clock.freeze(clock() + timedelta(days=runtime.settings.push_retention_days, seconds=1))
    await sweep(runtime)
    left = await rows(tenant_id)
    assert left["push"] == 0
    assert left["audit"] > 0
