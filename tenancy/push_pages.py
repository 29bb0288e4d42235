"""Reading the history of signed calls; no tenant means the calls about purchases."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import NO_TENANT, Db, tenant_scope
from tenancy.errors import PushUnknown
from tenancy.event_pages import EventRecord, list_change_set
from tenancy.events import decode
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant


class PushRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A push as the history shows it; `duration_ms` ends before the commit."""

    id: UUID
    product: str
    edition: str
    interface: str
    flag: int | None
    is_test: bool
    instance_id: str | None
    signed_as: str
    address: str | None
    source_time: datetime | None
    received_at: datetime
    size: int
    verdict: str
    result_code: str
    result_message: str
    counts: dict[str, int]
    duration_ms: int


class PushDetail(PushRecord, frozen=True, kw_only=True):
    """A push with the first events of its change set; `changes.next` leads to the others."""

    changes: Page[EventRecord]


_COLUMNS = ", ".join(PushRecord.__struct_fields__)
_FIRST_CHANGES = 100


async def list_pushes(tenant_id: UUID | None, *, cursor: str | None, limit: int) -> Page[PushRecord]:
    """List the pushes of a tenant, or those about no single tenant, newest first."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        await _demand(db, tenant_id)
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM push WHERE tenant_id = $1"
            " AND ($2::timestamptz IS NULL OR (received_at, id) < ($2, $3))"
            " ORDER BY received_at DESC, id DESC LIMIT $4",
            tenant_id or NO_TENANT,
            after[0] if after else None,
            after[1] if after else None,
            limit + 1,
        )
    pushes = [msgspec.convert(_shown(row), PushRecord) for row in rows]
    return page_of(pushes, limit, key=lambda push: (push.received_at, push.id))


async def read_push(tenant_id: UUID | None, push_id: UUID) -> PushDetail:
    """Read one push with the first events of its change set.

    Raises:
        PushUnknown: there is no such push.
    """
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        await _demand(db, tenant_id)
        row = await db.fetchrow(
            f"SELECT {_COLUMNS} FROM push WHERE tenant_id = $1 AND id = $2", tenant_id or NO_TENANT, push_id
        )
        if row is None:
            raise PushUnknown
        changes = await list_change_set(db, tenant_id or NO_TENANT, push_id, after=0, limit=_FIRST_CHANGES)
    push = msgspec.convert(_shown(row), PushRecord)
    return PushDetail(changes=changes, **{name: getattr(push, name) for name in PushRecord.__struct_fields__})


async def _demand(db: Db, tenant_id: UUID | None) -> None:
    if tenant_id is not None:
        await demand_tenant(db, tenant_id)


def _shown(row: Any) -> dict[str, Any]:
    return {**row, "counts": decode(row["counts"])}
