"""Reading the audit: acts from our API and pushes of the marketplace in one list, newest first."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from tenancy.database import system_scope, tenant_of, tenant_scope
from tenancy.events import Author, author_of, decode
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to what, when and from where; `counts` tells its changes by action.

    A push is `push.applied` on the interface that was called, its change set holds before and after.
    """

    id: UUID
    tenant_id: UUID | None
    at: datetime
    by: Author
    address: str | None
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    counts: dict[str, int]


_ACTS = """
SELECT id, tenant_id, at, actor AS by, address, action, subject, before, after, counts FROM audit
"""

_PUSHES = """
SELECT id, tenant_id, received_at AS at, 'push:' || id AS by, address, 'push.applied' AS action,
       interface AS subject, NULL::jsonb AS before, NULL::jsonb AS after, counts
FROM push
"""

# A page from each of the two, then the page of both: so each comes straight from its index.
_LIST = f"""
SELECT * FROM (
    ({_ACTS}
     WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3::uuid))
       AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR $5 <> 'push')
     ORDER BY at DESC, id DESC LIMIT $6)
    UNION ALL
    ({_PUSHES}
     WHERE ($1::uuid IS NULL OR tenant_id = $1)
       AND ($2::timestamptz IS NULL OR (received_at, id) < ($2, $3::uuid))
       AND ($4::text IS NULL OR $4 = 'push.applied') AND ($5::text IS NULL OR $5 = 'push')
       AND verdict = 'applied'
     ORDER BY received_at DESC, id DESC LIMIT $6)
) AS entries
ORDER BY at DESC, id DESC LIMIT $6
"""


async def list_audit(
    tenant_id: UUID | None,
    *,
    action: str | None,
    source: Literal["push", "api"] | None,
    cursor: str | None,
    limit: int,
) -> Page[AuditEntry]:
    """List who did what, in one tenant or in all and in what belongs to none, newest first.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    at, last = decode_cursor(cursor, tuple[datetime, UUID]) or (None, None)
    async with system_scope() if tenant_id is None else tenant_scope(tenant_id) as db:
        if tenant_id is not None:
            await demand_tenant(db, tenant_id)
        rows = await db.fetch(_LIST, tenant_id, at, last, action, source, limit + 1)
    return page_of([_entry(row) for row in rows], limit, key=lambda entry: (entry.at, entry.id))


def _entry(row: Any) -> AuditEntry:
    shown = dict(row) | {name: decode(row[name]) for name in ("before", "after", "counts")}
    shown["tenant_id"] = tenant_of(row["tenant_id"])
    return msgspec.convert(shown | {"by": author_of(row["by"])}, AuditEntry)
