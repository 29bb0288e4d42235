"""Health of the process, for whoever starts and watches it."""

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from service.metrics.heartbeats import oldest_beat
from service.runtime import Runtime

_LONGEST_SILENCE_SECONDS = 120


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What works.

    Redis is not needed for pushes; `unchecked_nonces` counts those that were taken while it was away.
    """

    database: bool
    migrations: bool
    role: bool
    redis: bool
    draining: bool
    unchecked_nonces: int


def liveness() -> tuple[int, bytes]:
    """Status and body: 503 when a loop of the worker has stood still so long that only a restart helps."""
    silent = oldest_beat()
    if silent is not None and silent > _LONGEST_SILENCE_SECONDS:
        return 503, b'{"status":"stuck"}'
    return 200, b'{"status":"live"}'


async def readiness(runtime: Runtime) -> tuple[int, bytes]:
    """Status and body: 503 while the database is away or not fit, and while the process leaves."""
    leaving = runtime.draining
    # Balancers must hear of it at once, however long the database keeps everybody waiting.
    found = runtime.health.last_found if leaving.is_under_way else await runtime.health.look()
    draining = leaving.is_under_way
    is_ready = found.database and found.migrations and found.role and not draining
    told = Readiness(**msgspec.structs.asdict(found), draining=draining, unchecked_nonces=runtime.nonces.gaps)
    return (200 if is_ready else 503), msgspec.json.encode(told)


@get("/health/live", opt={"caller": "anyone"}, tags=["health"], sync_to_thread=False)
def read_liveness() -> Response[bytes]:
    """Say that the process runs, and the worker within it."""
    return _respond(*liveness())


@get("/health/ready", opt={"caller": "anyone"}, tags=["health"])
async def read_readiness(state: State) -> Response[bytes]:
    """Say whether requests can be served: 503 while the database is not fit, or the process leaves."""
    return _respond(*await readiness(state.runtime))


def _respond(status: int, body: bytes) -> Response[bytes]:
    return Response(body, status_code=status, media_type="application/json")
