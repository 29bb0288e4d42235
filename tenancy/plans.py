"""Plans: what a full list changes, found out by applying it and, if need be, going back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from tenancy.database import Db
from tenancy.department_lists import apply_list
from tenancy.events import LAST, Cause, decode
from tenancy.sync_policies import find_policy
from tenancy.tree import Department

# What is tried is kept or taken back inside the caller's transaction.
TRY: Final = "SAVEPOINT plan"
KEEP: Final = "RELEASE SAVEPOINT plan"
TAKE_BACK: Final = "ROLLBACK TO SAVEPOINT plan; RELEASE SAVEPOINT plan"


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True):
    """An event that there would be."""

    type: str
    subject: str
    data: dict[str, Any] | None
    previous: dict[str, Any] | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a list changes: how many events of each type, and a digest that is the same for the same changes.

    `held` is why the tenant's policy holds it; None when it is applied at once.
    """

    counts: dict[str, int]
    digest: str
    held: str | None


class PlannedChanges(Plan, frozen=True, kw_only=True):
    """A plan with the first of its changes."""

    changes: list[PlannedChange]


_PRESENT = "SELECT count(*) FROM department WHERE tenant_id = $1 AND removed_at IS NULL"

_LOSING = f"""
SELECT count(DISTINCT subject) FROM event
WHERE tenant_id = $1 AND number > {LAST} AND type = 'access.lost'
"""

# The same for the same changes in whatever order.
_DIGEST = f"""
SELECT md5(concat(count(*), ':', sum(hashtextextended(concat_ws(E'\\n', type, subject, data, previous), 0))))
FROM event WHERE tenant_id = $1 AND number > {LAST}
"""


_CHANGES = f"""
SELECT type, subject, data, previous FROM event
WHERE tenant_id = $1 AND number > {LAST} AND ($2::text IS NULL OR type = $2)
ORDER BY number LIMIT $3
"""


async def judge_list(
    db: Db, tenant_id: UUID, departments: Sequence[Department], counts: Mapping[str, int]
) -> str | None:
    """Why the policy holds a list that has just been applied to come to these counts; None if it does not."""
    policy = await find_policy(db, tenant_id)
    removed, present, losing = counts.get("department.removed", 0), 0, counts.get("access.lost", 0)
    if removed > policy.max_removed:
        present = await db.fetchval(_PRESENT, tenant_id)
        present += removed - counts.get("department.added", 0) - counts.get("department.restored", 0)
    if losing > policy.max_losing:
        losing = await db.fetchval(_LOSING, tenant_id)
    return policy.judge(counts, is_empty=not departments, departments=present, losing=losing)


async def digest_changes(db: Db, tenant_id: UUID) -> str:
    """The digest of the change set that is being written."""
    digest: str = await db.fetchval(_DIGEST, tenant_id)
    return digest


async def plan_list(
    db: Db,
    tenant_id: UUID,
    departments: Sequence[Department],
    *,
    at: datetime,
    cause: Cause,
    event_type: str | None,
    limit: int,
) -> PlannedChanges:
    """What the list would change now, with its first changes of one type or of all; writes nothing."""
    await db.execute(TRY)
    counts = await apply_list(db, tenant_id, departments, at=at, cause=cause, first=0)
    digest = await digest_changes(db, tenant_id)
    held = await judge_list(db, tenant_id, departments, counts)
    rows = await db.fetch(_CHANGES, tenant_id, event_type, limit)
    await db.execute(TAKE_BACK)
    changes = [
        PlannedChange(
            type=row["type"],
            subject=row["subject"],
            data=decode(row["data"]),
            previous=decode(row["previous"]),
        )
        for row in rows
    ]
    return PlannedChanges(counts=counts, digest=digest, held=held, changes=changes)
