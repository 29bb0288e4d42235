"""The real application with one more route, which only makes round trips: the limit of refresh and the like.

`python -m bench.bare_trips` serves it exactly as `tenon serve` does, from the same settings.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

import msgspec
import redis
from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.params import FromPath

import service.serve
from bench.calls import http_request
from bench.round_trips import Trips
from bench.servers import Server, free_port, running, wait_until_ready
from service.redis_clients import make_redis
from service.serve import make_app as make_real_app
from service.settings import read_settings
from tenancy.database import tenant_scope

_READ = "SELECT user_name, name FROM member WHERE tenant_id = $1 AND id = $2"
# The transaction gets an id and is flushed to disk with its COMMIT, as if it had changed a row.
_WRITE = "SELECT pg_logical_emit_message(true, 'bench', $1::text)"
# As many as the service reads of a session.
_FIELDS = ["session", "upstream", "until", "used", "family"]
_FAR = 10**12

BARE_ANSWER = b"{}"


@get("/bare/{tenant_id:uuid}/{member_id:uuid}/{reads:int}/{transactions:int}/{statements:int}/{writing:int}")
async def make_trips(
    state: State,
    tenant_id: FromPath[UUID],
    member_id: FromPath[UUID],
    reads: FromPath[int],
    transactions: FromPath[int],
    statements: FromPath[int],
    writing: FromPath[int],
) -> Response[bytes]:
    """Read a session's fields, and a member by its primary key, so many times."""
    for _ in range(reads):
        found = await state.bare_redis.hmget(_key(member_id), _FIELDS)
        assert found
    for number in range(transactions):
        async with tenant_scope(tenant_id) as db:
            # The first ones hold what does not go into equal parts.
            for _ in range(len(range(number, statements, transactions)) - (number < writing)):
                row = await db.fetchrow(_READ, tenant_id, member_id)
                assert row is not None
            if number < writing:
                await db.fetchrow(_WRITE, "a change")
    return Response(BARE_ANSWER, media_type="application/json")


def make_app() -> Litestar:
    """The application of one serving process, from its environment."""
    app = make_real_app()
    assert isinstance(app, Litestar)
    app.register(make_trips)
    settings = read_settings(os.environ)
    assert settings.redis_url is not None
    app.state.bare_redis = make_redis(settings.redis_url, seconds=0.25)
    return app


@contextmanager
def serving_trips(server: Server, changes: Mapping[str, str]) -> Iterator[Server]:
    """Serve with the route what another server serves, with some other settings."""
    port = free_port()
    environ = server.environ | {"TENON_BIND": f"127.0.0.1:{port}", **changes}
    command = [sys.executable, "-m", "bench.bare_trips"]
    with running(command, environ, server.folder / "trips.log") as process:
        wait_until_ready(process, port)
        yield msgspec.structs.replace(server, pid=process.pid, port=port, environ=environ)


def bare_requests(trips: Trips, count: int, tenant_id: UUID, member_id: UUID) -> list[bytes]:
    """So many requests that make these trips together, each about as many."""
    parts = zip(*(_split(number, count) for number in msgspec.structs.astuple(trips)), strict=True)
    return [
        http_request("GET", f"/bare/{tenant_id}/{member_id}/{'/'.join(map(str, part))}") for part in parts
    ]


def keep_bare_session(redis_url: str, member_id: UUID) -> None:
    """Keep what the route reads, about as large as a session with a family."""
    with redis.Redis.from_url(redis_url) as client:
        fields = {"session": b"s" * 150, "family": b"f" * 300, "until": _FAR, "used": 0}
        client.hset(_key(member_id), mapping=fields)


def _key(member_id: UUID) -> str:
    return f"bench:{member_id}"


def _split(number: int, count: int) -> list[int]:
    return [len(range(part, number, count)) for part in range(count)]


if __name__ == "__main__":
    # uvicorn finds its application under this name, and so keeps all other settings.
    service.serve.make_app = make_app
    service.serve.serve(read_settings(os.environ))
