"""Feeding: new events get their place in the order across tenants, and endpoints their streams."""

from datetime import datetime

from tenancy.database import Db, system_scope

_MOST_TENANTS = 1000

# A tenant that is just changing is left for the next time: nobody waits for it.
_FEED = """
WITH unfed AS MATERIALIZED (
    SELECT tenant_id, fed, last FROM event_counter WHERE last > fed LIMIT $2 FOR UPDATE SKIP LOCKED
),
counted AS (
    UPDATE event_counter c SET fed = u.last FROM unfed u WHERE c.tenant_id = u.tenant_id
),
ordered AS (
    INSERT INTO feed (tenant_id, after, last, fed_at) SELECT tenant_id, fed, last, $1 FROM unfed
),
streams AS (
    INSERT INTO stream AS s (tenant_id, endpoint_id, position, target, due_at, failures)
    SELECT u.tenant_id, e.id, 0, u.last, $1, 0
    FROM unfed u
    LEFT JOIN tenant t ON t.id = u.tenant_id
    JOIN endpoint e ON e.enabled AND coalesce(u.tenant_id = ANY (e.tenants), t.is_test IS NOT true)
    ORDER BY u.tenant_id, e.id
    ON CONFLICT (tenant_id, endpoint_id) DO UPDATE
    SET target = greatest(s.target, excluded.target),
        due_at = CASE WHEN excluded.target > s.position THEN coalesce(s.due_at, excluded.due_at) END
)
SELECT count(*) FROM unfed
"""


async def lock_feed(db: Db) -> None:
    """Keep others from feeding until the end of the transaction.

    Whoever writes streams of several tenants, or streams and an act, takes this lock before any other.
    """
    await db.execute("SELECT pg_advisory_xact_lock(hashtextextended('feed', 0))")


async def feed_events(*, now: datetime) -> int:
    """Feed what has been committed since the last time; returns of how many tenants.

    A tenant that came after an endpoint was made has no stream there yet and gets one from its first event.
    One feeder at a time, so that a place in the order is never filled after a later one has been seen.
    """
    done = 0
    while True:
        async with system_scope() as db:
            if not await db.fetchval("SELECT EXISTS (SELECT FROM event_counter WHERE last > fed)"):
                return done
            # A statement of its own: the next one must see what the last feeder has committed.
            await lock_feed(db)
            fed: int = await db.fetchval(_FEED, now, _MOST_TENANTS)
        done += fed
        if fed < _MOST_TENANTS:
            return done
