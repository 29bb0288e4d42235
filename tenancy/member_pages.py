"""Reading members: one, or a page of those in a department or of a name."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import tenant_scope
from tenancy.errors import MemberUnknown
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant


class MemberRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a tenant; `id` stays the same when the person is removed and added again."""

    id: UUID
    user_name: str
    name: str
    role: str
    enabled: bool
    department_codes: list[str]
    position: str | None
    employee_code: str | None
    employee_type: str | None
    mobile: str | None
    email: str | None
    work_place: str | None
    entry_date: str | None
    source_time: datetime
    removed_at: datetime | None


_COLUMNS = """
m.id, m.user_name, m.name, m.role, m.enabled, m.position, m.employee_code, m.employee_type, m.mobile, m.email,
m.work_place, m.entry_date, m.source_time, m.removed_at,
ARRAY(SELECT s.department_code FROM membership s WHERE s.tenant_id = m.tenant_id AND s.member_id = m.id
      ORDER BY s.department_code) AS department_codes
"""

_LIST = f"""
WITH RECURSIVE below AS (
    SELECT $2::text AS code
    UNION
    SELECT d.code FROM department d JOIN below ON d.parent_code = below.code
    WHERE $3 AND d.tenant_id = $1 AND d.removed_at IS NULL
)
SELECT {_COLUMNS} FROM member m
WHERE m.tenant_id = $1 AND m.removed_at IS NULL AND m.user_name > $5
  AND ($2::text IS NULL OR EXISTS (SELECT FROM membership s JOIN below ON below.code = s.department_code
                                   WHERE s.tenant_id = $1 AND s.member_id = m.id))
  AND ($4::text IS NULL OR m.user_name ILIKE $4 OR m.name ILIKE $4)
ORDER BY m.user_name LIMIT $6
"""


async def list_members(
    tenant_id: UUID,
    *,
    department: str | None,
    recursive: bool,
    query: str | None,
    cursor: str | None,
    limit: int,
) -> Page[MemberRecord]:
    """List members by user name.

    All of them, those of a department (with `recursive`, of all below it too), or those whose user name or
    name contains `query`.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(
            _LIST,
            tenant_id,
            department,
            recursive,
            None if query is None else f"%{_escape(query)}%",
            decode_cursor(cursor, str) or "",
            limit + 1,
        )
    return page_of([_record(row) for row in rows], limit, key=lambda member: member.user_name)


async def read_member(tenant_id: UUID, user_name: str) -> MemberRecord:
    """Read one member, a removed one too.

    Raises:
        MemberUnknown: the tenant has no such member.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        row = await db.fetchrow(
            f"SELECT {_COLUMNS} FROM member m"
            " WHERE m.tenant_id = $1 AND m.user_name = $2 AND m.source_time IS NOT NULL",
            tenant_id,
            user_name,
        )
    if row is None:
        raise MemberUnknown
    return _record(row)


def _record(row: Any) -> MemberRecord:
    return msgspec.convert(dict(row), MemberRecord)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
