"""The history of signed calls: what came, what became of it and what it changed."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.changes import Cause, ChangeFact, change_columns, count_changes, encode
from tenancy.database import NO_TENANT, Db, tenant_scope


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """A signed call whose signature was found valid.

    `source_time` is when the marketplace says that the fact was true; `started` is a monotonic reading
    in seconds from which the duration is told; `result_code` is answered once it is carried out.
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
    flag: int | None = None
    is_test: bool = False
    instance_id: str | None = None
    source_time: datetime | None = None
    result_code: str = "000000"

    @property
    def cause(self) -> Cause:
        """What the push's changes refer to."""
        return Cause(id=self.id, by=f"push:{self.id}", at=self.received_at)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a push: `applied`, `unchanged` (nothing to do) or `stale` (newer facts stand)."""

    verdict: str
    counts: dict[str, int] = {}


STALE = Outcome(verdict="stale")
UNCHANGED = Outcome(verdict="unchanged")

_INSERT_PUSH = """
INSERT INTO push (tenant_id, id, product, edition, interface, flag, is_test, instance_id, signed_as,
                  address, source_time, received_at, size, verdict, result_code, result_message, counts,
                  duration_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""

_INSERT_PUSH_WITH_CHANGES = f"""
WITH recorded AS ({_INSERT_PUSH})
INSERT INTO change (tenant_id, cause_id, number, action, subject, before, after)
SELECT $1, $2, c.number, c.action, c.subject, c.before::jsonb, c.after::jsonb
FROM unnest($19::text[], $20::text[], $21::text[], $22::text[])
     WITH ORDINALITY AS c (action, subject, before, after, number)
"""


def outcome_of(changes: Sequence[ChangeFact], differences: Mapping[str, int] = {}) -> Outcome:
    """Count the changes by action; `differences` are those that are written and counted already."""
    counts = count_changes(changes, differences)
    return Outcome(verdict="applied", counts=counts) if counts else UNCHANGED


async def record_push(
    db: Db,
    tenant_id: UUID,
    push: Push,
    outcome: Outcome,
    *,
    changes: Sequence[ChangeFact] = (),
    message: str = "success.",
) -> None:
    """Write the push and, for small ones, its change set in the caller's transaction."""
    row = (
        tenant_id,
        push.id,
        push.product,
        push.edition,
        push.interface,
        push.flag,
        push.is_test,
        push.instance_id,
        push.signed_as,
        push.address,
        push.source_time,
        push.received_at,
        push.size,
        outcome.verdict,
        push.result_code,
        message,
        encode(outcome.counts),
        round((time.perf_counter() - push.started) * 1000),
    )
    if not changes:
        await db.execute(_INSERT_PUSH, *row)
        return
    await db.execute(_INSERT_PUSH_WITH_CHANGES, *row, *change_columns(changes))


async def record_refused_push(tenant_id: UUID | None, push: Push, *, verdict: str, message: str) -> None:
    """Record a push that was refused or failed, in a transaction of its own."""
    tenant_id = tenant_id or NO_TENANT
    async with tenant_scope(tenant_id) as db:
        await record_push(db, tenant_id, push, Outcome(verdict=verdict), message=message)


async def record_base_push(push: Push, outcome: Outcome) -> None:
    """Record a push about a purchase that has left no trace elsewhere, such as a debug call."""
    async with tenant_scope(NO_TENANT) as db:
        await record_push(db, NO_TENANT, push, outcome)
