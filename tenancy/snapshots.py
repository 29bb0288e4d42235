"""The snapshot of a tenant: everything that its events add up to, at one instant, as lines of JSON."""

from typing import Final, Protocol
from uuid import UUID

import msgspec

from tenancy.database import Db, tenant_scope
from tenancy.event_types import KINDS
from tenancy.events import LAST
from tenancy.gates import TOLD_GATES
from tenancy.tenants import demand_tenant

# Each with the tenant in $1 and the columns of its kind's shape, in that order.
OBJECTS: Final = {
    "tenant": "SELECT external_id, code, name, domain_name FROM tenant WHERE id = $1",
    "binding": "SELECT instance_id, open FROM binding WHERE tenant_id = $1 AND NOT ended",
    "department": (
        "SELECT code, name, parent_code FROM department WHERE tenant_id = $1 AND removed_at IS NULL"
    ),
    "member": (
        "SELECT user_name, id, name, role, enabled, position, employee_code, employee_type, mobile, email,"
        " work_place, entry_date"
        " FROM member WHERE tenant_id = $1 AND removed_at IS NULL AND source_time IS NOT NULL"
    ),
    "membership": (
        "SELECT m.user_name, s.department_code"
        " FROM membership s JOIN member m ON m.tenant_id = $1 AND m.id = s.member_id"
        " WHERE s.tenant_id = $1 AND m.removed_at IS NULL AND m.source_time IS NOT NULL"
    ),
    "group": "SELECT id, name FROM group_ WHERE tenant_id = $1",
    "group_member": (
        'SELECT group_id AS "group", subject_type AS type, subject AS id FROM group_member'
        " WHERE tenant_id = $1"
    ),
    "app": (
        "SELECT p.id, p.instance_id, p.client_id,"
        " NOT EXISTS (SELECT FROM stopped_app s WHERE s.tenant_id = $1 AND s.app_id = p.id) AS enabled"
        " FROM app p WHERE p.tenant_id = $1 AND p.removed_at IS NULL"
    ),
    "grant": ("SELECT app_id AS app, subject_type AS type, subject AS id FROM grant_ WHERE tenant_id = $1"),
    "access": (
        f"WITH gate AS MATERIALIZED ({TOLD_GATES})"
        " SELECT DISTINCT a.app_id AS app, m.user_name"
        " FROM access a JOIN gate USING (app_id, instance_id)"
        " JOIN member m ON m.tenant_id = $1 AND m.id = a.member_id"
        " WHERE a.tenant_id = $1"
    ),
}

# What is copied out is read as a whole, so that a scan is right here; and JSON holds no control characters,
# so that as CSV with such marks it comes out as it is.
_READ_WHOLE = "SET LOCAL enable_seqscan = on; SET LOCAL enable_nestloop = off"
_DELIMITER, _QUOTE = "\x02", "\x01"


class Sink(Protocol):
    """Where the lines go; what is written is not awaited."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes."""


async def write_snapshot(tenant_id: UUID, sink: Sink) -> int:
    """Write a tenant's objects as lines of JSON, each with its `kind`, after a line with `as_of`.

    `as_of` is the number of the newest event that they contain. Returns it.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    async with tenant_scope(tenant_id, snapshot=True) as db:
        await demand_tenant(db, tenant_id)
        as_of: int = await db.fetchval(f"SELECT {LAST}", tenant_id)
        sink.write(msgspec.json.encode({"as_of": as_of}) + b"\n")
        await db.execute(_READ_WHOLE)
        for kind in KINDS:
            await _copy(db, kind, tenant_id, sink)
    return as_of


async def _copy(db: Db, kind: str, tenant_id: UUID, sink: Sink) -> None:
    async def write(data: bytes) -> None:
        sink.write(data)

    lines = f"SELECT row_to_json(o) FROM (SELECT '{kind}' AS kind, it.* FROM ({OBJECTS[kind]}) AS it) AS o"
    await db.copy_from_query(lines, tenant_id, output=write, format="csv", delimiter=_DELIMITER, quote=_QUOTE)
