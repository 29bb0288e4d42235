"""Gates: whether anybody may use an app through a binding now, whoever it is.

A gate is open while the app is started and present and its instance usable. Time and the marketplace close
gates without touching the tenant, so readers ask for the facts themselves; `binding.open` is only what the
tenant's events told last, so that every difference is told once.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from tenancy.acts import SYSTEM, Act, record_act
from tenancy.database import Db, system_scope, tenant_scope
from tenancy.event_objects import BindingObject
from tenancy.events import Cause, Event, insert_events

# The open gates of a tenant, as (app, instance).
Gates: TypeAlias = AbstractSet[tuple[str, str]]


def usable(now: str) -> str:
    """SQL: whether a binding `b` may be used at the parameter `now`; a shadow tenant's has no instance."""
    return f"""(NOT b.ended AND NOT EXISTS (
        SELECT FROM instance i
        WHERE i.instance_id = b.instance_id AND (i.state <> 'active' OR i.expires_at <= {now})))"""


# Who of `difference` (type, member_id, app_id) has gained or lost what, as facts of events.
DIFFERENCES = """
SELECT d.type, m.user_name AS subject, CASE WHEN d.type = 'access.gained' THEN object.it END AS data,
       CASE WHEN d.type = 'access.lost' THEN object.it END AS previous
FROM difference d
JOIN member m ON m.tenant_id = $1 AND m.id = d.member_id
CROSS JOIN LATERAL (SELECT jsonb_object(ARRAY['app', d.app_id, 'user_name', m.user_name]) AS it) AS object
"""

# The gates of tenant $1 that are open as its events have told.
TOLD_GATES = """
SELECT p.id AS app_id, p.instance_id FROM app p
JOIN binding b ON b.tenant_id = $1 AND b.instance_id = p.instance_id AND b.open
WHERE p.tenant_id = $1 AND p.removed_at IS NULL
  AND NOT EXISTS (SELECT FROM stopped_app s WHERE s.tenant_id = $1 AND s.app_id = p.id)
"""

_TELL = f"""
UPDATE binding b SET open = {usable("$2")}
FROM (SELECT instance_id FROM binding WHERE tenant_id = $1) AS all_of_them
LEFT JOIN instance i USING (instance_id)
WHERE b.tenant_id = $1 AND b.instance_id = all_of_them.instance_id AND b.open <> {usable("$2")}
  AND ($3::text IS NULL OR b.instance_id = $3)
RETURNING b.instance_id, b.open
"""

# Of the apps $3, who had access through a gate of ($4, $5) and has none through those of ($6, $7), and
# the reverse.
_RECORD = f"""
WITH had AS (
    SELECT DISTINCT a.member_id, a.app_id
    FROM access a JOIN unnest($4::text[], $5::text[]) AS g (app_id, instance_id) USING (app_id, instance_id)
    WHERE a.tenant_id = $1 AND a.app_id = ANY($3)
), has AS (
    SELECT DISTINCT a.member_id, a.app_id
    FROM access a JOIN unnest($6::text[], $7::text[]) AS g (app_id, instance_id) USING (app_id, instance_id)
    WHERE a.tenant_id = $1 AND a.app_id = ANY($3)
), difference AS (
    SELECT 'access.lost' AS type, * FROM (TABLE had EXCEPT TABLE has) AS lost
    UNION ALL
    SELECT 'access.gained', * FROM (TABLE has EXCEPT TABLE had) AS gained
), told AS ({insert_events(DIFFERENCES, first="$2::bigint")})
SELECT type, count(*) FROM difference GROUP BY type
"""


async def read_gates(db: Db, tenant_id: UUID) -> Gates:
    """The gates that are open as the change sets have told."""
    return {(row["app_id"], row["instance_id"]) for row in await db.fetch(TOLD_GATES, tenant_id)}


async def record_gates(db: Db, tenant_id: UUID, before: Gates, *, first: int) -> dict[str, int]:
    """Tell who has gained and lost access since the gates stood as `before`; counts them.

    `first` is how many events of the change set come before these.
    """
    after = await read_gates(db, tenant_id)
    apps = sorted({app_id for app_id, _ in before ^ after})
    if not apps:
        return {}
    rows = await db.fetch(
        _RECORD,
        tenant_id,
        first,
        apps,
        *_columns(before),
        *_columns(after),
    )
    return {row["type"]: row["count"] for row in rows}


async def record_act_at_gates(
    db: Db, tenant_id: UUID, before: Gates, act: Act, events: Sequence[Event]
) -> None:
    """Record an act after which gates stand differently, with whom it concerns."""
    counts = await record_gates(db, tenant_id, before, first=len(events))
    await record_act(db, act, events, tenant_id=tenant_id, differences=counts)


def _columns(gates: Gates) -> tuple[list[str], list[str]]:
    return [app_id for app_id, _ in gates], [instance_id for _, instance_id in gates]


async def tell_bindings(db: Db, tenant_id: UUID, *, now: datetime, only: str | None = None) -> list[Event]:
    """Note which bindings, or whether `only` that one, have become usable or ceased to be.

    `record_gates` then says whom it concerns.
    """
    rows = await db.fetch(_TELL, tenant_id, now, only)
    return [
        Event(
            type="binding.opened" if row["open"] else "binding.closed",
            subject=row["instance_id"],
            data=BindingObject(instance_id=row["instance_id"], open=row["open"]),
            previous=BindingObject(instance_id=row["instance_id"], open=not row["open"]),
        )
        for row in rows
    ]


async def settle_instance(instance_id: str, cause: Cause) -> None:
    """Tell the tenants of an instance what its change means for them, one after the other.

    A crash in between leaves the rest to `settle_bindings`; what people may do never waits for this.
    """
    async with system_scope() as db:
        rows = await db.fetch(
            "SELECT tenant_id FROM binding WHERE instance_id = $1 ORDER BY tenant_id", instance_id
        )
    for row in rows:
        await _settle(row["tenant_id"], by=cause.by, now=cause.at)


_UNTOLD = f"""
SELECT DISTINCT b.tenant_id FROM binding b WHERE b.open <> {usable("$1")} LIMIT 1000
"""

# Looked for every second, so only by the index and only as far back as a worker may have slept.
_EXPIRED = """
SELECT DISTINCT b.tenant_id FROM instance i JOIN binding b USING (instance_id)
WHERE i.expires_at > $1::timestamptz - interval '1 day' AND i.expires_at <= $1 AND b.open
LIMIT 1000
"""


async def settle_bindings(*, now: datetime) -> int:
    """Tell all tenants whose bindings have become usable or ceased to be; how many tenants that were."""
    return await _settle_found(_UNTOLD, now)


async def settle_expired(*, now: datetime) -> int:
    """Tell the tenants whose instance has expired of late; how many there were."""
    return await _settle_found(_EXPIRED, now)


async def _settle_found(query: str, now: datetime) -> int:
    async with system_scope() as db:
        rows = await db.fetch(query, now)
    for row in rows:
        await _settle(row["tenant_id"], by=SYSTEM, now=now)
    return len(rows)


async def _settle(tenant_id: UUID, *, by: str, now: datetime) -> None:
    async with tenant_scope(tenant_id, changing=True) as db:
        before = await read_gates(db, tenant_id)
        events = await tell_bindings(db, tenant_id, now=now)
        if events:
            await record_act_at_gates(db, tenant_id, before, Act(actor=by, at=now), events)
