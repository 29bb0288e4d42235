"""Reading the history of signed calls; no tenant means the calls about purchases."""

from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

import msgspec

from tenancy.database import NO_TENANT, Db, tenant_scope
from tenancy.errors import PushUnknown
from tenancy.event_pages import EventRecord, list_change_set
from tenancy.events import decode
from tenancy.held_rows import Review, find_review
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant

Verdict = Literal["applied", "unchanged", "stale", "held", "refused", "failed"]


class PushFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which pushes are wanted: received at `since` or later and before `until`."""

    verdict: Verdict | None = None
    interface: str | None = None
    instance_id: str | None = None
    product: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY_PUSH: Final = PushFilter()


class PushRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A push as the history shows it; `duration_ms` ends before the commit.

    `has_body` tells whether what came in it is still kept; `retry_of` is the failed push that it repeats.
    """

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
    has_body: bool
    retry_of: UUID | None


class PushDetail(PushRecord, frozen=True, kw_only=True):
    """A push with the first events of its change set; `changes.next` leads to the others.

    `review` tells of a full list that was held.
    """

    changes: Page[EventRecord]
    review: Review | None


# What `show_push` makes a record of.
PUSH_COLUMNS: Final = ", ".join(
    "body IS NOT NULL AS has_body" if name == "has_body" else name for name in PushRecord.__struct_fields__
)
_FIRST_CHANGES = 100

# Written out, so that the planner can tell that a partial index holds what is asked for.
_HAS_VERDICT: Final = {verdict: f"verdict = '{verdict}'" for verdict in get_args(Verdict)}
_BELONGS_TO_NONE: Final = f"tenant_id = '{NO_TENANT}'"


async def list_pushes(
    tenant_id: UUID | None, *, which: PushFilter = EVERY_PUSH, cursor: str | None, limit: int
) -> Page[PushRecord]:
    """List the pushes of a tenant, or those about no single tenant, newest first."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    wanted, values = _conditions(tenant_id, which, after)
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        await _demand(db, tenant_id)
        # Each index of pushes is in the order of the list, so that a page ends the search; a plan that sorts
        # would read the whole history first.
        await db.execute("SET LOCAL enable_sort = off")
        rows = await db.fetch(
            f"SELECT {PUSH_COLUMNS} FROM push WHERE {wanted}"
            f" ORDER BY received_at DESC, id DESC LIMIT {limit + 1:d}",
            *values,
        )
    return page_of([show_push(row) for row in rows], limit, key=lambda push: (push.received_at, push.id))


def _conditions(
    tenant_id: UUID | None, which: PushFilter, after: tuple[datetime, UUID] | None
) -> tuple[str, list[Any]]:
    """SQL and its values with nothing in it that was not asked for, so that each question finds its index.

    What a tenant's own calls are asked for besides their verdict is looked for from the newest on: retention
    bounds that history, and another index would burden every push.
    """
    asked: list[tuple[str, Any]] = [
        ("tenant_id = {}", tenant_id),
        ("interface = {}", which.interface),
        ("instance_id = {}", which.instance_id),
        ("product = {}", which.product),
        ("received_at >= {}", which.since),
        ("received_at < {}", which.until),
    ]
    values = [value for _, value in asked if value is not None]
    told = [sql for sql, value in asked if value is not None]
    clauses = [sql.format(f"${number}") for number, sql in enumerate(told, 1)]
    if tenant_id is None:
        clauses.append(_BELONGS_TO_NONE)
    if which.verdict is not None:
        clauses.append(_HAS_VERDICT[which.verdict])
    if after is not None:
        clauses.append(f"(received_at, id) < (${len(values) + 1}, ${len(values) + 2})")
        values += after
    return " AND ".join(clauses), values


async def read_push(tenant_id: UUID | None, push_id: UUID) -> PushDetail:
    """Read one push with the first events of its change set.

    Raises:
        PushUnknown: there is no such push.
    """
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        await _demand(db, tenant_id)
        row = await db.fetchrow(
            f"SELECT {PUSH_COLUMNS} FROM push WHERE tenant_id = $1 AND id = $2",
            tenant_id or NO_TENANT,
            push_id,
        )
        if row is None:
            raise PushUnknown
        changes = await list_change_set(db, tenant_id or NO_TENANT, push_id, after=0, limit=_FIRST_CHANGES)
        review = await find_review(db, tenant_id or NO_TENANT, push_id)
    push = show_push(row)
    return PushDetail(
        changes=changes, review=review, **{name: getattr(push, name) for name in PushRecord.__struct_fields__}
    )


async def _demand(db: Db, tenant_id: UUID | None) -> None:
    if tenant_id is not None:
        await demand_tenant(db, tenant_id)


def show_push(row: Any) -> PushRecord:
    """A row of `PUSH_COLUMNS` as the history shows it."""
    shown = {name: row[name] for name in PushRecord.__struct_fields__}
    return msgspec.convert({**shown, "counts": decode(row["counts"])}, PushRecord)
