"""The second listener: metrics and health inside a cluster, where the public address does not lead."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from service.health import liveness, readiness
from service.metrics.exposition import CONTENT_TYPE, expose
from service.runtime import Runtime
from tenancy.errors import Unavailable

_JSON = "application/json"


class ListenerUnavailable(Unavailable):
    """The address of metrics and health cannot be listened on."""


class Watched:
    """Answers `/metrics`, `/health/live` and `/health/ready`; anything else is not there."""

    def __init__(self, runtime: Runtime) -> None:
        """Answer for this process."""
        self._runtime = runtime

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == ScopeType.HTTP
        is_read = scope["method"] in {"GET", "HEAD"}
        status, content_type, body = await self._answer(scope["path"]) if is_read else (405, _JSON, b"{}")
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        match path:
            case "/metrics":
                return 200, CONTENT_TYPE, await expose(self._runtime.metrics)
            case "/health/live":
                status, body = liveness()
            case "/health/ready":
                status, body = await readiness(self._runtime)
            case _:
                status, body = 404, b"{}"
        return status, _JSON, body


@contextlib.asynccontextmanager
async def open_listener(runtime: Runtime) -> AsyncIterator[None]:
    """Answer at the address of the settings until the block is left; without one do nothing.

    Signals are none of its business: it goes when what it tells of goes.

    Raises:
        ListenerUnavailable: the address is taken, or is none of this machine's.
    """
    if runtime.settings.metrics_bind is None:
        yield
        return
    host, port = runtime.settings.metrics_bind
    config = uvicorn.Config(
        Watched(runtime),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    listening = _listen(host, port)
    await server.startup(sockets=[listening])
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield
    finally:
        server.should_exit = True
        await ticking
        await server.shutdown(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ListenerUnavailable(
            f"Listening on {host}:{port} failed: {error.strerror}. Give TENON_METRICS_BIND a free address."
        ) from error
