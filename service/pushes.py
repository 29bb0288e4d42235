"""Signed calls about no single tenant over HTTP: purchases, and calls that were refused early."""

from typing import Any
from uuid import UUID

from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from service.callers import act_of, demand_token
from service.koogallery.retrying import retry_push
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.push_filters import choose_pushes
from tenancy.event_pages import EventRecord, list_changes
from tenancy.paging import Page
from tenancy.push_pages import PushDetail, PushFilter, PushRecord, list_pushes, read_push
from tenancy.push_retries import Retry


@get("/", dependencies={"which": Provide(choose_pushes, sync_to_thread=False)})
async def show_base_pushes(
    which: NamedDependency[PushFilter], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[PushRecord]:
    """List signed calls about purchases, and refused ones about unknown tenants, newest first."""
    return await list_pushes(None, which=which, cursor=cursor, limit=limit)


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


@post("/{push:uuid}/retry", status_code=200)
async def retry_base_push(push: FromPath[UUID], request: Request[Any, Any, State]) -> Retry:
    """Carry out again what failed by a fault of ours, unless a later call about the purchase has come."""
    return await retry_push(None, push, runtime=request.app.state.runtime, act=act_of(request))


router = Router(
    "/v1/pushes",
    route_handlers=[show_base_pushes, show_base_push, show_base_changes, retry_base_push],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["pushes"],
)
