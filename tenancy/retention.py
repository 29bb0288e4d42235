"""What is kept only for a time: the data of tenants without a binding, and pushes, events and attempts."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.acts import SYSTEM, Act, record_act
from tenancy.database import Db, become_system, system_scope, tenant_scope
from tenancy.event_objects import ErasureFact
from tenancy.events import Event
from tenancy.feed import lock_feed

# In the order in which they can be deleted; only the system role may take from the history.
_OWNED = (
    "access",
    "grant_",
    "group_member",
    "group_",
    "stopped_app",
    "authorisation",
    "identity",
    "client_session",
    "connection",
    "membership",
    "member",
    "department",
    "app",
    "binding",
    "token",
    "held_push",
    "sync_policy",
)
_HISTORY = ("event", "change_set", "push", "audit", "event_counter", "feed", "stream", "attempt")
_FIRST_OF_FEED = "event_counter"


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
            counts[table] = await remove_rows(db, f"DELETE FROM {table} WHERE tenant_id = $1", tenant_id)
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
            if table == _FIRST_OF_FEED:
                await lock_feed(db)
            await db.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant_id)
        fact = ErasureFact(tenant_id=tenant_id, external_id=tenant["external_id"])
        erased = Event(type="tenant.erased", subject=tenant["external_id"], data=fact)
        await record_act(db, Act(actor=SYSTEM, at=now), [erased])
    return True


async def remove_old_pushes(*, before: datetime, limit: int = 1000) -> int:
    """Delete pushes received before then, a bounded number at a time; returns how many."""
    async with system_scope() as db:
        return await remove_rows(
            db,
            "DELETE FROM push p USING (SELECT tenant_id, id FROM push q WHERE received_at < $1"
            " AND NOT EXISTS (SELECT FROM held_push h WHERE h.tenant_id = q.tenant_id AND h.push_id = q.id"
            " AND h.state = 'held') LIMIT $2) AS old"
            " WHERE p.tenant_id = old.tenant_id AND p.id = old.id",
            before,
            limit,
        )


async def remove_old_bodies(*, before: datetime, limit: int = 1000) -> int:
    """Forget the raw bodies of pushes received before then, a bounded number at a time; returns how many."""
    async with system_scope() as db:
        return await remove_rows(
            db,
            "UPDATE push p SET body = NULL"
            " FROM (SELECT tenant_id, id FROM push WHERE received_at < $1 AND body IS NOT NULL LIMIT $2)"
            " AS old"
            " WHERE p.tenant_id = old.tenant_id AND p.id = old.id",
            before,
            limit,
        )


# Each tenant keeps the newest events without a gap, whatever the times of its change sets.
_REMOVE_EVENTS = """
WITH old AS MATERIALIZED (
    SELECT tenant_id, max(last) AS last
    FROM (SELECT tenant_id, last FROM change_set WHERE at < $1 ORDER BY at LIMIT $2) AS oldest
    GROUP BY tenant_id
), events AS (
    DELETE FROM event e USING old WHERE e.tenant_id = old.tenant_id AND e.number <= old.last
)
DELETE FROM change_set c USING old WHERE c.tenant_id = old.tenant_id AND c.number <= old.last
"""

# From its old end on only, and never all: whoever asks for what has gone can then be told so.
_SHORTEN_FEED = """
DELETE FROM feed WHERE position < coalesce(
    (SELECT f.position FROM feed f
     WHERE EXISTS (SELECT FROM event e WHERE e.tenant_id = f.tenant_id AND e.number = f.last)
     ORDER BY f.position LIMIT 1),
    (SELECT max(position) FROM feed))
"""


async def remove_old_events(*, before: datetime, limit: int = 100) -> int:
    """Delete events from before then, a bounded number of change sets at a time; returns how many."""
    async with system_scope() as db:
        removed = await remove_rows(db, _REMOVE_EVENTS, before, limit)
        await db.execute(_SHORTEN_FEED)
    return removed


async def remove_old_attempts(*, before: datetime, limit: int = 1000) -> int:
    """Delete attempts from before then, a bounded number at a time; returns how many."""
    async with system_scope() as db:
        return await remove_rows(
            db,
            "DELETE FROM attempt a USING (SELECT tenant_id, id FROM attempt WHERE at < $1 LIMIT $2) AS old"
            " WHERE a.tenant_id = old.tenant_id AND a.id = old.id",
            before,
            limit,
        )


async def remove_rows(db: Db, statement: str, *values: object) -> int:
    """Carry out a statement; how many rows it took."""
    done = await db.execute(statement, *values)
    return int(done.split()[-1])
