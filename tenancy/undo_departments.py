"""Undoing what a push did to departments, one or ten thousand with the same few statements."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from tenancy.access_rows import refresh_moved
from tenancy.database import Db
from tenancy.events import insert_events
from tenancy.undo_rules import LOOP, Remaining, Restored, Told, Undoing, find_closing, find_hindrance, judge

_NOW = """
SELECT d.code, d.name, d.parent_code, d.removed_at,
       greatest(d.source_time, t.departments_listed_at) AS said_at
FROM department d JOIN tenant t ON t.id = $1
WHERE d.tenant_id = $1 AND d.code = ANY($2)
"""

_PARENTS = "SELECT code, parent_code FROM department WHERE tenant_id = $1 AND removed_at IS NULL"

_FACTS = """
SELECT CASE WHEN removed_at IS NOT NULL THEN 'department.restored'
            WHEN old_parent_code IS DISTINCT FROM parent_code THEN 'department.moved'
            ELSE 'department.renamed' END AS type,
       code AS subject,
       jsonb_object(ARRAY['code', code, 'name', name, 'parent_code', parent_code]) AS data,
       CASE WHEN removed_at IS NULL
            THEN jsonb_object(ARRAY['code', code, 'name', old_name, 'parent_code', old_parent_code])
       END AS previous
FROM wanted
"""

# One statement, so that every part sees the departments as they were; each is looked up by its key, for the
# planner cannot know how many they are.
_RESTORE = f"""
WITH wanted AS MATERIALIZED (
    SELECT w.*, d.name AS old_name, d.parent_code AS old_parent_code, d.removed_at
    FROM unnest($4::text[], $5::text[], $6::text[]) AS w (code, name, parent_code)
    JOIN department d ON d.tenant_id = $1 AND d.code = w.code
), restored AS (
    UPDATE department d
    SET name = w.name, parent_code = w.parent_code, removed_at = NULL, source_time = $2
    FROM wanted w WHERE d.tenant_id = $1 AND d.code = w.code
), recorded AS ({insert_events(_FACTS, first="$3::bigint")} RETURNING type)
SELECT type, count(*) FROM recorded GROUP BY type
"""


async def restore_departments(db: Db, undoing: Undoing, told: Sequence[Told], *, first: int) -> Restored:
    """Bring departments back to where and what they were; the parent of one may be gone, as anywhere.

    `first` is how many events of the change set come before.
    """
    if not told:
        return Restored()
    rows = await db.fetch(_NOW, undoing.tenant_id, [event.subject for event in told])
    now = {row["code"]: row for row in rows}
    reasons = {event.number: _find_reason(event, now.get(event.subject), undoing) for event in told}
    wanted = [event for event in told if reasons[event.number] is None]
    closing = await _find_closing(db, undoing.tenant_id, wanted, now)
    reasons |= {event.number: LOOP for event in wanted if event.subject in closing}
    wanted = [event for event in wanted if event.subject not in closing]
    decided = ((event, reasons[event.number]) for event in told)
    return Restored(
        differences=await _restore(db, undoing, wanted, first) if wanted else {},
        remaining=[Remaining(told=event, reason=reason) for event, reason in decided if reason],
    )


def _find_reason(told: Told, now: Any, undoing: Undoing) -> str | None:
    is_there = now is not None and now["removed_at"] is None
    known = {name: now[name] for name in ("code", "name", "parent_code")} if is_there else None
    is_newer = now is not None and now["said_at"] > undoing.said_at
    return find_hindrance(told) or judge(known, data=told.data, previous=told.previous, is_newer=is_newer)


async def _find_closing(db: Db, tenant_id: UUID, wanted: Sequence[Told], now: Mapping[str, Any]) -> set[str]:
    moving = {}
    for event in wanted:
        parent_code, row = _previous(event)["parent_code"], now[event.subject]
        if row["removed_at"] is not None or row["parent_code"] != parent_code:
            moving[event.subject] = parent_code
    if not moving:
        return set()
    parents = {row["code"]: row["parent_code"] for row in await db.fetch(_PARENTS, tenant_id)}
    # In a thread: a large tree would hold up every other tenant meanwhile.
    return await asyncio.to_thread(find_closing, parents, moving)


async def _restore(db: Db, undoing: Undoing, wanted: Sequence[Told], first: int) -> dict[str, int]:
    rows = await db.fetch(
        _RESTORE,
        undoing.tenant_id,
        undoing.at,
        first,
        [event.subject for event in wanted],
        [_previous(event)["name"] for event in wanted],
        [_previous(event)["parent_code"] for event in wanted],
    )
    counts = {row["type"]: row["count"] for row in rows}
    return counts | await refresh_moved(db, undoing.tenant_id, counts, undoing.cause, first=first)


def _previous(told: Told) -> dict[str, Any]:
    assert told.previous is not None
    return told.previous
