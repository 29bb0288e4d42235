"""Claims: a worker takes streams that are due, each for a bounded time, with the events to tell next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from tenancy.database import Db, system_scope
from tenancy.leases import Lease, read_leases
from tenancy.retries import FAILING_FROM


class Claim(msgspec.Struct, frozen=True):
    """What was taken; `is_more` says that something was due, so that looking again at once may find more."""

    leases: list[Lease]
    is_more: bool


# Hops from endpoint to endpoint: however many streams wait for one of them, it is looked at once. The queries
# that follow have their indexes, whatever the planner believes of tables that fill and empty quickly.
_DUE_ENDPOINTS = """
WITH RECURSIVE waiting AS (
    (SELECT endpoint_id FROM stream WHERE due_at IS NOT NULL ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.endpoint_id FROM stream s WHERE s.due_at IS NOT NULL AND s.endpoint_id > w.endpoint_id
            ORDER BY s.endpoint_id LIMIT 1)
    FROM waiting w WHERE w.endpoint_id IS NOT NULL
)
SELECT e.id, e.failures >= $2 AS is_failing, s.due_at, set_config('enable_seqscan', 'off', true)
FROM waiting w
JOIN endpoint e ON e.id = w.endpoint_id
CROSS JOIN LATERAL (
    SELECT due_at FROM stream
    WHERE endpoint_id = e.id AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
    ORDER BY due_at LIMIT 1
) AS s
WHERE e.enabled AND (e.failures < $2 OR e.paused_until IS NULL OR e.paused_until <= $1)
"""

_TAKE = """
UPDATE stream s SET lease = $2, leased_until = $3
FROM chosen c WHERE s.tenant_id = c.tenant_id AND s.endpoint_id = c.endpoint_id
RETURNING s.tenant_id, s.endpoint_id, s.position, s.target
"""

# What is locked within a limit is materialized, here and below: a plan that reads it once for each row it
# updates would pass over what it has locked before, and take more than the limit.
# Each endpoint's first stream comes before any one's second, those already held counted.
_TAKE_HEALTHY = f"""
WITH due AS MATERIALIZED (
    SELECT s.tenant_id, s.endpoint_id, s.due_at,
           p.held + row_number() OVER (PARTITION BY s.endpoint_id ORDER BY s.due_at) AS turn
    FROM unnest($4::uuid[], $5::int[]) AS p (endpoint_id, held)
    CROSS JOIN LATERAL (
        SELECT tenant_id, endpoint_id, due_at FROM stream
        WHERE endpoint_id = p.endpoint_id AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
        ORDER BY due_at LIMIT $6 - p.held FOR UPDATE SKIP LOCKED
    ) AS s
),
chosen AS MATERIALIZED (SELECT tenant_id, endpoint_id FROM due ORDER BY turn, due_at LIMIT $7)
{_TAKE}
"""

# The pause goes on while the probe is under way, so no other worker tries a second stream. One that has not
# failed yet comes first, and the latest of these: events that are refused must not keep others waiting.
_TAKE_PROBES = f"""
WITH rested AS MATERIALIZED (
    SELECT id FROM endpoint
    WHERE id = ANY ($4::uuid[]) AND enabled AND (paused_until IS NULL OR paused_until <= $1)
    ORDER BY paused_until LIMIT $5 FOR UPDATE SKIP LOCKED
),
probed AS (
    UPDATE endpoint e SET paused_until = $3 FROM rested r WHERE e.id = r.id RETURNING e.id
),
chosen AS MATERIALIZED (
    SELECT s.tenant_id, s.endpoint_id
    FROM probed p
    CROSS JOIN LATERAL (
        SELECT tenant_id, endpoint_id FROM stream
        WHERE endpoint_id = p.id AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
        ORDER BY failures, due_at DESC LIMIT 1 FOR UPDATE
    ) AS s
)
{_TAKE}
"""

# Nothing in it for the endpoint: the stream goes on without a worker.
_SKIP = """
UPDATE stream s
SET position = l.ends_at, lease = NULL, leased_until = NULL, failures = 0, failing_since = NULL,
    due_at = CASE WHEN l.ends_at < s.target THEN s.due_at END
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS l (tenant_id, endpoint_id, ends_at)
WHERE s.tenant_id = l.tenant_id AND s.endpoint_id = l.endpoint_id
"""


async def claim_streams(
    *,
    held: Mapping[UUID, int],
    most_per_endpoint: int,
    most_healthy: int,
    most_failing: int,
    now: datetime,
    duration: timedelta,
) -> Claim:
    """Take streams that are due; several workers never hold the same one at a time.

    `held` says how many streams of which endpoints the worker tells already. Of a failing endpoint one stream
    is taken, by one worker, when its pause is over.
    """
    async with system_scope() as db:
        found = await db.fetch(_DUE_ENDPOINTS, now, FAILING_FROM)
        if not found:
            return Claim([], is_more=False)
        failing = [row["id"] for row in found if row["is_failing"]]
        free = [row for row in found if not row["is_failing"] and held.get(row["id"], 0) < most_per_endpoint]
        # As many as can be served: each of them has one stream at least.
        free.sort(key=lambda row: (held.get(row["id"], 0), row["due_at"]))
        healthy = [row["id"] for row in free[: max(most_healthy, 0)]]
        lease, until = uuid4(), now + duration
        taken, probes = [], []
        if healthy:
            counts = [held.get(endpoint_id, 0) for endpoint_id in healthy]
            taken = await db.fetch(
                _TAKE_HEALTHY, now, lease, until, healthy, counts, most_per_endpoint, most_healthy
            )
        if failing and most_failing > 0:
            probes = await db.fetch(_TAKE_PROBES, now, lease, until, failing, most_failing)
        leases = await read_leases(
            db, lease, [*taken, *probes], probing={row["endpoint_id"] for row in probes}
        )
        empty = [one for one in leases if not one.events]
        if empty:
            await _skip(db, empty, now)
    return Claim([one for one in leases if one.events], is_more=bool(leases))


async def _skip(db: Db, empty: list[Lease], now: datetime) -> None:
    await db.execute(
        _SKIP,
        [one.tenant_id for one in empty],
        [one.endpoint_id for one in empty],
        [one.ends_at for one in empty],
    )
    probes = [one.endpoint_id for one in empty if one.is_probe]
    if probes:
        await db.execute("UPDATE endpoint SET paused_until = $2 WHERE id = ANY ($1::uuid[])", probes, now)
