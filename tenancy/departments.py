"""Departments of a tenant, one by one: put or removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tenancy.access_rows import ANY_GRANT, members_of, refresh_access
from tenancy.bindings import Admission, Place, admit, demand_binding, require_tenant
from tenancy.database import Db, tenant_scope
from tenancy.errors import DepartmentLoop
from tenancy.event_objects import DepartmentObject
from tenancy.events import Event
from tenancy.pushes import STALE, UNCHANGED, Outcome, Push, outcome_of, record_push
from tenancy.removals import Applied, carry_out_removal
from tenancy.subjects import Subject
from tenancy.tree import Department

# The newest fact about one department, whether the new parent lies below it, and whether anything is granted
# here at all; if not, where a department is decides nothing.
_FACTS = f"""
WITH RECURSIVE above AS (
    SELECT parent_code FROM department
    WHERE tenant_id = $1 AND code = $3 AND removed_at IS NULL
    UNION
    SELECT d.parent_code FROM department d JOIN above ON d.code = above.parent_code
    WHERE d.tenant_id = $1 AND d.removed_at IS NULL
)
SELECT d.name, d.parent_code, d.source_time, d.removed_at,
       EXISTS (SELECT FROM above WHERE parent_code = $2) AS loops,
       {ANY_GRANT} AS has_grants
FROM (SELECT $2::text AS code) AS asked
LEFT JOIN department d ON d.tenant_id = $1 AND d.code = asked.code
"""

_PUT = """
INSERT INTO department (tenant_id, code, name, parent_code, source_time, removed_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, code) DO UPDATE
SET name = excluded.name, parent_code = excluded.parent_code, source_time = excluded.source_time,
    removed_at = excluded.removed_at
"""


async def put_department(place: Place, department: Department, *, at: datetime, push: Push) -> Outcome:
    """Create, rename or move one department, unless newer facts about it stand.

    Raises:
        InstanceUnknown, TenantUnknown: the push has to be repeated after the purchase or the binding.
        DepartmentLoop: the department would become its own ancestor; the tree is unchanged.
    """
    tenant_id = await require_tenant(place, now=push.received_at)
    code = department.code
    async with tenant_scope(tenant_id, changing=True) as db:
        admission = await admit(db, tenant_id, place)
        demand_binding(admission, place, at)
        facts = await db.fetchrow(_FACTS, tenant_id, code, department.parent_code)
        assert facts is not None
        if _is_stale(facts["source_time"], admission.departments_listed_at, at):
            await record_push(db, tenant_id, push, STALE)
            return STALE
        if facts["loops"] or department.parent_code == code:
            raise DepartmentLoop
        await db.execute(_PUT, tenant_id, code, department.name, department.parent_code, at, None)
        events = _events(facts, department)
        outcome = await _refresh(db, tenant_id, facts, events, push)
        await record_push(db, tenant_id, push, outcome, events=events)
    return outcome


async def _refresh(db: Db, tenant_id: UUID, facts: Any, events: Sequence[Event], push: Push) -> Outcome:
    """Where a department is decides who may use what; its name does not."""
    moved = [event.subject for event in events if event.type != "department.renamed"]
    if not moved or not facts["has_grants"]:
        return outcome_of(events)
    people = members_of(Subject(type="department", id=moved[0]))
    return outcome_of(events, await refresh_access(db, tenant_id, people, push.cause, first=len(events)))


async def remove_department(place: Place, code: str, *, at: datetime, push: Push) -> Outcome | None:
    """Remove one department, leaving a tombstone; those below it become orphans, members keep its code.

    Returns:
        None when the instance is unknown, so that there is nothing to remember.
    """

    async def remove(db: Db, tenant_id: UUID, admission: Admission) -> Applied:
        facts = await db.fetchrow(_FACTS, tenant_id, code, None)
        assert facts is not None
        if _is_stale(facts["source_time"], admission.departments_listed_at, at):
            return Applied(STALE)
        removed_at = facts["removed_at"] or push.received_at
        await db.execute(_PUT, tenant_id, code, facts["name"] or "", facts["parent_code"], at, removed_at)
        if facts["name"] is None or facts["removed_at"] is not None:
            return Applied(UNCHANGED)
        events = [Event(type="department.removed", subject=code, previous=_known(code, facts))]
        return Applied(await _refresh(db, tenant_id, facts, events, push), events)

    return await carry_out_removal(place, push, remove)


def _is_stale(source_time: datetime | None, listed_at: datetime | None, at: datetime) -> bool:
    """A full list speaks about every department, also those it leaves out."""
    return any(known is not None and at < known for known in (source_time, listed_at))


def _known(code: str, facts: Any) -> DepartmentObject:
    return DepartmentObject(code=code, name=facts["name"], parent_code=facts["parent_code"])


def _events(facts: Any, department: Department) -> list[Event]:
    code = department.code
    data = DepartmentObject(code=code, name=department.name, parent_code=department.parent_code)
    if facts["name"] is None:
        return [Event(type="department.added", subject=code, data=data)]
    if facts["removed_at"] is not None:
        return [Event(type="department.restored", subject=code, data=data)]
    previous = _known(code, facts)
    if previous == data:
        return []
    verb = "moved" if previous.parent_code != data.parent_code else "renamed"
    return [Event(type=f"department.{verb}", subject=code, data=data, previous=previous)]
