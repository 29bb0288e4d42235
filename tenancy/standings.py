"""Standings: what a member who has signed in may do right now, asked at every use of a session."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.database import tenant_scope
from tenancy.gates import usable
from tenancy.subjects import containers_above


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who the member is, and whether it may use the app that was asked about, or any."""

    user_name: str
    name: str
    role: str
    tenant_code: str
    tenant_name: str
    allowed: bool


class Affiliation(msgspec.Struct, frozen=True, kw_only=True):
    """Where in its organisation a member is: codes of departments, ids of groups that hold it somehow."""

    departments: tuple[str, ...]
    groups: tuple[str, ...]


class UsableApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app that the member may use now, through one of its instances."""

    app_id: str
    instance_id: str


# The apps that member `m` may use now, through usable bindings; $3 is the time.
_USABLE = f"""
FROM access a
JOIN app p ON p.tenant_id = $1 AND p.id = a.app_id AND p.instance_id = a.instance_id AND p.removed_at IS NULL
JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
WHERE a.tenant_id = $1 AND a.member_id = $2 AND {usable("$3")}
  AND NOT EXISTS (SELECT FROM stopped_app s WHERE s.tenant_id = $1 AND s.app_id = a.app_id)
"""

_READ = f"""
SELECT m.user_name, m.name, m.role, t.code AS tenant_code, t.name AS tenant_name,
       EXISTS (SELECT {_USABLE} AND ($4::text IS NULL OR a.app_id = $4)) AS allowed
FROM member m JOIN tenant t ON t.id = $1
WHERE m.tenant_id = $1 AND m.id = $2 AND m.removed_at IS NULL AND m.source_time IS NOT NULL AND m.enabled
  AND ($5::text IS NULL
       OR EXISTS (SELECT FROM identity i WHERE i.tenant_id = $1 AND i.connection = $5 AND i.member_id = $2)
          AND NOT EXISTS (SELECT FROM connection c WHERE c.tenant_id = $1 AND c.name = $5
                          AND c.settings ->> 'enabled' = 'false'))
"""

_APPS = f"""
SELECT DISTINCT ON (a.app_id) a.app_id, a.instance_id {_USABLE}
  AND EXISTS (SELECT FROM instance i WHERE i.instance_id = a.instance_id AND i.product = $4)
ORDER BY a.app_id, b.source_time DESC
"""

_PERSON = "SELECT id AS member_id, user_name FROM member WHERE tenant_id = $1 AND id = $2"

_AFFILIATION = f"""
WITH RECURSIVE {containers_above(_PERSON)}
SELECT ARRAY(SELECT d.code FROM membership s
             JOIN department d ON d.tenant_id = $1 AND d.code = s.department_code AND d.removed_at IS NULL
             WHERE s.tenant_id = $1 AND s.member_id = $2 ORDER BY d.code) AS departments,
       ARRAY(SELECT id FROM container WHERE kind = 'group' ORDER BY id) AS groups
"""


async def find_standing(
    tenant_id: UUID,
    member_id: UUID,
    *,
    app_id: str | None = None,
    connection: str | None = None,
    now: datetime,
) -> Standing | None:
    """The standing of a member with regard to one app, or to any; None when it is not there or disabled.

    With the connection by which it has signed in, None too when that, or the link to it, is gone.
    """
    async with tenant_scope(tenant_id) as db:
        row = await db.fetchrow(_READ, tenant_id, member_id, now, app_id, connection)
    return None if row is None else Standing(**row)


async def list_usable_apps(
    tenant_id: UUID, member_id: UUID, product: str, *, now: datetime
) -> list[UsableApp]:
    """The apps of a product that the member may use now, by id."""
    async with tenant_scope(tenant_id) as db:
        rows = await db.fetch(_APPS, tenant_id, member_id, now, product)
    return [UsableApp(**row) for row in rows]


async def read_affiliation(tenant_id: UUID, member_id: UUID) -> Affiliation:
    """Where the member is in its organisation."""
    async with tenant_scope(tenant_id) as db:
        row = await db.fetchrow(_AFFILIATION, tenant_id, member_id)
    assert row is not None
    return Affiliation(departments=tuple(row["departments"]), groups=tuple(row["groups"]))
