"""Who may use an app: the fast answer and the list of everyone, from what is stored."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.database import tenant_scope
from tenancy.errors import AppUnknown
from tenancy.gates import usable
from tenancy.grants import demand_app
from tenancy.paging import Page, decode_cursor, page_of


class AccessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A member who may use the app, and since when it is due to this person."""

    user_name: str
    name: str
    since: datetime


# Through any binding of the app, the app being started and the binding usable at $4.
_CHECK = f"""
SELECT EXISTS (SELECT FROM app WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL) AS known,
       NOT EXISTS (SELECT FROM stopped_app WHERE tenant_id = $1 AND app_id = $2)
       AND EXISTS (
           SELECT FROM member m
           JOIN access a ON a.tenant_id = $1 AND a.member_id = m.id AND a.app_id = $2
           JOIN app p ON p.tenant_id = $1 AND p.id = $2 AND p.instance_id = a.instance_id
                         AND p.removed_at IS NULL
           JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
           WHERE m.tenant_id = $1 AND m.user_name = $3 AND {usable("$4")}) AS allowed
"""

_LIST = f"""
WITH gate AS MATERIALIZED (
    SELECT p.instance_id FROM app p
    JOIN binding b ON b.tenant_id = $1 AND b.instance_id = p.instance_id
    WHERE p.tenant_id = $1 AND p.id = $2 AND p.removed_at IS NULL AND {usable("$3")}
      AND NOT EXISTS (SELECT FROM stopped_app WHERE tenant_id = $1 AND app_id = $2)
)
SELECT m.user_name, m.name, allowed.since
FROM member m
CROSS JOIN LATERAL (
    SELECT min(a.since) AS since FROM access a JOIN gate USING (instance_id)
    WHERE a.tenant_id = $1 AND a.member_id = m.id AND a.app_id = $2
) AS allowed
WHERE m.tenant_id = $1 AND m.user_name > $4 AND allowed.since IS NOT NULL
ORDER BY m.user_name LIMIT $5
"""


async def check_access(tenant_id: UUID, app_id: str, user_name: str, *, now: datetime) -> bool:
    """Whether the member may use the app now; an unknown member may not.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    async with tenant_scope(tenant_id) as db:
        row = await db.fetchrow(_CHECK, tenant_id, app_id, user_name, now)
    assert row is not None
    if not row["known"]:
        raise AppUnknown
    return bool(row["allowed"])


async def list_access(
    tenant_id: UUID, app_id: str, *, now: datetime, cursor: str | None, limit: int
) -> Page[AccessRecord]:
    """List everyone who may use the app now, by user name.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_app(db, tenant_id, app_id)
        rows = await db.fetch(_LIST, tenant_id, app_id, now, decode_cursor(cursor, str) or "", limit + 1)
    people = [AccessRecord(**row) for row in rows]
    return page_of(people, limit, key=lambda member: member.user_name)
