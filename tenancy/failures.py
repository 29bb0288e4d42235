"""Attempts that were not accepted: streams wait, endpoints are paused, given up, and come back."""

from datetime import datetime
from uuid import UUID

from tenancy.acts import SYSTEM, Act
from tenancy.attempts import ATTEMPT_COLUMNS, Attempt, attempt_values
from tenancy.database import system_scope
from tenancy.endpoints import disable_endpoint
from tenancy.leases import Lease
from tenancy.retries import AWAY_FROM, FAILING_FROM, pause_length, reason_to_disable, retry_delay

_FAIL = """
UPDATE stream SET failures = failures + 1, failing_since = coalesce(failing_since, $4), due_at = $5,
                  lease = NULL, leased_until = NULL
WHERE tenant_id = $1 AND endpoint_id = $2 AND lease = $3
"""

_LONGEST_FAILING = "SELECT min(failing_since) FROM stream WHERE endpoint_id = $1"


async def record_failure(lease: Lease, attempt: Attempt, *, now: datetime, jitter: float) -> str | None:
    """Let a stream wait after an attempt that was not accepted, and give its lease back.

    Returns why the endpoint was disabled, if it was: the receiver is gone, or an event has failed too long.
    `jitter` is from -1 to 1.
    """
    async with system_scope() as db:
        # The endpoint before its stream, as everybody does.
        endpoint = await db.fetchrow(
            "SELECT failures, paused_until FROM endpoint WHERE id = $1 FOR UPDATE", lease.endpoint_id
        )
        stream = await db.fetchrow(
            "SELECT failures, failing_since FROM stream"
            " WHERE tenant_id = $1 AND endpoint_id = $2 AND lease = $3 FOR UPDATE",
            lease.tenant_id,
            lease.endpoint_id,
            lease.id,
        )
        if endpoint is None or stream is None:
            return None
        due_at = now + retry_delay(stream["failures"] + 1, jitter=jitter)
        await db.execute(_FAIL, lease.tenant_id, lease.endpoint_id, lease.id, attempt.at, due_at)
        await db.execute(
            f"INSERT INTO attempt ({ATTEMPT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            *attempt_values(lease, attempt),
        )
        paused_until, failures = endpoint["paused_until"], endpoint["failures"]
        # What else was under way when a pause began says nothing new.
        if lease.is_probe or paused_until is None or paused_until <= now:
            failures += 1
            paused = None if failures < FAILING_FROM else now + pause_length(failures, jitter=jitter)
            await db.execute(
                "UPDATE endpoint SET failures = $2, paused_until = $3 WHERE id = $1",
                lease.endpoint_id,
                failures,
                paused,
            )
        since = stream["failing_since"] or attempt.at
        if failures >= FAILING_FROM:
            # While it is failing, its streams take turns: the oldest trouble need not be this one's.
            since = await db.fetchval(_LONGEST_FAILING, lease.endpoint_id)
    reason = reason_to_disable(status=attempt.status, failing_for=now - since)
    # A transaction of its own: an act is never written while a stream is locked.
    if reason is None or not await disable_endpoint(
        lease.endpoint_id, reason=reason, act=Act(actor=SYSTEM, at=now)
    ):
        return None
    return reason


_FORWARD = """
WITH waiting AS MATERIALIZED (
    SELECT tenant_id FROM stream WHERE endpoint_id = $1 AND due_at > $2 ORDER BY tenant_id FOR UPDATE
)
UPDATE stream s SET due_at = $2 FROM waiting w
WHERE s.tenant_id = w.tenant_id AND s.endpoint_id = $1 AND s.due_at > $2
"""


async def record_recovery(endpoint_id: UUID, *, now: datetime) -> None:
    """Note that an endpoint accepts again; after a long absence all that waits for it is tried at once.

    After a short one, the streams that wait are those whose own event is refused: they keep their delay.
    """
    async with system_scope() as db:
        failures = await db.fetchval(
            "SELECT failures FROM endpoint WHERE id = $1 AND failures > 0 FOR UPDATE", endpoint_id
        )
        if failures is None:
            return
        await db.execute("UPDATE endpoint SET failures = 0, paused_until = NULL WHERE id = $1", endpoint_id)
        if failures >= AWAY_FROM:
            await db.execute(_FORWARD, endpoint_id, now)
