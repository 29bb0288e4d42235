"""Reading events: the change set of a push or an act, and the log of a tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from tenancy.database import NO_TENANT, Db, tenant_scope
from tenancy.errors import Gone, Invalid, TenantUnknown
from tenancy.events import Author, author_of, decode
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the log shows it; `/v1/event-types` says of which shape `data` and `previous` are."""

    number: int
    type: str
    at: datetime
    subject: str
    data: dict[str, Any] | None
    previous: dict[str, Any] | None
    cause: Author


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events after a number, oldest first; ask after `next` for those that follow. `last` is the newest."""

    items: list[EventRecord]
    next: int
    last: int


class EventsRemoved(Gone):
    """Events that old are not kept any more, so take a fresh snapshot and go on after its number."""


class EventsAhead(Invalid):
    """There are no events of that number yet, so it comes from another log."""


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """A page as the bytes of its JSON; `found` is how many events it has."""

    body: bytes
    found: int


class EncodedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An `EventRecord` whose objects are left as the database wrote them; some pages show the tenant too."""

    number: int
    type: str
    at: datetime
    subject: str
    data: msgspec.Raw
    previous: msgspec.Raw
    cause: Author | None
    tenant_id: UUID | msgspec.UnsetType | None = msgspec.UNSET


class _EncodedPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[EncodedRecord]
    next: int
    last: int


# What records are made of: an event `e` and its change set `c`.
EVENT_COLUMNS: Final = "e.number, e.type, c.at, e.subject, e.data, e.previous, c.by"

_OF_CAUSE = f"""
SELECT {EVENT_COLUMNS}
FROM change_set c
JOIN event e ON e.tenant_id = $1 AND e.number BETWEEN greatest(c.number, $3::bigint + 1) AND c.last
WHERE c.tenant_id = $1 AND c.cause_id = $2
ORDER BY e.number LIMIT $4
"""

_LAST = """
SELECT t.source_time IS NOT NULL AS described, coalesce(c.last, 0) AS last
FROM tenant t LEFT JOIN event_counter c ON c.tenant_id = t.id
WHERE t.id = $1
"""

_AFTER = f"""
SELECT {EVENT_COLUMNS}
FROM (SELECT * FROM event WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT $3) AS e
JOIN change_set c ON c.tenant_id = $1 AND c.number = e.change_set
ORDER BY e.number
"""

_NULL = msgspec.Raw(b"null")


async def read_events(tenant_id: UUID, *, after: int, limit: int) -> Encoded:
    """Read the events of a tenant after a number, as the JSON of an `EventPage`.

    Raises:
        TenantUnknown: there is no such tenant.
        EventsRemoved: the next event is not kept any more.
        EventsAhead: `after` is beyond the newest event.
    """
    async with tenant_scope(tenant_id) as db:
        row = await db.fetchrow(_LAST, tenant_id)
        if row is None or not row["described"]:
            raise TenantUnknown
        if after > row["last"]:
            raise EventsAhead(f"The newest has the number {row['last']}.")
        # Nobody who waits costs more than this.
        rows = await db.fetch(_AFTER, tenant_id, after, limit) if after < row["last"] else []
    if after < row["last"] and (not rows or rows[0]["number"] != after + 1):
        raise EventsRemoved
    newest = rows[-1]["number"] if rows else after
    page = _EncodedPage(items=encode_records(rows), next=newest, last=max(newest, row["last"]))
    return Encoded(body=msgspec.json.encode(page), found=len(rows))


def encode_records(rows: Sequence[Any]) -> list[EncodedRecord]:
    """Events from their rows; the objects are neither decoded nor encoded again."""
    causes = {by: author_of(by) for by in {row["by"] for row in rows}}
    return [
        EncodedRecord(
            number=row["number"],
            type=row["type"],
            at=row["at"],
            subject=row["subject"],
            data=_raw(row["data"]),
            previous=_raw(row["previous"]),
            cause=causes[row["by"]],
            tenant_id=row.get("tenant_id", msgspec.UNSET),
        )
        for row in rows
    ]


def _raw(value: str | None) -> msgspec.Raw:
    return _NULL if value is None else msgspec.Raw(value)


async def list_changes(
    tenant_id: UUID | None, cause_id: UUID, *, cursor: str | None, limit: int
) -> Page[EventRecord]:
    """List what a push or an act has changed, in the order of the log."""
    after = decode_cursor(cursor, int) or 0
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        if tenant_id is not None:
            await demand_tenant(db, tenant_id)
        return await list_change_set(db, tenant_id or NO_TENANT, cause_id, after=after, limit=limit)


async def list_change_set(
    db: Db, tenant_id: UUID, cause_id: UUID, *, after: int, limit: int
) -> Page[EventRecord]:
    """The events of one cause after an event of it, in the caller's scope."""
    rows = await db.fetch(_OF_CAUSE, tenant_id, cause_id, after, limit + 1)
    return page_of([_record(row) for row in rows], limit, key=lambda event: event.number)


def _record(row: Any) -> EventRecord:
    cause = author_of(row["by"])
    assert cause is not None
    return EventRecord(
        number=row["number"],
        type=row["type"],
        at=row["at"],
        subject=row["subject"],
        data=decode(row["data"]),
        previous=decode(row["previous"]),
        cause=cause,
    )
