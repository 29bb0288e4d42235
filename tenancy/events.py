"""The event log: facts that something changed, written in the transaction of the change.

Each tenant numbers its events without a gap. All events of one transaction are the change set of its cause, a
push or an act. What belongs to no tenant, such as a purchase, is told in the log of the nil tenant.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The fact that something changed: `department.moved` of subject `D1`, with what is and what was.

    `data` and `previous` have the shape that `EVENT_TYPES` says; an object that came has no `previous`, one
    that went no `data`.
    """

    type: str
    subject: str
    data: msgspec.Struct | None = None
    previous: msgspec.Struct | None = None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A push or an act; `by` is how other rows remember it: `push:<id>` or the actor."""

    id: UUID
    by: str
    at: datetime


class Author(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is behind a fact: a push of the marketplace, or an actor of our API such as `operator:9f2c…`."""

    push: UUID | None = None
    actor: str | None = None


def author_of(by: str | None) -> Author | None:
    """The author that a row remembers; None where nothing was remembered."""
    if by is None:
        return None
    kind, _, push = by.partition(":")
    return Author(push=UUID(push)) if kind == "push" else Author(actor=by)


def count_events(events: Sequence[Event], differences: Mapping[str, int]) -> dict[str, int]:
    """How many events there are of each type; `differences` are those that are already counted."""
    counts: dict[str, int] = {}
    for event in events:
        counts[event.type] = counts.get(event.type, 0) + 1
    return {**counts, **differences}


# The number of the newest event of tenant $1 that is not part of the change set which is being written.
LAST = "coalesce((SELECT last FROM event_counter WHERE tenant_id = $1), 0)"


def insert_events(facts: str, *, first: str) -> str:
    """SQL that adds events to the change set which is being written in tenant $1.

    `facts` selects type, subject, data and previous; `first` is how many of its events come before.
    `CLOSE_CHANGE_SET` has to follow in the same transaction.
    """
    return f"""
    INSERT INTO event (tenant_id, number, change_set, type, subject, data, previous)
    SELECT $1, newest.last + {first} + row_number() OVER (), newest.last + 1,
           f.type, f.subject, f.data, f.previous
    FROM ({facts}) AS f CROSS JOIN (SELECT {LAST} AS last) AS newest
    """


# The counter's row is held until the commit, so that numbers are gapless and in the order of commit.
# $1 tenant, $2 to $4 the cause, $5 how many events there are in all, $6 to $9 those not written yet.
CLOSE_CHANGE_SET = """
counted AS (
    INSERT INTO event_counter AS c (tenant_id, last, fed) VALUES ($1, $5, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET last = c.last + $5
    RETURNING last - $5 AS before
), closed AS (
    INSERT INTO change_set (tenant_id, number, last, cause_id, by, at)
    SELECT $1, before + 1, before + $5, $2, $4, $3 FROM counted
), written AS (
    INSERT INTO event (tenant_id, number, change_set, type, subject, data, previous)
    SELECT $1, before + e.number, before + 1, e.type, e.subject, e.data::jsonb, e.previous::jsonb
    FROM counted CROSS JOIN unnest($6::text[], $7::text[], $8::text[], $9::text[])
         WITH ORDINALITY AS e (type, subject, data, previous, number)
)
"""


def change_set_values(cause: Cause, events: Sequence[Event], counts: Mapping[str, int]) -> list[Any]:
    """The parameters $2 to $9 of `CLOSE_CHANGE_SET`; `counts` tells of all events of the change set."""
    return [
        cause.id,
        cause.at,
        cause.by,
        sum(counts.values()),
        [event.type for event in events],
        [event.subject for event in events],
        [encode(event.data) for event in events],
        [encode(event.previous) for event in events],
    ]


def encode(value: Mapping[str, Any] | msgspec.Struct | None) -> str | None:
    """A value for a JSON column."""
    return None if value is None else msgspec.json.encode(value).decode()


def decode(value: str | None) -> Any:
    """What a JSON column holds."""
    return None if value is None else msgspec.json.decode(value)
