"""What an administrator does about a signed call of one tenant over HTTP."""

from typing import Any
from uuid import UUID

from litestar import Request, Router, post
from litestar.datastructures import State
from litestar.params import FromPath

from service.callers import act_of, demand_token
from service.koogallery.retrying import retry_push
from tenancy.push_retries import Retry
from tenancy.undo import Undo, undo_push


@post("/{push:uuid}/undo", status_code=200)
async def undo(tenant_id: FromPath[UUID], push: FromPath[UUID], request: Request[Any, Any, State]) -> Undo:
    """Bring back what a call has removed or changed, as far as nothing later contradicts it.

    What was left alone is named with the reason. Doing it again finds nothing to do.
    """
    return await undo_push(tenant_id, push, act=act_of(request))


@post("/{push:uuid}/retry", status_code=200)
async def retry(tenant_id: FromPath[UUID], push: FromPath[UUID], request: Request[Any, Any, State]) -> Retry:
    """Carry out again a call that failed by a fault of ours; what newer calls have said stands."""
    return await retry_push(tenant_id, push, runtime=request.app.state.runtime, act=act_of(request))


router = Router(
    "/v1/tenants/{tenant_id:uuid}/pushes",
    route_handlers=[undo, retry],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["pushes"],
)
