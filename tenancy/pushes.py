"""The history of signed calls: what came, what became of it and what it changed."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.database import NO_TENANT, Db, tenant_scope
from tenancy.events import CLOSE_CHANGE_SET, Cause, Event, change_set_values, count_events, encode


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """A signed call whose signature was found valid.

    `source_time` is when the marketplace says that the fact was true; `started` is a monotonic reading
    in seconds from which the duration is told; `result_code` is answered once it is carried out. `body` is
    what came, compressed and sealed; `retry_of` is the failed push that this one carries out again.
    """

    id: UUID
    product: str
    edition: str
    interface: str
    signed_as: str
    received_at: datetime
    started: float
    size: int
    address: str | None = None
    body: bytes | None = None
    retry_of: UUID | None = None
    flag: int | None = None
    is_test: bool = False
    instance_id: str | None = None
    source_time: datetime | None = None
    result_code: str = "000000"

    @property
    def cause(self) -> Cause:
        """What the push's events refer to."""
        return Cause(id=self.id, by=f"push:{self.id}", at=self.received_at)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a push: `applied`, `unchanged`, `stale` (newer facts stand) or `held` for review.

    `message` is what the marketplace is answered.
    """

    verdict: str
    counts: dict[str, int] = {}
    message: str = "success."


STALE = Outcome(verdict="stale")
UNCHANGED = Outcome(verdict="unchanged")


def _insert_push(first: int) -> str:
    """SQL with the tenant in $1 and the columns from the parameter `first` on."""
    values = ", ".join(f"${number}" for number in range(first, first + len(_COLUMNS)))
    return f"INSERT INTO push (tenant_id, {', '.join(_COLUMNS)}) VALUES ($1, {values})"


_COLUMNS = (
    "id",
    "product",
    "edition",
    "interface",
    "flag",
    "is_test",
    "instance_id",
    "signed_as",
    "address",
    "source_time",
    "received_at",
    "size",
    "body",
    "retry_of",
    "result_code",
    "verdict",
    "result_message",
    "counts",
    "duration_ms",
)
_INSERT_PUSH = _insert_push(2)
_INSERT_PUSH_WITH_EVENTS = f"WITH {CLOSE_CHANGE_SET} {_insert_push(10)}"


def outcome_of(
    events: Sequence[Event], differences: Mapping[str, int] = {}, *, is_outdated: bool = False
) -> Outcome:
    """Count the events by type; `differences` are those that are written and counted already.

    An outdated push is stale, unless it has changed something all the same.
    """
    counts = count_events(events, differences)
    if counts:
        return Outcome(verdict="applied", counts=counts)
    return STALE if is_outdated else UNCHANGED


async def record_push(
    db: Db,
    tenant_id: UUID,
    push: Push,
    outcome: Outcome,
    *,
    events: Sequence[Event] = (),
) -> None:
    """Write the push and those of its events that are not written yet, in the caller's transaction."""
    row = (
        *(getattr(push, name) for name in _COLUMNS[:15]),
        outcome.verdict,
        outcome.message,
        encode(outcome.counts),
        round((time.perf_counter() - push.started) * 1000),
    )
    if outcome.counts:
        changed = change_set_values(push.cause, events, outcome.counts)
        await db.execute(_INSERT_PUSH_WITH_EVENTS, tenant_id, *changed, *row)
    else:
        await db.execute(_INSERT_PUSH, tenant_id, *row)


async def record_refused_push(tenant_id: UUID | None, push: Push, *, verdict: str, message: str) -> None:
    """Record a push that was refused or failed, in a transaction of its own."""
    tenant_id = tenant_id or NO_TENANT
    async with tenant_scope(tenant_id) as db:
        await record_push(db, tenant_id, push, Outcome(verdict=verdict, message=message))


async def record_base_push(push: Push, outcome: Outcome) -> None:
    """Record a push about a purchase that has left no trace elsewhere, such as a debug call."""
    async with tenant_scope(NO_TENANT) as db:
        await record_push(db, NO_TENANT, push, outcome)
