"""Health of the process, for whoever starts and watches it."""

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from service.runtime import Runtime
from tenancy.database import system_scope
from tenancy.errors import Unavailable


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What works; `unchecked_nonces` counts pushes taken while Redis was away."""

    database: bool
    unchecked_nonces: int


@get("/health/live", opt={"caller": "anyone"}, tags=["health"], sync_to_thread=False)
def read_liveness() -> dict[str, str]:
    """Say that the process runs."""
    return {"status": "live"}


@get("/health/ready", opt={"caller": "anyone"}, tags=["health"])
async def read_readiness(state: State) -> Response[Health]:
    """Say whether requests can be served: 200, or 503 while the database is away."""
    runtime: Runtime = state.runtime
    try:
        async with system_scope() as db:
            await db.execute("SELECT 1")
        reachable = True
    except Unavailable:
        reachable = False
    health = Health(database=reachable, unchecked_nonces=runtime.nonces.gaps)
    return Response(health, status_code=200 if reachable else 503)
