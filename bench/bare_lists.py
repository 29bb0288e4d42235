"""The least SQL that makes a tree equal to a list and tells what has changed: the limit of a full sync."""

import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

from bench.bare_events import Db, close_change_set
from bench.lists import Row
from tenancy.events import Cause, insert_events

_STAGE = "CREATE TEMPORARY TABLE stage (code text, name text, parent_code text) ON COMMIT DROP"

_DEPARTMENT = "jsonb_object(ARRAY['code', code, 'name', name, 'parent_code', parent_code])"

_PUT = f"""
SELECT CASE WHEN action = 'INSERT' THEN 'department.added'
            WHEN was_removed THEN 'department.restored'
            WHEN old_parent_code IS DISTINCT FROM parent_code THEN 'department.moved'
            ELSE 'department.renamed' END AS type,
       code AS subject, {_DEPARTMENT} AS data,
       CASE WHEN action = 'UPDATE' AND NOT was_removed
            THEN jsonb_object(ARRAY['code', code, 'name', old_name, 'parent_code', old_parent_code])
       END AS previous
FROM done
"""

_GONE = f"""
SELECT 'department.removed' AS type, code AS subject, NULL::jsonb AS data, {_DEPARTMENT} AS previous FROM done
"""

# One MERGE was faster than an UPDATE and an INSERT, and the limit is the best that we know.
_MERGE = f"""
WITH done AS (
    MERGE INTO department d USING stage s ON d.tenant_id = $1 AND d.code = s.code
    WHEN MATCHED AND (d.name <> s.name OR d.parent_code IS DISTINCT FROM s.parent_code
                      OR d.removed_at IS NOT NULL)
    THEN UPDATE SET name = s.name, parent_code = s.parent_code, source_time = $2, removed_at = NULL
    WHEN NOT MATCHED
    THEN INSERT (tenant_id, code, name, parent_code, source_time)
         VALUES ($1, s.code, s.name, s.parent_code, $2)
    RETURNING merge_action() AS action, new.code, new.name, new.parent_code,
              old.name AS old_name, old.parent_code AS old_parent_code,
              old.removed_at IS NOT NULL AS was_removed)
{insert_events(_PUT, first="0")}
"""

_REMOVE = f"""
WITH done AS (
    UPDATE department d SET removed_at = $2, source_time = $2
    WHERE d.tenant_id = $1 AND d.removed_at IS NULL
      AND NOT EXISTS (SELECT FROM stage s WHERE s.code = d.code)
    RETURNING d.code, d.name, d.parent_code)
{insert_events(_GONE, first="$3::bigint")}
"""


async def apply_bare_list(db: Db, tenant_id: UUID, rows: list[Row]) -> float:
    """Seconds until the tree was equal to the list and everything that differed was told."""
    push_id, now = uuid4(), datetime.now(UTC)
    cause = Cause(id=push_id, by=f"push:{push_id}", at=now)
    started = time.perf_counter()
    async with db.transaction():
        await db.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant_id))
        await db.execute(_STAGE)
        await db.copy_records_to_table("stage", records=rows)
        count = _written(await db.execute(_MERGE, tenant_id, now))
        count += _written(await db.execute(_REMOVE, tenant_id, now, count))
        await close_change_set(db, tenant_id, cause, count)
    return time.perf_counter() - started


def _written(status: str) -> int:
    return int(status.rsplit(maxsplit=1)[-1])
