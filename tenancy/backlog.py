"""What waits, across all tenants: how much of it, and for how long already."""

from datetime import datetime

import asyncpg
import msgspec

from tenancy.database import system_scope
from tenancy.retries import FAILING_FROM


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How many wait, and for how many seconds the first of them has; 0 when none does."""

    count: int
    seconds: float


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """All that waits at one moment.

    Attributes:
        held_syncs: full lists that somebody has to decide about.
        events: tenants with events that have no place in the order across tenants yet.
        streams: what an enabled endpoint is to be told of a tenant by now, that under way included.
        logouts: clients that are to be told of the end of a session by now.
        order_queries: orders that are to be asked of the marketplace by now.
        endpoints: how many there are by state: healthy, failing, disabled.
        client_sessions: parts of clients in sessions that neither have ended nor run out.
    """

    held_syncs: Waiting
    events: Waiting
    streams: Waiting
    logouts: Waiting
    order_queries: Waiting
    endpoints: dict[str, int]
    client_sessions: int


# The server gives up when the asker does. Each part reads one index only, whatever the planner believes.
_OPENING = """
SELECT set_config('statement_timeout', $1, true), set_config('enable_seqscan', 'off', true)
"""

# Of the events of a tenant, those of the first change set after its place in the feed are the oldest.
_READ = """
SELECT h.count AS held, h.first AS held_first, e.count AS unfed, e.first AS unfed_first,
       s.count AS streams, s.first AS streams_first, l.count AS logouts, l.first AS logouts_first,
       o.count AS orders, o.first AS orders_first, c.count AS client_sessions,
       p.healthy, p.failing, p.disabled
FROM (SELECT count(*), min(held_at) AS first FROM held_push WHERE state = 'held') AS h
CROSS JOIN (
    SELECT count(*), min(w.at) AS first FROM event_counter n
    LEFT JOIN LATERAL (
        SELECT at FROM change_set
        WHERE tenant_id = n.tenant_id AND number > n.fed ORDER BY number LIMIT 1
    ) AS w ON true
    WHERE n.last > n.fed
) AS e
CROSS JOIN (
    SELECT coalesce(sum(w.count), 0)::bigint AS count, min(w.first) AS first FROM endpoint t
    CROSS JOIN LATERAL (
        SELECT count(*), min(due_at) AS first FROM stream WHERE endpoint_id = t.id AND due_at <= $1
    ) AS w
    WHERE t.enabled
) AS s
CROSS JOIN (SELECT count(*), min(due_at) AS first FROM client_session WHERE due_at <= $1) AS l
CROSS JOIN (SELECT count(*), min(due_at) AS first FROM order_query WHERE due_at <= $1) AS o
CROSS JOIN (SELECT count(*) FROM client_session WHERE ended_at IS NULL AND expires_at > $1) AS c
CROSS JOIN (
    SELECT count(*) FILTER (WHERE enabled AND failures < $2) AS healthy,
           count(*) FILTER (WHERE enabled AND failures >= $2) AS failing,
           count(*) FILTER (WHERE NOT enabled) AS disabled
    FROM endpoint
) AS p
"""


async def read_backlog(*, now: datetime, time_limit: float) -> Backlog | None:
    """Count what waits; None when that takes the server longer than `time_limit`, in seconds.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    async with system_scope() as db:
        await db.execute(_OPENING, str(round(time_limit * 1000)))
        try:
            row = await db.fetchrow(_READ, now, FAILING_FROM)
        except asyncpg.QueryCanceledError:
            return None
    assert row is not None

    def waiting(name: str) -> Waiting:
        first: datetime | None = row[f"{name}_first"]
        seconds = 0.0 if first is None else max((now - first).total_seconds(), 0.0)
        return Waiting(count=row[name], seconds=seconds)

    return Backlog(
        held_syncs=waiting("held"),
        events=waiting("unfed"),
        streams=waiting("streams"),
        logouts=waiting("logouts"),
        order_queries=waiting("orders"),
        endpoints={state: row[state] for state in ("healthy", "failing", "disabled")},
        client_sessions=row["client_sessions"],
    )
