"""Reading departments: one, a page of them, or the whole tree laid out."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import Db, tenant_scope
from tenancy.errors import DepartmentUnknown
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant
from tenancy.tree import Department, Node, lay_out, show_path


class DepartmentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A department; `path` names the codes from the top down to it, itself included."""

    code: str
    name: str
    parent_code: str | None
    path: list[str]
    orphan: bool
    removed_at: datetime | None
    source_time: datetime


_COLUMNS = "code, name, parent_code, removed_at, source_time"

# Upwards from each department of the page; a loop, which a full list can leave for a while, ends the walk.
_PATHS = """
WITH RECURSIVE walk AS (
    SELECT d.code AS start, d.code, d.parent_code, 0 AS height
    FROM department d WHERE d.tenant_id = $1 AND d.code = ANY($2)
    UNION ALL
    SELECT walk.start, d.code, d.parent_code, walk.height + 1
    FROM walk JOIN department d ON d.tenant_id = $1 AND d.code = walk.parent_code AND d.removed_at IS NULL
) CYCLE code SET looped USING visited
SELECT start, array_agg(code ORDER BY height DESC) AS path,
       (array_agg(parent_code ORDER BY height DESC))[1] AS parent_code
FROM walk WHERE NOT looped GROUP BY start
"""


async def list_departments(
    tenant_id: UUID, *, parent: str | None, removed: bool, cursor: str | None, limit: int
) -> Page[DepartmentRecord]:
    """List departments by code: all, or the children of `parent` (`""` for those at the top)."""
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM department WHERE tenant_id = $1 AND (removed_at IS NOT NULL) = $2"
            " AND ($3::text IS NULL OR coalesce(parent_code, '') = $3) AND code > $4"
            " AND (removed_at IS NULL OR name <> '') ORDER BY code LIMIT $5",
            tenant_id,
            removed,
            parent,
            decode_cursor(cursor, str) or "",
            limit + 1,
        )
        records = await _with_paths(db, tenant_id, rows)
    return page_of(records, limit, key=lambda department: department.code)


async def read_department(tenant_id: UUID, code: str) -> DepartmentRecord:
    """Read one department, a removed one too.

    Raises:
        DepartmentUnknown: the tenant has no such department.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM department WHERE tenant_id = $1 AND code = $2"
            " AND (removed_at IS NULL OR name <> '')",
            tenant_id,
            code,
        )
        if not rows:
            raise DepartmentUnknown
        return (await _with_paths(db, tenant_id, rows))[0]


async def read_tree(tenant_id: UUID) -> list[Node]:
    """The whole tree, parents first; orphans stand at the top."""
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(
            "SELECT code, name, parent_code FROM department WHERE tenant_id = $1 AND removed_at IS NULL",
            tenant_id,
        )
    return lay_out([Department(*row) for row in rows])


async def _with_paths(db: Db, tenant_id: UUID, rows: list[Any]) -> list[DepartmentRecord]:
    found = await db.fetch(_PATHS, tenant_id, [row["code"] for row in rows])
    paths = {row["start"]: show_path(row["path"], row["parent_code"]) for row in found}
    return [
        DepartmentRecord(
            **row,
            path=paths[row["code"]],
            orphan=row["parent_code"] is not None
            and len(paths[row["code"]]) == 1
            and row["removed_at"] is None,
        )
        for row in rows
    ]
