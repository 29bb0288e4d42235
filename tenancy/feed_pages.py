"""Reading the log across tenants, in the order of the feed: a place in it is never filled later."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import NO_TENANT, Db, system_scope
from tenancy.event_pages import (
    EVENT_COLUMNS,
    Encoded,
    EncodedRecord,
    EventRecord,
    EventsAhead,
    EventsRemoved,
    encode_records,
)
from tenancy.event_types import demand_types
from tenancy.feed import feed_events
from tenancy.paging import decode_cursor, encode_cursor

# How many pages one request looks through for what it asks for.
_MOST_ROUNDS = 20


class FeedRecord(EventRecord, frozen=True, kw_only=True):
    """An event with its tenant, null when it belongs to none; the number is that of the tenant's log."""

    tenant_id: UUID | None


class FeedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events of all tenants, oldest first; ask after `next` for those that follow.

    Nothing has come after `last` yet.
    """

    items: list[FeedRecord]
    next: str
    last: str


class EncodedFeedPage(Encoded, frozen=True, kw_only=True):
    """A `FeedPage` as the bytes of its JSON, with its `next` and the position in the order that this has."""

    next: str
    position: int


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    items: list[EncodedRecord]
    next: str
    last: str


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Everything before `position`, and there what has a number up to this."""

    position: int
    number: int


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one tenant, those after `after` up to `last`, that follow each other in the order."""

    tenant_id: UUID
    after: int
    last: int


# Without statistics the planner would rather read the whole log.
_BOUNDS = """
SELECT set_config('enable_seqscan', 'off', true),
       oldest.position AS oldest, newest.position AS newest, newest.last
FROM (SELECT position FROM feed ORDER BY position LIMIT 1) AS oldest
CROSS JOIN (SELECT position, last FROM feed ORDER BY position DESC LIMIT 1) AS newest
"""

# The newest place among the oldest ones whose events are not all kept.
_INCOMPLETE = """
SELECT f.position, f.last AS number
FROM (SELECT * FROM feed ORDER BY position LIMIT 10000) AS f
WHERE NOT EXISTS (SELECT FROM event e WHERE e.tenant_id = f.tenant_id AND e.number = f.after + 1)
ORDER BY f.position DESC LIMIT 1
"""

_PLACES = """
SELECT f.position, f.tenant_id, f.after, f.last, coalesce(t.is_test, false) AS is_test
FROM (SELECT * FROM feed WHERE position >= $1 ORDER BY position LIMIT $2) AS f
LEFT JOIN tenant t ON t.id = f.tenant_id
ORDER BY f.position
"""

_EVENTS = f"""
SELECT {EVENT_COLUMNS}, nullif(p.tenant_id, '{NO_TENANT}') AS tenant_id
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS p (tenant_id, after, last, place)
CROSS JOIN LATERAL (
    SELECT * FROM event e WHERE e.tenant_id = p.tenant_id AND e.number > p.after AND e.number <= p.last
    ORDER BY e.number
) AS e
JOIN change_set c ON c.tenant_id = p.tenant_id AND c.number = e.change_set
ORDER BY p.place, e.number
"""


async def read_feed(
    cursor: str | None, *, limit: int, types: Collection[str] = (), is_test: bool = False, now: datetime
) -> EncodedFeedPage:
    """Read events of all tenants, or of all shadow tenants, after a place, as the JSON of a `FeedPage`.

    Without a cursor, from the oldest place after which nothing is missing. `types` are exact, or all of a
    subject as `member.*`; of those there may be fewer than `limit` although more follow.

    Raises:
        EventsRemoved: an event after the cursor is not kept any more.
        EventsAhead: the cursor is beyond the newest event.
        EventTypeUnknown: one of the types is never told.
    """
    wanted = demand_types(types)
    start = decode_cursor(cursor, _Cursor)
    await feed_events(now=now)
    # What is removed meanwhile is either there for all of these queries or for none.
    async with system_scope(snapshot=True) as db:
        bounds = await db.fetchrow(_BOUNDS)
        place = start or await _oldest(db)
        newest = _Cursor(0, 0) if bounds is None else _Cursor(bounds["newest"], bounds["last"])
        if bounds is not None and place.position < bounds["oldest"] - 1 and start is not None:
            raise EventsRemoved
        if place.position > newest.position and bounds is not None:
            raise EventsAhead
        rows: list[Any] = []
        for _ in range(_MOST_ROUNDS):
            parts, place, is_last = await _next_parts(db, place, limit - len(rows), is_test=is_test)
            rows += [row for row in await _read(db, parts) if not types or row["type"] in wanted]
            if is_last or len(rows) == limit:
                break
    last = max(place, newest, key=lambda cursor: (cursor.position, cursor.number))
    page = _Page(items=encode_records(rows), next=encode_cursor(place), last=encode_cursor(last))
    return EncodedFeedPage(
        body=msgspec.json.encode(page), found=len(rows), next=page.next, position=place.position
    )


async def _oldest(db: Db) -> _Cursor:
    row = await db.fetchrow(_INCOMPLETE)
    return _Cursor(0, 0) if row is None else _Cursor(row["position"], row["number"])


async def _next_parts(
    db: Db, place: _Cursor, limit: int, *, is_test: bool
) -> tuple[list[_Part], _Cursor, bool]:
    """What comes after a place, up to `limit` events; the place after them, and whether it is the end."""
    parts: list[_Part] = []
    asked = limit + 1
    rows = await db.fetch(_PLACES, place.position, asked)
    for row in rows:
        position, after, last = row["position"], row["after"], row["last"]
        if position == place.position:
            after = max(after, place.number)
        if after >= last:
            continue
        if row["is_test"] == is_test:
            last = min(last, after + limit)
            parts.append(_Part(tenant_id=row["tenant_id"], after=after, last=last))
            limit -= last - after
        place = _Cursor(position, last)
        if limit == 0:
            return parts, place, False
    return parts, place, len(rows) < asked


async def _read(db: Db, parts: Sequence[_Part]) -> list[Any]:
    if not parts:
        return []
    rows = await db.fetch(
        _EVENTS,
        [part.tenant_id for part in parts],
        [part.after for part in parts],
        [part.last for part in parts],
    )
    if len(rows) != sum(part.last - part.after for part in parts):
        raise EventsRemoved
    return rows
