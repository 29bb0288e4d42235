"""Reading endpoints, how far they have been told, and the attempts to tell them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import NO_TENANT, Db, system_scope, tenant_of
from tenancy.endpoint_rows import COLUMNS, Endpoint, EndpointUnknown, endpoint_of
from tenancy.paging import Page, decode_cursor, page_of


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One try to tell an endpoint of an event of a tenant, or of none.

    Without `error` it was accepted; without `status` no answer came. `answer` is how the answer begins.
    """

    id: UUID
    tenant_id: UUID | None
    number: int
    at: datetime
    duration_ms: int
    status: int | None
    answer: str | None
    error: str | None


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How far an endpoint has been told of a tenant, or of what belongs to none.

    `lag` is how many events lie between it and the newest; it is tried from `due_at` on, null when there is
    nothing to tell, and being told now while `leased_until` is to come.
    """

    tenant_id: UUID | None
    position: int
    target: int
    lag: int
    due_at: datetime | None
    leased_until: datetime | None
    failures: int
    failing_since: datetime | None


async def read_endpoint(endpoint_id: UUID) -> Endpoint:
    """Read one endpoint.

    Raises:
        EndpointUnknown: there is no such endpoint.
    """
    async with system_scope() as db:
        row = await db.fetchrow(f"SELECT {COLUMNS} FROM endpoint WHERE id = $1", endpoint_id)
    if row is None:
        raise EndpointUnknown
    return endpoint_of(row)


async def list_endpoints(*, cursor: str | None, limit: int) -> Page[Endpoint]:
    """List endpoints in the order in which they were made."""
    at, last = decode_cursor(cursor, tuple[datetime, UUID]) or (None, None)
    async with system_scope() as db:
        rows = await db.fetch(
            f"SELECT {COLUMNS} FROM endpoint"
            " WHERE $1::timestamptz IS NULL OR (created_at, id) > ($1, $2::uuid)"
            " ORDER BY created_at, id LIMIT $3",
            at,
            last,
            limit + 1,
        )
    return page_of([endpoint_of(row) for row in rows], limit, key=lambda one: (one.created_at, one.id))


_ATTEMPTS = """
SELECT id, tenant_id, number, at, duration_ms, status, answer, error FROM attempt
WHERE endpoint_id = $1 AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3::uuid))
  AND ($4::uuid IS NULL OR tenant_id = $4) AND ($5::bool IS NULL OR (error IS NOT NULL) = $5)
ORDER BY at DESC, id DESC LIMIT $6
"""


async def list_attempts(
    endpoint_id: UUID, *, tenant_id: UUID | None, failed: bool | None, cursor: str | None, limit: int
) -> Page[AttemptRecord]:
    """List attempts, newest first; `failed` asks for those that were not accepted, or for all others.

    Raises:
        EndpointUnknown: there is no such endpoint.
    """
    at, last = decode_cursor(cursor, tuple[datetime, UUID]) or (None, None)
    async with system_scope() as db:
        await _demand(db, endpoint_id)
        rows = await db.fetch(_ATTEMPTS, endpoint_id, at, last, tenant_id, failed, limit + 1)
    attempts = [AttemptRecord(**_of_tenant(row)) for row in rows]
    return page_of(attempts, limit, key=lambda attempt: (attempt.at, attempt.id))


async def list_streams(endpoint_id: UUID, *, cursor: str | None, limit: int) -> Page[StreamRecord]:
    """List streams by tenant; what belongs to none comes first.

    Raises:
        EndpointUnknown: there is no such endpoint.
    """
    after = decode_cursor(cursor, UUID)
    async with system_scope() as db:
        await _demand(db, endpoint_id)
        rows = await db.fetch(
            "SELECT tenant_id, position, target, greatest(target - position, 0) AS lag, due_at, leased_until,"
            " failures, failing_since FROM stream"
            " WHERE endpoint_id = $1 AND ($2::uuid IS NULL OR tenant_id > $2) ORDER BY tenant_id LIMIT $3",
            endpoint_id,
            after,
            limit + 1,
        )
    streams = [StreamRecord(**_of_tenant(row)) for row in rows]
    return page_of(streams, limit, key=lambda stream: stream.tenant_id or NO_TENANT)


async def _demand(db: Db, endpoint_id: UUID) -> None:
    if not await db.fetchval("SELECT EXISTS (SELECT FROM endpoint WHERE id = $1)", endpoint_id):
        raise EndpointUnknown


def _of_tenant(row: Any) -> dict[str, Any]:
    return {**row, "tenant_id": tenant_of(row["tenant_id"])}
