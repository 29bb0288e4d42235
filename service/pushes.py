"""Signed calls about no single tenant over HTTP: purchases, and calls that were refused early."""

from uuid import UUID

from litestar import Router, get
from litestar.params import FromPath

from service.callers import demand_token
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from tenancy.event_pages import EventRecord, list_changes
from tenancy.paging import Page
from tenancy.push_pages import PushDetail, PushRecord, list_pushes, read_push


@get("/")
async def show_base_pushes(cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Page[PushRecord]:
    """List signed calls about purchases, and refused ones about unknown tenants, newest first."""
    return await list_pushes(None, cursor=cursor, limit=limit)


@get("/{push:uuid}")
async def show_base_push(push: FromPath[UUID]) -> PushDetail:
    """Show one of them with what it changed."""
    return await read_push(None, push)


@get("/{push:uuid}/changes")
async def show_base_changes(
    push: FromPath[UUID], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[EventRecord]:
    """List what one of them changed."""
    return await list_changes(None, push, cursor=cursor, limit=limit)


router = Router(
    "/v1/pushes",
    route_handlers=[show_base_pushes, show_base_push, show_base_changes],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["pushes"],
)
