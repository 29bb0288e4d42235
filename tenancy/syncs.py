"""Full lists of departments: planned, judged and applied, or held, in one transaction."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tenancy.acts import Act
from tenancy.bindings import Place, admit, demand_binding, require_tenant
from tenancy.database import Db, tenant_scope
from tenancy.department_lists import apply_list, check_list
from tenancy.held_rows import hold_push, supersede_held
from tenancy.plans import KEEP, TAKE_BACK, TRY, PlannedChanges, digest_changes, judge_list, plan_list
from tenancy.pushes import STALE, UNCHANGED, Outcome, Push, outcome_of, record_push
from tenancy.removals import Applied
from tenancy.tenants import demand_tenant
from tenancy.tree import Department


async def sync_departments(
    place: Place, departments: Sequence[Department], *, at: datetime, push: Push
) -> Outcome:
    """Make the tree equal to a full list of all departments, whatever their order, or hold the list.

    What is not listed is removed, unless a newer message set it. The last of several entries with one
    code counts. A list that changes more than the tenant's policy allows, or that is empty although there
    are departments, changes nothing until an administrator approves it: it is far more often a fault.

    Raises:
        InstanceUnknown, TenantUnknown: the push has to be repeated after the purchase or the binding.
        DepartmentLoop: the list itself has a loop; the tree is unchanged.
    """
    # In a thread: a large list would hold up every other tenant meanwhile.
    listed = await asyncio.to_thread(check_list, departments)
    tenant_id = await require_tenant(place, now=push.received_at)
    async with tenant_scope(tenant_id, changing=True) as db:
        admission = await admit(db, tenant_id, place)
        demand_binding(admission, place, at)
        listed_at = admission.departments_listed_at
        if listed_at is not None and at < listed_at:
            applied = Applied(STALE)
        else:
            applied = await _apply_or_hold(db, tenant_id, place, listed, at=at, push=push)
        await record_push(db, tenant_id, push, applied.outcome, events=applied.events)
    return applied.outcome


async def _apply_or_hold(
    db: Db, tenant_id: UUID, place: Place, listed: Sequence[Department], *, at: datetime, push: Push
) -> Applied:
    await db.execute(TRY)
    events = await supersede_held(db, tenant_id, at=at, now=push.received_at)
    counts = await apply_list(db, tenant_id, listed, at=at, cause=push.cause, first=len(events))
    reason = await judge_list(db, tenant_id, listed, counts)
    if reason is not None:
        digest = await digest_changes(db, tenant_id)
        await db.execute(TAKE_BACK)
        return await hold_push(
            db, tenant_id, place, listed, at=at, push=push, reason=reason, counts=counts, digest=digest
        )
    if not listed:
        # Nothing was there either; what an empty list says of other messages is not believed.
        await db.execute(TAKE_BACK)
        return Applied(UNCHANGED)
    await db.execute(KEEP)
    return Applied(outcome_of(events, counts), events)


async def plan_departments(
    tenant_id: UUID,
    departments: Sequence[Department],
    *,
    event_type: str | None,
    limit: int,
    act: Act,
) -> PlannedChanges:
    """What a full list would change if it came now, and whether it would be held; writes nothing.

    Raises:
        TenantUnknown: there is no such tenant.
        DepartmentLoop: the list itself has a loop.
    """
    listed = await asyncio.to_thread(check_list, departments)
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        return await plan_list(
            db, tenant_id, listed, at=act.at, cause=act.cause, event_type=event_type, limit=limit
        )
