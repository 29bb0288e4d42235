"""Undo: what a push has removed or changed is brought back as far as nothing later contradicts it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from tenancy.acts import Act, record_act
from tenancy.database import Db, tenant_scope
from tenancy.errors import PushEventsRemoved, PushUnknown
from tenancy.event_objects import UndoneFact
from tenancy.events import Event, count_events, decode
from tenancy.tenants import demand_tenant
from tenancy.undo_departments import restore_departments
from tenancy.undo_members import restore_members
from tenancy.undo_rules import ADDED, SINCE, Remaining, Told, Undoing, find_hindrance

MOST_LEFT = 1000


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the push that was not undone, and why."""

    type: str
    subject: str
    reason: str


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """What an undo has done: the id of the act, None when there was nothing to do, and its changes by type.

    `left` names the first of the changes that stand, `left_total` says how many there are.
    """

    id: UUID | None
    counts: dict[str, int]
    left: list[Left]
    left_total: int


_PUSH = (
    "SELECT coalesce(source_time, received_at) AS said_at, counts FROM push WHERE tenant_id = $1 AND id = $2"
)

# A push that was held is carried out by the act that approves it.
_APPROVALS = "SELECT id FROM audit WHERE tenant_id = $1 AND action = 'sync.approved' AND subject = $2"

_CHANGE_SETS = "SELECT number, last FROM change_set WHERE tenant_id = $1 AND cause_id = ANY($2)"

_TOLD = """
SELECT number, type, subject, data, previous FROM event
WHERE tenant_id = $1 AND number BETWEEN $2 AND $3 AND type NOT LIKE 'access.%' ORDER BY number
"""

# Who has last changed a thing of a kind after that event.
_SINCE = """
SELECT DISTINCT ON (e.kind, e.subject) e.kind, e.subject, c.by
FROM (SELECT split_part(type, '.', 1) AS kind, subject, number, change_set FROM event
      WHERE tenant_id = $1 AND number > $2 AND subject = ANY($3) AND type NOT LIKE 'access.%') AS e
JOIN change_set c ON c.tenant_id = $1 AND c.number = e.change_set
ORDER BY e.kind, e.subject, e.number DESC
"""


async def undo_push(tenant_id: UUID, push_id: UUID, *, act: Act) -> Undo:
    """Bring back what a push, or the approval of a held one, has removed or changed.

    What has changed since, what the push has added and what only the marketplace can give is left alone.
    Doing it again finds nothing to do.

    Raises:
        TenantUnknown, PushUnknown: there is no such tenant or push.
        PushEventsRemoved: what the push has changed is no longer kept.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        push = await db.fetchrow(_PUSH, tenant_id, push_id)
        if push is None:
            raise PushUnknown
        told, newest = await _read_told(db, tenant_id, push_id, decode(push["counts"]))
        undoing = Undoing(
            tenant_id=tenant_id,
            cause=act.cause,
            said_at=push["said_at"],
            at=max(act.at, push["said_at"] + timedelta(microseconds=1)),
        )
        counts, remaining = await _restore(db, undoing, told, push_id, act)
        left = await _explain(db, tenant_id, remaining[:MOST_LEFT], newest)
    return Undo(id=act.id if counts else None, counts=counts, left=left, left_total=len(remaining))


async def _read_told(
    db: Db, tenant_id: UUID, push_id: UUID, counts: dict[str, int]
) -> tuple[list[Told], int]:
    """The push's events that changed something, and the number of the last."""
    approvals = [row["id"] for row in await db.fetch(_APPROVALS, tenant_id, str(push_id))]
    change_sets = await db.fetch(_CHANGE_SETS, tenant_id, [push_id, *approvals])
    if not change_sets and (counts or approvals):
        raise PushEventsRemoved
    told: list[Told] = []
    for change_set in sorted(change_sets, key=lambda row: row["number"]):
        rows = await db.fetch(_TOLD, tenant_id, change_set["number"], change_set["last"])
        told += [_told(row) for row in rows]
    newest = max((change_set["last"] for change_set in change_sets), default=0)
    return [event for event in told if event.is_state], newest


def _told(row: Any) -> Told:
    return Told(**{**row, "data": decode(row["data"]), "previous": decode(row["previous"])})


_DEPARTMENTS = {"department"}
_MEMBERS = {"member", "membership", "authorisation"}


async def _restore(
    db: Db, undoing: Undoing, told: Sequence[Told], push_id: UUID, act: Act
) -> tuple[dict[str, int], list[Remaining]]:
    """Undo what can be undone and record the act, if there was anything; counts its changes."""
    departments = [event for event in told if event.kind in _DEPARTMENTS]
    members = [event for event in told if event.kind in _MEMBERS]
    others = [event for event in told if event.kind not in _DEPARTMENTS | _MEMBERS]
    # The event that names the act comes before all others.
    people = await restore_members(db, undoing, members, first=1)
    first = 1 + len(people.events) + sum(people.differences.values())
    tree = await restore_departments(db, undoing, departments, first=first)
    differences = {
        kind: people.differences.get(kind, 0) + tree.differences.get(kind, 0)
        for kind in people.differences | tree.differences
    }
    remaining = [Remaining(told=event, reason=find_hindrance(event) or ADDED) for event in others]
    remaining = sorted([*remaining, *people.remaining, *tree.remaining], key=lambda left: left.told.number)
    counts = count_events(people.events, differences)
    if counts:
        fact = UndoneFact(counts=counts, left=len(remaining))
        named = Event(type="push.undone", subject=str(push_id), data=fact)
        await record_act(
            db, act, [named, *people.events], tenant_id=undoing.tenant_id, differences=differences
        )
    return counts, remaining


async def _explain(db: Db, tenant_id: UUID, remaining: Sequence[Remaining], newest: int) -> list[Left]:
    """Say in words why each event remains, and who is behind what has happened since."""
    touched = [left.told.subject for left in remaining if left.reason in SINCE]
    rows = await db.fetch(_SINCE, tenant_id, newest, touched) if touched else []
    authors = {(row["kind"], row["subject"]): row["by"] for row in rows}
    return [
        Left(
            type=left.told.type,
            subject=left.told.subject,
            reason=_say(left.reason, authors.get((left.told.kind, left.told.subject))),
        )
        for left in remaining
    ]


def _say(reason: str, by: str | None) -> str:
    if reason not in SINCE:
        return reason
    return f"{reason}." if by is None else f"{reason} by {by.replace('push:', 'push ')}."
