"""Duties to tell clients that a session has ended: taken for a bounded time, and what came of each kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from tenancy.database import system_scope
from tenancy.retention import remove_rows

_WINDOW = 1000
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600))
_LAST_PAUSE = timedelta(hours=1)
_PATIENCE = timedelta(hours=24)


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """A client is to be told that its part in a session has ended; so many attempts were made."""

    tenant_id: UUID
    session_id: UUID
    client_id: str
    member_id: UUID
    reason: str
    ended_at: datetime
    attempts: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a duty; without `due_at` there is nothing more to tell."""

    duty: Duty
    attempts: int
    reason: str
    due_at: datetime | None = None
    acknowledged_at: datetime | None = None
    status: int | None = None
    error: str | None = None


_DUE = """
SELECT EXISTS (SELECT FROM client_session WHERE due_at <= $1), set_config('enable_seqscan', 'off', true)
"""

# Each client's first duty comes before any one's second, those already held counted.
_CLAIM = """
WITH due AS (
    SELECT tenant_id, session_id, client_id, due_at FROM client_session
    WHERE due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1) AND client_id <> ALL ($3::text[])
    ORDER BY due_at LIMIT $7
), queued AS (
    SELECT d.*, coalesce(h.held, 0) + row_number() OVER (PARTITION BY client_id ORDER BY d.due_at) AS turn
    FROM due d LEFT JOIN unnest($4::text[], $5::int[]) AS h (client_id, held) USING (client_id)
), chosen AS MATERIALIZED (
    SELECT s.tenant_id, s.session_id, s.client_id
    FROM queued q JOIN client_session s USING (tenant_id, session_id, client_id)
    WHERE q.turn <= $6 AND s.due_at <= $1 AND (s.leased_until IS NULL OR s.leased_until <= $1)
    ORDER BY q.turn, q.due_at LIMIT $8 FOR UPDATE OF s SKIP LOCKED
)
UPDATE client_session s SET leased_until = $2
FROM chosen c
WHERE s.tenant_id = c.tenant_id AND s.session_id = c.session_id AND s.client_id = c.client_id
RETURNING s.tenant_id, s.session_id, s.client_id, s.member_id, s.reason, s.ended_at, s.attempts
"""

# A part that has begun anew meanwhile has nothing to be told; a lease that was lost is no matter.
_RECORD = """
UPDATE client_session s
SET leased_until = NULL, attempts = o.attempts, reason = o.reason, due_at = o.due_at,
    acknowledged_at = o.acknowledged_at, status = o.status, error = o.error
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int[], $6::text[], $7::timestamptz[],
            $8::timestamptz[], $9::int[], $10::text[])
     AS o (tenant_id, session_id, client_id, ended_at, attempts, reason, due_at, acknowledged_at, status,
           error)
WHERE s.tenant_id = o.tenant_id AND s.session_id = o.session_id AND s.client_id = o.client_id
  AND s.ended_at = o.ended_at AND s.due_at IS NOT NULL
"""

_REMOVE = """
DELETE FROM client_session s
USING (SELECT tenant_id, session_id, client_id FROM client_session WHERE expires_at < $1 LIMIT $2) AS old
WHERE s.tenant_id = old.tenant_id AND s.session_id = old.session_id AND s.client_id = old.client_id
"""


async def claim_duties(
    *, held: Mapping[str, int], most: int, most_per_client: int, now: datetime, duration: timedelta
) -> list[Duty]:
    """Take duties that are due; several workers never hold the same one at a time.

    `held` says how many of which clients the worker has in hand already.
    """
    if most <= 0:
        return []
    busy = [client_id for client_id, count in held.items() if count >= most_per_client]
    async with system_scope() as db:
        if not await db.fetchval(_DUE, now):
            return []
        rows = await db.fetch(
            _CLAIM,
            now,
            now + duration,
            busy,
            list(held.keys()),
            list(held.values()),
            most_per_client,
            _WINDOW,
            most,
        )
    return [Duty(**row) for row in rows]


async def record_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Keep what came of duties, all in one statement."""
    duties = [outcome.duty for outcome in outcomes]
    async with system_scope() as db:
        await db.execute(
            _RECORD,
            [duty.tenant_id for duty in duties],
            [duty.session_id for duty in duties],
            [duty.client_id for duty in duties],
            [duty.ended_at for duty in duties],
            [outcome.attempts for outcome in outcomes],
            [outcome.reason for outcome in outcomes],
            [outcome.due_at for outcome in outcomes],
            [outcome.acknowledged_at for outcome in outcomes],
            [outcome.status for outcome in outcomes],
            [outcome.error for outcome in outcomes],
        )


async def remove_old_client_sessions(*, before: datetime, limit: int = 1000) -> int:
    """Delete what is known of clients' parts in sessions that were over before then; how many there were.

    Those of sessions that simply ran out, of which nobody was told, go with them.
    """
    async with system_scope() as db:
        return await remove_rows(db, _REMOVE, before, limit)


def nothing_to_tell(duty: Duty, *, reason: str | None = None) -> Outcome:
    """The client has no address to be told at; a client that is gone has another `reason`."""
    return Outcome(duty=duty, attempts=duty.attempts, reason=reason or duty.reason)


def acknowledged(duty: Duty, status: int, *, now: datetime) -> Outcome:
    """The client has said that it knows."""
    return Outcome(
        duty=duty, attempts=duty.attempts + 1, reason=duty.reason, acknowledged_at=now, status=status
    )


def put_off(duty: Duty, *, until: datetime) -> Outcome:
    """Nothing was tried, since something of ours is away."""
    return Outcome(duty=duty, attempts=duty.attempts, reason=duty.reason, due_at=until)


def failed(duty: Duty, error: str, *, status: int | None = None, now: datetime) -> Outcome:
    """The client was not told, and is told again later: after a second, ever less often, for a day."""
    pause = _PAUSES[duty.attempts] if duty.attempts < len(_PAUSES) else _LAST_PAUSE
    is_over = now + pause > duty.ended_at + _PATIENCE
    return Outcome(
        duty=duty,
        attempts=duty.attempts + 1,
        reason=duty.reason,
        due_at=None if is_over else now + pause,
        status=status,
        error=error,
    )
