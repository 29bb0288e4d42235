"""Apps of a tenant over HTTP: started or stopped, granted to whom, and who may use them."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Router, delete, get, patch, put
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from service.callers import act_of, demand_token
from service.names import name_after, subject_of
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.runtime import Runtime
from tenancy.access import AccessRecord, check_access, list_access
from tenancy.app_switches import (
    AppRecord,
    AppSwitch,
    disable_app,
    enable_app,
    list_apps,
    read_app,
)
from tenancy.explanations import Access, explain_access
from tenancy.grants import Grant, grant_access, list_grants, read_grant, revoke_access
from tenancy.paging import Page

GrantSource = Annotated[
    Literal["local", "marketplace"] | None, QueryParameter(description="One of the two sources only.")
]

# Where the last name begins: /v1/tenants/{}/apps/{}/access/.
_USER_NAME = 6


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether an app is to be started."""

    enabled: bool


class Allowed(msgspec.Struct, frozen=True):
    """The short answer."""

    allowed: bool


@get("/")
async def show_apps(
    tenant_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[AppRecord]:
    """List apps, one entry per binding."""
    return await list_apps(tenant_id, cursor=cursor, limit=limit)


@get("/{app:str}")
async def show_app(tenant_id: FromPath[UUID], app: FromPath[str]) -> AppSwitch:
    """Show whether an app is started, and if not, since when and by whom it is stopped."""
    return await read_app(tenant_id, app)


@patch("/{app:str}")
async def switch_app(
    tenant_id: FromPath[UUID],
    app: FromPath[str],
    data: JSONBody[Switch],
    request: Request[Any, Any, State],
) -> AppSwitch:
    """Start or stop an app; stopping keeps all grants, so that starting brings the same people back."""
    switch = enable_app if data.enabled else disable_app
    return await switch(tenant_id, app, act=act_of(request))


@get("/{app:str}/grants")
async def show_grants(
    tenant_id: FromPath[UUID],
    app: FromPath[str],
    source: GrantSource = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[Grant]:
    """List to whom an app is granted, here (`local`) and by the marketplace."""
    return await list_grants(tenant_id, app, source=source, cursor=cursor, limit=limit)


@get("/{app:str}/grants/{subject_type:str}/{subject:path}")
async def show_grant(
    tenant_id: FromPath[UUID],
    app: FromPath[str],
    subject_type: FromPath[str],
    request: Request[Any, Any, State],
) -> Grant:
    """Show the grant to a subject: the local one, failing that the marketplace's."""
    return await read_grant(tenant_id, app, subject_of(request, subject_type))


@put("/{app:str}/grants/{subject_type:str}/{subject:path}")
async def grant(
    tenant_id: FromPath[UUID],
    app: FromPath[str],
    subject_type: FromPath[str],
    request: Request[Any, Any, State],
) -> Grant:
    """Let a department with all below it, a member, a group or everyone (`everyone/*`) use an app."""
    granted_to = subject_of(request, subject_type)
    return await grant_access(tenant_id, app, granted_to, act=act_of(request))


@delete("/{app:str}/grants/{subject_type:str}/{subject:path}")
async def revoke(
    tenant_id: FromPath[UUID],
    app: FromPath[str],
    subject_type: FromPath[str],
    request: Request[Any, Any, State],
) -> None:
    """Withdraw a local grant."""
    granted_to = subject_of(request, subject_type)
    await revoke_access(tenant_id, app, granted_to, act=act_of(request))


@get("/{app:str}/access")
async def show_everyone(
    tenant_id: FromPath[UUID],
    app: FromPath[str],
    state: State,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AccessRecord]:
    """List everyone who may use an app now."""
    runtime: Runtime = state.runtime
    return await list_access(tenant_id, app, now=runtime.clock(), cursor=cursor, limit=limit)


@get("/{app:str}/access/{user_name:path}")
async def show_access(
    tenant_id: FromPath[UUID],
    app: FromPath[str],
    request: Request[Any, Any, State],
    state: State,
    explain: FromQuery[bool] = True,
) -> Access | Allowed:
    """Say whether a member may use an app now, and why; with `explain=false` only whether, and faster."""
    runtime: Runtime = state.runtime
    name, now = name_after(request, _USER_NAME), runtime.clock()
    if explain:
        return await explain_access(tenant_id, app, name, now=now)
    return Allowed(await check_access(tenant_id, app, name, now=now))


router = Router(
    "/v1/tenants/{tenant_id:uuid}/apps",
    route_handlers=[
        show_apps,
        show_app,
        switch_app,
        show_grants,
        show_grant,
        grant,
        revoke,
        show_everyone,
        show_access,
    ],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["apps"],
)
