"""A full list of departments as a step: whatever differs from the tree is written, set-based throughout."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tenancy.access_rows import refresh_moved
from tenancy.database import Db
from tenancy.errors import DepartmentLoop
from tenancy.events import Cause, insert_events
from tenancy.tree import Department, find_loop

# The staged list and the tree are read as wholes, so that a scan is right here.
_STAGE = """
CREATE TEMPORARY TABLE staged_department (code text, name text, parent_code text) ON COMMIT DROP;
SET LOCAL enable_seqscan = on
"""

# What differs between the list and the tree, as facts of events.
_FACTS = """
SELECT type, code AS subject,
       jsonb_object(ARRAY['code', code, 'name', name, 'parent_code', parent_code]) AS data,
       CASE WHEN type IN ('department.moved', 'department.renamed')
            THEN jsonb_object(ARRAY['code', code, 'name', old_name, 'parent_code', old_parent_code])
       END AS previous
FROM differing
UNION ALL
SELECT 'department.removed', code, NULL,
       jsonb_object(ARRAY['code', code, 'name', name, 'parent_code', parent_code])
FROM removed
"""

# One statement, so that every part sees the tree as it was: what differs is written, what is not listed
# becomes a tombstone, and each change is one event. Facts newer than the list stand.
_APPLY = f"""
WITH differing AS (
    SELECT s.code, s.name, s.parent_code, d.name AS old_name, d.parent_code AS old_parent_code,
           CASE WHEN d.code IS NULL THEN 'department.added'
                WHEN d.removed_at IS NOT NULL THEN 'department.restored'
                WHEN d.parent_code IS DISTINCT FROM s.parent_code THEN 'department.moved'
                ELSE 'department.renamed' END AS type
    FROM staged_department s
    LEFT JOIN department d ON d.tenant_id = $1 AND d.code = s.code
    WHERE d.code IS NULL
       OR d.source_time <= $2
          AND (d.removed_at IS NOT NULL OR d.name <> s.name OR d.parent_code IS DISTINCT FROM s.parent_code)
), added AS (
    INSERT INTO department (tenant_id, code, name, parent_code, source_time)
    SELECT $1, code, name, parent_code, $2 FROM differing WHERE type = 'department.added'
), updated AS (
    UPDATE department d
    SET name = c.name, parent_code = c.parent_code, source_time = $2, removed_at = NULL
    FROM differing c
    WHERE d.tenant_id = $1 AND d.code = c.code AND c.type <> 'department.added'
), removed AS (
    UPDATE department d SET removed_at = $3, source_time = $2
    WHERE d.tenant_id = $1 AND d.removed_at IS NULL AND d.source_time <= $2
      AND NOT EXISTS (SELECT FROM staged_department s WHERE s.code = d.code)
    RETURNING d.code, d.name, d.parent_code
), told AS ({insert_events(_FACTS, first="$4::bigint")})
SELECT type, count(*) FROM differing GROUP BY type
UNION ALL
SELECT 'department.removed', count(*) FROM removed HAVING count(*) > 0
"""


def check_list(departments: Sequence[Department]) -> list[Department]:
    """The last of several entries with one code counts.

    Raises:
        DepartmentLoop: the list itself has a loop.
    """
    listed = {department.code: department for department in departments}
    loop = find_loop({code: department.parent_code for code, department in listed.items()})
    if loop is not None:
        raise DepartmentLoop(f"Code: {loop}.")
    return list(listed.values())


async def apply_list(
    db: Db, tenant_id: UUID, departments: Sequence[Department], *, at: datetime, cause: Cause, first: int
) -> dict[str, int]:
    """Make the tree equal to the list of the source time `at`, where nothing newer is known.

    `first` is how many events of the change set come before. Counts the events by type, those of access too.
    """
    await db.execute(_STAGE)
    # COPY cannot write to a table with row-level security, and is by far the fastest way in.
    await db.copy_records_to_table(
        "staged_department",
        records=((item.code, item.name, item.parent_code) for item in departments),
    )
    rows = await db.fetch(_APPLY, tenant_id, at, cause.at, first)
    await db.execute("UPDATE tenant SET departments_listed_at = $2 WHERE id = $1", tenant_id, at)
    counts = {row["type"]: row["count"] for row in rows}
    return counts | await refresh_moved(db, tenant_id, counts, cause, first=first)
