"""Reading events: the change set of a push or an act, and the log of a tenant."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import NO_TENANT, Db, tenant_scope
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


_OF_CAUSE = """
SELECT e.number, e.type, c.at, e.subject, e.data, e.previous, c.by
FROM change_set c
JOIN event e ON e.tenant_id = $1 AND e.number BETWEEN greatest(c.number, $3::bigint + 1) AND c.last
WHERE c.tenant_id = $1 AND c.cause_id = $2
ORDER BY e.number LIMIT $4
"""


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
