"""What came in a push over HTTP: persons' data, for operators and a tenant's own administrators only."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, get
from litestar.datastructures import State
from litestar.params import FromPath

from service.callers import act_of, demand_token
from service.koogallery.kept import read_kept_call
from service.runtime import Runtime
from tenancy.push_bodies import read_body

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@get("/tenants/{tenant_id:uuid}/pushes/{push:uuid}/body", opt={"role": "operator"})
async def show_body(
    tenant_id: FromPath[UUID], push: FromPath[UUID], request: Request[Any, Any, State]
) -> Response[bytes]:
    """Show what came in a signed call, byte by byte, as long as it is kept; the audit notes who looked."""
    return await _show(tenant_id, push, request)


@get("/pushes/{push:uuid}/body", opt={"role": "operator"})
async def show_base_body(push: FromPath[UUID], request: Request[Any, Any, State]) -> Response[bytes]:
    """Show what came in a signed call about no single tenant; of a V1 call the query without its token."""
    return await _show(None, push, request)


async def _show(tenant_id: UUID | None, push: UUID, request: Request[Any, Any, State]) -> Response[bytes]:
    runtime: Runtime = request.app.state.runtime
    plain = await read_body(tenant_id, push, keyring=runtime.keyring, act=act_of(request))
    kept = read_kept_call(plain)
    media_type = "text/plain" if kept.is_query else "application/json"
    return Response(kept.raw, media_type=media_type, headers=_HEADERS)


router = Router(
    "/v1",
    route_handlers=[show_body, show_base_body],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["pushes"],
)
