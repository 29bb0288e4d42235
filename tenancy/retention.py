"""What is kept only for a time: the data of tenants without a binding, and the history of pushes."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.database import become_system, system_scope, tenant_scope

# In the order in which they can be deleted; only the system role may take from the history.
_OWNED = (
    "access",
    "grant_",
    "group_member",
    "group_",
    "stopped_app",
    "authorisation",
    "membership",
    "member",
    "department",
    "app",
    "binding",
    "token",
)
_HISTORY = ("change", "push", "audit")


async def list_tenants_to_erase(*, before: datetime, limit: int = 100) -> list[UUID]:
    """Tenants whose last binding ended before then."""
    async with system_scope() as db:
        rows = await db.fetch(
            "SELECT id FROM tenant WHERE unbound_at < $1 ORDER BY unbound_at LIMIT $2", before, limit
        )
    return [row["id"] for row in rows]


async def erase_tenant(tenant_id: UUID, *, before: datetime, now: datetime) -> bool:
    """Erase all data of a tenant and keep a receipt; False when it has been bound again meanwhile."""
    async with tenant_scope(tenant_id, changing=True) as db:
        tenant = await db.fetchrow(
            "SELECT source, external_id FROM tenant WHERE id = $1 AND unbound_at < $2", tenant_id, before
        )
        if tenant is None:
            return False
        counts = {}
        for table in _HISTORY:
            counts[table] = await db.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant_id)
        for table in _OWNED:
            done = await db.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant_id)
            counts[table] = int(done.split()[-1])
        await db.execute("DELETE FROM tenant WHERE id = $1", tenant_id)
        await db.execute(
            "INSERT INTO erasure (tenant_id, source, external_id, erased_at, counts)"
            " VALUES ($1, $2, $3, $4, $5)",
            tenant_id,
            tenant["source"],
            tenant["external_id"],
            now,
            msgspec.json.encode(counts).decode(),
        )
        await become_system(db)
        for table in _HISTORY:
            await db.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant_id)
    return True


_REMOVE_PUSHES = """
WITH old AS MATERIALIZED (SELECT tenant_id, id FROM push WHERE received_at < $1 LIMIT $2),
changes AS (DELETE FROM change c USING old WHERE c.tenant_id = old.tenant_id AND c.cause_id = old.id)
DELETE FROM push p USING old WHERE p.tenant_id = old.tenant_id AND p.id = old.id
"""


async def remove_old_pushes(*, before: datetime, limit: int = 1000) -> int:
    """Delete pushes and change sets received before then, a bounded number at a time; returns how many."""
    async with system_scope() as db:
        done = await db.execute(_REMOVE_PUSHES, before, limit)
    return int(done.split()[-1])
