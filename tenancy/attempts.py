"""Attempts that were accepted: streams go on, and leases are given back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from tenancy.database import system_scope
from tenancy.leases import Lease


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to tell an endpoint of an event; `answer` is how its answer begins, `error` why it failed."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    answer: str
    error: str | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A stream has come to `position`, by an attempt that was accepted; `is_end` gives the lease back."""

    lease: Lease
    position: int
    is_end: bool
    attempt: Attempt | None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream stands after a step: `is_held` while the worker may go on with what it has read.

    `had_failures` says that the endpoint has to be told of its recovery.
    """

    is_held: bool
    had_failures: bool


_LOST = Standing(is_held=False, had_failures=False)

ATTEMPT_COLUMNS = "tenant_id, id, endpoint_id, number, at, duration_ms, status, answer, error"

# Rows are locked in the order in which the feeder does. Losing a step in a crash of the database only means
# that an event is told once more, so nobody waits for the disk.
_STEP = f"""
WITH step AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bool[])
           AS p (tenant_id, endpoint_id, lease, position, is_end)
),
held AS MATERIALIZED (
    SELECT s.tenant_id, s.endpoint_id
    FROM step p JOIN stream s
      ON s.tenant_id = p.tenant_id AND s.endpoint_id = p.endpoint_id AND s.lease = p.lease
    ORDER BY s.tenant_id, s.endpoint_id FOR UPDATE OF s
),
moved AS (
    UPDATE stream s
    SET position = p.position, failures = 0, failing_since = NULL,
        lease = CASE WHEN NOT p.is_end THEN s.lease END,
        leased_until = CASE WHEN NOT p.is_end THEN s.leased_until END,
        due_at = CASE WHEN NOT p.is_end THEN s.due_at WHEN p.position < s.target THEN $6::timestamptz END
    FROM held h JOIN step p USING (tenant_id, endpoint_id)
    WHERE s.tenant_id = h.tenant_id AND s.endpoint_id = h.endpoint_id AND s.lease = p.lease
    RETURNING s.tenant_id, s.endpoint_id
),
tried AS (
    INSERT INTO attempt ({ATTEMPT_COLUMNS})
    SELECT a.tenant_id, a.id, a.endpoint_id, a.number, a.at, a.duration_ms, a.status, a.answer, a.error
    FROM unnest($7::uuid[], $8::uuid[], $9::uuid[], $10::bigint[], $11::timestamptz[], $12::int[],
                $13::int[], $14::text[], $15::text[])
         AS a ({ATTEMPT_COLUMNS})
    JOIN moved m USING (tenant_id, endpoint_id)
)
SELECT m.tenant_id, m.endpoint_id, e.enabled, e.revision, e.failures,
       set_config('synchronous_commit', 'off', true)
FROM moved m JOIN endpoint e ON e.id = m.endpoint_id
"""


async def record_steps(steps: Sequence[Step], *, now: datetime) -> list[Standing]:
    """Move streams on, each at most once; one whose lease was lost stays as it is."""
    attempts = [attempt_values(step.lease, step.attempt) for step in steps if step.attempt is not None]
    async with system_scope() as db:
        rows = await db.fetch(
            _STEP,
            [step.lease.tenant_id for step in steps],
            [step.lease.endpoint_id for step in steps],
            [step.lease.id for step in steps],
            [step.position for step in steps],
            [step.is_end for step in steps],
            now,
            *([list(column) for column in zip(*attempts, strict=True)] or [[]] * 9),
        )
    moved = {(row["tenant_id"], row["endpoint_id"]): row for row in rows}
    return [_standing(step, moved.get((step.lease.tenant_id, step.lease.endpoint_id))) for step in steps]


_GIVE_BACK = """
UPDATE stream s SET lease = NULL, leased_until = NULL
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS l (tenant_id, endpoint_id, lease)
WHERE s.tenant_id = l.tenant_id AND s.endpoint_id = l.endpoint_id AND s.lease = l.lease
"""


async def give_back(leases: Sequence[Lease], *, now: datetime) -> None:
    """Leave streams to whoever claims them next, at once; a lease that was lost is no matter."""
    probes = [lease.endpoint_id for lease in leases if lease.is_probe]
    async with system_scope() as db:
        if probes:
            await db.execute(
                "UPDATE endpoint SET paused_until = $2 WHERE id = ANY ($1::uuid[]) AND paused_until > $2",
                probes,
                now,
            )
        await db.execute(
            _GIVE_BACK,
            [lease.tenant_id for lease in leases],
            [lease.endpoint_id for lease in leases],
            [lease.id for lease in leases],
        )


def attempt_values(lease: Lease, attempt: Attempt) -> tuple[object, ...]:
    """The values of `ATTEMPT_COLUMNS`."""
    return (
        lease.tenant_id,
        uuid4(),
        lease.endpoint_id,
        attempt.number,
        attempt.at,
        attempt.duration_ms,
        attempt.status,
        attempt.answer,
        attempt.error,
    )


def _standing(step: Step, row: Any) -> Standing:
    if row is None:
        return _LOST
    return Standing(
        is_held=not step.is_end and row["enabled"] and row["revision"] == step.lease.revision,
        had_failures=row["failures"] > 0,
    )
