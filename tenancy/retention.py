"""What is kept only for a time: the data of tenants without a binding, and the history of pushes."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.database import system_scope, tenant_scope

# In the order in which they can be deleted.
_OWNED = (
    "change",
    "push",
    "authorisation",
    "membership",
    "member",
    "department",
    "app",
    "binding",
    "token",
)


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
    return True


async def remove_old_pushes(*, before: datetime, limit: int = 1000) -> int:
    """Delete pushes and change sets received before then, a bounded number at a time; returns how many."""
    async with system_scope() as db:
        rows = await db.fetch(
            "SELECT tenant_id, id FROM push WHERE received_at < $1 LIMIT $2",
            before,
            limit,
        )
    by_tenant: dict[UUID, list[UUID]] = {}
    for row in rows:
        by_tenant.setdefault(row["tenant_id"], []).append(row["id"])
    for tenant_id, pushes in by_tenant.items():
        async with tenant_scope(tenant_id) as db:
            for table, column in (("change", "push_id"), ("push", "id")):
                await db.execute(
                    f"DELETE FROM {table} WHERE tenant_id = $1 AND {column} = ANY($2)", tenant_id, pushes
                )
    return len(rows)
