"""The snapshot of a tenant over HTTP: written to a file first, so that a slow reader holds no transaction."""

from typing import Any
from uuid import UUID

from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from litestar.response import Stream

from service.callers import demand_token
from service.runtime import Runtime
from tenancy.snapshots import write_snapshot

_LINES = "application/x-ndjson"


@get(
    "/v1/tenants/{tenant_id:uuid}/snapshot",
    responses={
        200: ResponseSpec(
            str,
            media_type=_LINES,
            generate_examples=False,
            description="One JSON object a line: first `as_of`, then each object with its `kind`. The length"
            " is told, so that an answer that was cut off can be recognised.",
        )
    },
)
async def show_snapshot(tenant_id: FromPath[UUID], request: Request[Any, Any, State]) -> Stream:
    """Show everything that the tenant's events add up to, as of the event number in the first line."""
    runtime: Runtime = request.app.state.runtime
    spool = runtime.spools.open()
    try:
        await write_snapshot(tenant_id, spool)
    except BaseException:
        spool.close()
        raise
    return Stream(spool.read(), media_type=_LINES, headers={"Content-Length": str(spool.size)})


router = Router(
    "/",
    route_handlers=[show_snapshot],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["events"],
)
