"""Orders whose details are still to be asked of the marketplace: claimed, asked outside, recorded."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from tenancy.database import system_scope

# How long a claim lasts: longer than the call may take, so that a killed worker's work is taken up again.
_LEASE = timedelta(minutes=2)
_MAX_DELAY = timedelta(hours=6)


class OrderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An order to ask about."""

    instance_id: str
    product: str
    order_id: str
    order_line_id: str
    attempts: int


_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT q.instance_id, i.product FROM order_query q JOIN instance i USING (instance_id)
    WHERE q.due_at <= $1 ORDER BY q.due_at LIMIT 1 FOR UPDATE OF q SKIP LOCKED
)
UPDATE order_query q SET due_at = $2, attempts = attempts + 1 FROM due
WHERE q.instance_id = due.instance_id
RETURNING q.instance_id, due.product, q.order_id, q.order_line_id, q.attempts
"""


async def claim_order_query(*, now: datetime) -> OrderQuery | None:
    """Take the next due query; several workers never take the same one at a time."""
    async with system_scope() as db:
        row = await db.fetchrow(_CLAIM, now, now + _LEASE)
    return None if row is None else msgspec.convert(dict(row), OrderQuery)


async def record_order(
    query: OrderQuery, *, details: dict[str, Any], expires_at: datetime | None, now: datetime
) -> None:
    """Keep what the marketplace answered; its expiry fills a gap and never overrides a push."""
    async with system_scope() as db:
        await db.execute(
            "UPDATE instance SET order_details = $2, expires_at = coalesce(expires_at, $3), changed_at = $4"
            " WHERE instance_id = $1",
            query.instance_id,
            msgspec.json.encode(details).decode(),
            expires_at,
            now,
        )
        await db.execute(
            "DELETE FROM order_query WHERE instance_id = $1 AND order_id = $2",
            query.instance_id,
            query.order_id,
        )


async def record_order_failure(query: OrderQuery, *, error: str, now: datetime) -> None:
    """Note why it failed and when to try again: after 10 s, then twice as long each time, up to 6 h."""
    delay = min(timedelta(seconds=10) * 2 ** min(query.attempts - 1, 12), _MAX_DELAY)
    async with system_scope() as db:
        await db.execute(
            "UPDATE order_query SET due_at = $2, last_error = $3 WHERE instance_id = $1 AND order_id = $4",
            query.instance_id,
            now + delay,
            error,
            query.order_id,
        )
