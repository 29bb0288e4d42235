"""Receipts of back-channel logout: which client was to be told of which session's end, and what it said."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.database import tenant_scope
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant


class LogoutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A client's part in a session that has ended.

    Attributes:
        reason: why it ended.
        attempts: to tell the client.
        acknowledged_at: when it said that it knows; None when it has not, or has no address to be told at.
        status: of its last answer.
        error: why the last attempt has failed.
        due_at: of the next attempt; None when there is none any more.
    """

    session_id: UUID
    client_id: str
    app_id: str
    user_name: str
    began_at: datetime
    ended_at: datetime
    reason: str
    attempts: int
    acknowledged_at: datetime | None
    status: int | None
    error: str | None
    due_at: datetime | None


_LIST = """
SELECT s.session_id, s.client_id, s.app_id, m.user_name, s.began_at, s.ended_at, s.reason, s.attempts,
       s.acknowledged_at, s.status, s.error, s.due_at
FROM client_session s JOIN member m ON m.tenant_id = $1 AND m.id = s.member_id
WHERE s.tenant_id = $1 AND s.ended_at IS NOT NULL
  AND ($2::timestamptz IS NULL OR (s.ended_at, s.session_id, s.client_id) < ($2, $3::uuid, $4::text))
  AND ($5::uuid IS NULL OR s.session_id = $5) AND ($6::text IS NULL OR s.client_id = $6)
  AND ($7::bool IS NULL OR (s.due_at IS NOT NULL) = $7)
ORDER BY s.ended_at DESC, s.session_id DESC, s.client_id DESC LIMIT $8
"""


async def list_logouts(
    tenant_id: UUID,
    *,
    session_id: UUID | None,
    client_id: str | None,
    is_pending: bool | None,
    cursor: str | None,
    limit: int,
) -> Page[LogoutRecord]:
    """List receipts, the newest end first; pending are those that another attempt follows.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    after = decode_cursor(cursor, tuple[datetime, UUID, str]) or (None, None, None)
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(_LIST, tenant_id, *after, session_id, client_id, is_pending, limit + 1)
    return page_of(
        [LogoutRecord(**row) for row in rows],
        limit,
        key=lambda record: (record.ended_at, record.session_id, record.client_id),
    )
