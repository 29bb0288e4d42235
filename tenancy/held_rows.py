"""Held full lists as rows: kept durably until somebody decides, or until a newer list makes them void."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from tenancy.bindings import Place
from tenancy.database import Db
from tenancy.errors import PushNotHeld, PushUnknown
from tenancy.event_objects import HeldFact
from tenancy.events import Author, Event, author_of, count_events, decode, encode
from tenancy.pushes import Outcome, Push
from tenancy.removals import Applied
from tenancy.tree import Department

State = Literal["held", "approved", "rejected", "superseded"]


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Why a push was held, what it would have changed then, and what became of it.

    `superseded` is a list after which a newer one was applied or held. `digest` is that of the plan.
    """

    push_id: UUID
    state: State
    reason: str
    counts: dict[str, int]
    digest: str
    held_at: datetime
    decided_at: datetime | None
    by: Author | None


class HeldList(msgspec.Struct, frozen=True, kw_only=True):
    """A full list that waits, with the time at which it was true."""

    review: Review
    product: str
    instance_id: str
    source_time: datetime
    departments: list[Department]


COLUMNS: Final = "push_id, state, reason, counts, plan, held_at, decided_at, decided_by"

_HOLD = """
INSERT INTO held_push (tenant_id, push_id, product, instance_id, source_time, departments, reason, plan,
                       counts, state, held_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'held', $10)
"""

_SUPERSEDE = """
UPDATE held_push SET state = 'superseded', decided_at = $3, departments = ''
WHERE tenant_id = $1 AND state = 'held' AND source_time <= $2
RETURNING push_id, reason, counts
"""

_IS_KNOWN = "SELECT EXISTS (SELECT FROM push WHERE tenant_id = $1 AND id = $2)"

_DECIDE = """
UPDATE held_push SET state = $3, decided_at = $4, decided_by = $5, departments = ''
WHERE tenant_id = $1 AND push_id = $2
"""


async def hold_push(
    db: Db,
    tenant_id: UUID,
    place: Place,
    listed: Sequence[Department],
    *,
    at: datetime,
    push: Push,
    reason: str,
    counts: Mapping[str, int],
    digest: str,
) -> Applied:
    """Keep the list for an administrator; older lists that wait are void, for this one says all anew."""
    events = await supersede_held(db, tenant_id, at=at, now=push.received_at)
    packed = zlib.compress(msgspec.msgpack.encode(listed), 1)
    values = (place.product, place.instance_id, at, packed, reason, digest, encode(counts), push.received_at)
    await db.execute(_HOLD, tenant_id, push.id, *values)
    events.append(
        Event(type="sync.held", subject=str(push.id), data=HeldFact(reason=reason, counts=dict(counts)))
    )
    message = f"success; held for review: {reason}"
    return Applied(Outcome(verdict="held", counts=count_events(events, {}), message=message), events)


async def supersede_held(db: Db, tenant_id: UUID, *, at: datetime, now: datetime) -> list[Event]:
    """Note that the lists which wait are void because of a newer one of time `at`; what is to be told."""
    rows = await db.fetch(_SUPERSEDE, tenant_id, at, now)
    return [
        Event(
            type="sync.superseded",
            subject=str(row["push_id"]),
            data=HeldFact(reason=row["reason"], counts=decode(row["counts"])),
        )
        for row in rows
    ]


async def demand_held(db: Db, tenant_id: UUID, push_id: UUID) -> HeldList:
    """Read a list that still waits.

    Raises:
        PushUnknown: there is no such push.
        PushNotHeld: it was never held, or has been decided already.
    """
    row = await db.fetchrow(
        f"SELECT {COLUMNS}, product, instance_id, source_time, departments FROM held_push"
        " WHERE tenant_id = $1 AND push_id = $2",
        tenant_id,
        push_id,
    )
    if row is None:
        is_known = await db.fetchval(_IS_KNOWN, tenant_id, push_id)
        raise PushNotHeld if is_known else PushUnknown
    if row["state"] != "held":
        raise PushNotHeld(f"It is {row['state']}.")
    return HeldList(
        review=review_of(row),
        product=row["product"],
        instance_id=row["instance_id"],
        source_time=row["source_time"],
        departments=msgspec.msgpack.decode(zlib.decompress(row["departments"]), type=list[Department]),
    )


async def decide_held(
    db: Db, tenant_id: UUID, push_id: UUID, *, state: State, by: str, now: datetime
) -> None:
    """Note what became of a list; what it said is no longer needed."""
    await db.execute(_DECIDE, tenant_id, push_id, state, now, by)


async def find_review(db: Db, tenant_id: UUID, push_id: UUID) -> Review | None:
    """What has become of a held push; None if it was never held."""
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM held_push WHERE tenant_id = $1 AND push_id = $2", tenant_id, push_id
    )
    return None if row is None else review_of(row)


def review_of(row: Any) -> Review:
    """A row of `COLUMNS` as it is shown."""
    shown = dict(row) | {
        "counts": decode(row["counts"]),
        "digest": row["plan"],
        "by": author_of(row["decided_by"]),
    }
    return msgspec.convert(shown, Review)
