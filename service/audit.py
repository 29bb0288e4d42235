"""The audit over HTTP: who did what."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Router, get
from litestar.params import FromPath, QueryParameter

from service.callers import demand_token
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from tenancy.audit_pages import AuditEntry, list_audit
from tenancy.event_pages import EventRecord, list_changes
from tenancy.paging import Page

AuditedTenant = Annotated[UUID | None, QueryParameter(description="One tenant only.")]
AuditSource = Annotated[
    Literal["push", "api"] | None,
    QueryParameter(description="The marketplace's pushes only, or all but these."),
]
Action = Annotated[str | None, QueryParameter(max_length=255, description="Such as `grant.added`.")]


@get("/v1/audit", opt={"tenant": "query"})
async def show_audit(
    tenant: AuditedTenant = None,
    source: AuditSource = None,
    action: Action = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AuditEntry]:
    """List who did what, newest first; a tenant's token has to name its tenant."""
    return await list_audit(tenant, action=action, source=source, cursor=cursor, limit=limit)


@get("/v1/tenants/{tenant_id:uuid}/audit/{entry:uuid}/changes")
async def show_entry_changes(
    tenant_id: FromPath[UUID], entry: FromPath[UUID], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[EventRecord]:
    """List what an entry changed, who gained and lost which app included."""
    return await list_changes(tenant_id, entry, cursor=cursor, limit=limit)


router = Router(
    "/",
    route_handlers=[show_audit, show_entry_changes],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["audit"],
)
