"""The event log as the limits write it, and how to see that both sides have written the same."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from bench.calls import Enterprise
from tenancy.bindings import Place
from tenancy.events import CLOSE_CHANGE_SET, Cause, Event, change_set_values, encode
from tenancy.pushes import _COLUMNS, Outcome, Push

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CLOSE = f"WITH {CLOSE_CHANGE_SET} SELECT 1"

# Of what was told after number $2: how much, in how many change sets, and what, in whatever order. The
# counter and the change sets have to agree. Ids of members are random.
_FINGERPRINT = """
SELECT count(*), count(DISTINCT change_set),
       coalesce(sum(hashtextextended(
           concat_ws(E'\\n', type, subject, coalesce(data - 'id', '{}'), previous - 'id'), 0)), 0),
       (SELECT last - $2 FROM event_counter WHERE tenant_id = $1),
       (SELECT sum(last - number + 1)::bigint FROM change_set WHERE tenant_id = $1 AND number > $2)
FROM event WHERE tenant_id = $1 AND number > $2
"""


async def close_change_set(db: Db, tenant_id: UUID, cause: Cause, count: int) -> None:
    """Bump the counter and write the change set of so many events that are written already."""
    await db.execute(_CLOSE, tenant_id, *change_set_values(cause, (), {"all": count}))


def new_push(interface: str, side: Enterprise | Place, *, source_time: datetime) -> Push:
    """A push as the door hands it to a use case, but without its body."""
    return Push(
        id=uuid4(),
        product=side.product,
        edition="V2",
        interface=interface,
        signed_as="sorted",
        received_at=datetime.now(UTC),
        started=time.perf_counter(),
        size=300,
        address="127.0.0.1",
        instance_id=side.instance_id,
        source_time=source_time,
    )


def record_values(push: Push, outcome: Outcome, events: Sequence[Event]) -> list[Any]:
    """The parameters, after the tenant, of the statement that records a push with its events."""
    row = [getattr(push, name) for name in _COLUMNS[:15]]
    changed = change_set_values(push.cause, events, outcome.counts)
    return [*changed, *row, outcome.verdict, outcome.message, encode(outcome.counts), 1]


async def last_number(db: Db, tenant_id: UUID) -> int:
    """The number of the tenant's newest event."""
    return await db.fetchval("SELECT last FROM event_counter WHERE tenant_id = $1", tenant_id) or 0


async def log_fingerprint(db: Db, tenant_id: UUID, *, after: int) -> tuple[Any, ...]:
    """What the tenant's log tells after that number; equal for logs that tell the same."""
    return tuple(await db.fetchrow(_FINGERPRINT, tenant_id, after, timeout=120) or ())
