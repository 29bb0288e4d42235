"""Sessions over HTTP: who is signed in, ending that, and the receipts of back-channel logout."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter

from service.callers import act_of, demand_token
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.runtime import Runtime
from sso.logout_pages import LogoutRecord, list_logouts
from sso.session_pages import SessionRecord, end_one_session, end_sessions_of, list_sessions
from tenancy.paging import Page

OfMember = Annotated[str | None, QueryParameter(description="One member only.", max_length=255)]
EveryOneOf = Annotated[str, QueryParameter(description="Of which member.", max_length=255)]
OfSession = Annotated[UUID | None, QueryParameter(description="One session only.")]
OfClient = Annotated[str | None, QueryParameter(description="One client only.", max_length=255)]
Pending = Annotated[
    bool | None, QueryParameter(description="Those that another attempt follows, or all others.")
]


@get("/sessions")
async def show_sessions(
    tenant_id: FromPath[UUID],
    state: State,
    user_name: OfMember = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[SessionRecord]:
    """List who is signed in, oldest first; a page may be shorter than `limit` although more follow."""
    runtime: Runtime = state.runtime
    return await list_sessions(
        runtime.sessions, tenant_id, user_name=user_name, cursor=cursor, limit=limit, now=runtime.clock()
    )


@delete("/sessions")
async def drop_sessions(
    tenant_id: FromPath[UUID], user_name: EveryOneOf, request: Request[Any, Any, State], state: State
) -> None:
    """Sign a member out everywhere."""
    runtime: Runtime = state.runtime
    await end_sessions_of(runtime.sessions, tenant_id, user_name, act=act_of(request))


@delete("/sessions/{session:uuid}")
async def drop_session(
    tenant_id: FromPath[UUID], session: FromPath[UUID], request: Request[Any, Any, State], state: State
) -> None:
    """Sign somebody out; the clients of the session are told."""
    runtime: Runtime = state.runtime
    await end_one_session(runtime.sessions, tenant_id, session, act=act_of(request))


@get("/logouts")
async def show_logouts(
    tenant_id: FromPath[UUID],
    session: OfSession = None,
    client: OfClient = None,
    pending: Pending = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[LogoutRecord]:
    """List which clients were to be told of which session's end and what came of it, newest first."""
    return await list_logouts(
        tenant_id, session_id=session, client_id=client, is_pending=pending, cursor=cursor, limit=limit
    )


router = Router(
    "/v1/tenants/{tenant_id:uuid}",
    route_handlers=[show_sessions, drop_sessions, drop_session, show_logouts],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["sessions"],
)
