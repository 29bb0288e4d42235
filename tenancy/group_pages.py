"""Reading groups: a page of them, what one contains, and whom that comes to."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.database import tenant_scope
from tenancy.events import Author, author_of
from tenancy.groups import COLUMNS, Group, demand_group
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.subjects import SubjectType, subjects_below
from tenancy.tenants import demand_tenant


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that a group contains directly."""

    type: SubjectType
    id: str
    since: datetime
    by: Author


class EffectiveMember(msgspec.Struct, frozen=True, kw_only=True):
    """A person who belongs to a group, directly or through departments and other groups."""

    user_name: str
    name: str
    enabled: bool


_EFFECTIVE = f"""
WITH RECURSIVE {subjects_below("SELECT 'group', $2::text")}
SELECT m.user_name, m.name, m.enabled
FROM members_below b JOIN member m ON m.tenant_id = $1 AND m.id = b.member_id
WHERE m.removed_at IS NULL AND m.source_time IS NOT NULL AND m.user_name > $3
ORDER BY m.user_name LIMIT $4
"""


async def list_groups(tenant_id: UUID, *, cursor: str | None, limit: int) -> Page[Group]:
    """List groups by id.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(
            f"SELECT {COLUMNS} FROM group_ WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            tenant_id,
            decode_cursor(cursor, str) or "",
            limit + 1,
        )
    return page_of([msgspec.convert(dict(row), Group) for row in rows], limit, key=lambda group: group.id)


async def read_group(tenant_id: UUID, group_id: str) -> Group:
    """Read one group.

    Raises:
        GroupUnknown: the tenant has no such group.
    """
    async with tenant_scope(tenant_id) as db:
        return await demand_group(db, tenant_id, group_id)


async def list_group_members(
    tenant_id: UUID, group_id: str, *, cursor: str | None, limit: int
) -> Page[Content]:
    """List what a group contains directly, by type and id.

    Raises:
        GroupUnknown: the tenant has no such group.
    """
    after = decode_cursor(cursor, tuple[str, str]) or ("", "")
    async with tenant_scope(tenant_id) as db:
        await demand_group(db, tenant_id, group_id)
        rows = await db.fetch(
            "SELECT subject_type AS type, subject AS id, added_at AS since, added_by AS by FROM group_member"
            " WHERE tenant_id = $1 AND group_id = $2 AND (subject_type, subject) > ($3, $4)"
            " ORDER BY subject_type, subject LIMIT $5",
            tenant_id,
            group_id,
            *after,
            limit + 1,
        )
    contents = [msgspec.convert({**row, "by": author_of(row["by"])}, Content) for row in rows]
    return page_of(contents, limit, key=lambda content: (content.type, content.id))


async def list_effective_members(
    tenant_id: UUID, group_id: str, *, cursor: str | None, limit: int
) -> Page[EffectiveMember]:
    """List everybody in a group, in its departments and all below them, and in its groups, by user name.

    Raises:
        GroupUnknown: the tenant has no such group.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_group(db, tenant_id, group_id)
        rows = await db.fetch(_EFFECTIVE, tenant_id, group_id, decode_cursor(cursor, str) or "", limit + 1)
    people = [EffectiveMember(**row) for row in rows]
    return page_of(people, limit, key=lambda member: member.user_name)
