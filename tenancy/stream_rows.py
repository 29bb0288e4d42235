"""Streams as administrators begin, end and move them; whoever does holds the feed's lock."""

from datetime import datetime
from uuid import UUID

from tenancy.database import Db
from tenancy.endpoint_facts import EndpointSettings

_COUNTERS = "event_counter c LEFT JOIN tenant t ON t.id = c.tenant_id"
# Whoever is for all tenants is not for shadow tenants.
_COVERED = "coalesce(c.tenant_id = ANY ({0}::uuid[]), t.is_test IS NOT true)"

# Endpoints begin with the present: what they were not told of before is nothing they have missed.
_BEGIN = f"""
INSERT INTO stream (tenant_id, endpoint_id, position, target, failures)
SELECT c.tenant_id, $1, c.last, c.last, 0 FROM {_COUNTERS}
WHERE {_COVERED.format("$2")} AND NOT ($4::bool AND {_COVERED.format("$3")})
ORDER BY c.tenant_id
ON CONFLICT (tenant_id, endpoint_id) DO NOTHING
"""

_END = f"""
DELETE FROM stream s USING {_COUNTERS}
WHERE s.endpoint_id = $1 AND s.tenant_id = c.tenant_id AND NOT {_COVERED.format("$2")}
"""

# What was not fed to it while it was disabled; tenants that came meanwhile are told from their first event.
_RESUME = f"""
INSERT INTO stream AS s (tenant_id, endpoint_id, position, target, due_at, failures)
SELECT c.tenant_id, $1, 0, c.last, $3, 0 FROM {_COUNTERS}
WHERE {_COVERED.format("$2")}
ORDER BY c.tenant_id
ON CONFLICT (tenant_id, endpoint_id) DO UPDATE
SET target = greatest(s.target, excluded.target), failures = 0, failing_since = NULL,
    due_at = CASE WHEN greatest(s.target, excluded.target) > s.position THEN excluded.due_at END
"""

# Whoever holds a lease loses it: an attempt under way cannot undo the move.
_MOVE = """
INSERT INTO stream AS s (tenant_id, endpoint_id, position, target, due_at, failures)
VALUES ($1, $2, $3::bigint, $4::bigint, CASE WHEN $3::bigint < $4::bigint THEN $5::timestamptz END, 0)
ON CONFLICT (tenant_id, endpoint_id) DO UPDATE
SET position = excluded.position, target = greatest(s.target, excluded.target), failures = 0,
    failing_since = NULL, lease = NULL, leased_until = NULL,
    due_at = CASE WHEN excluded.position < greatest(s.target, excluded.target) THEN $5::timestamptz END
"""


async def begin_streams(
    db: Db, endpoint_id: UUID, settings: EndpointSettings, *, before: EndpointSettings | None = None
) -> None:
    """Tell an endpoint from now on of the tenants that it was not told of `before`.

    Of tenants that are no longer among its own it is told nothing more.
    """
    told = None if before is None else before.tenants
    await db.execute(_BEGIN, endpoint_id, settings.tenants, told, before is not None)
    await db.execute(_END, endpoint_id, settings.tenants)


async def resume_streams(db: Db, endpoint_id: UUID, settings: EndpointSettings, *, now: datetime) -> None:
    """Let an endpoint that was disabled go on where it was."""
    await db.execute(_RESUME, endpoint_id, settings.tenants, now)


async def move_stream(
    db: Db, tenant_id: UUID, endpoint_id: UUID, *, position: int, target: int, now: datetime
) -> None:
    """Let a stream go on after `position`, whether it was there before or has not come so far."""
    await db.execute(_MOVE, tenant_id, endpoint_id, position, target, now)
