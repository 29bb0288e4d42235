"""A server of the simulator's own inside a running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from service.simulator.asgi import Application

_CLOSING_SECONDS = 1


class CannotListen(Exception):
    """Nobody can listen at that address; the message names it and says why."""


class _Server(uvicorn.Server):
    """Tells when it serves, and leaves signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextlib.contextmanager
def listen(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """Open a listening socket, with its address as a URL; port 0 is any free one. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CannotListen(f"cannot listen at {host}:{port}: {error.strerror}") from error
    with listener:
        bound = listener.getsockname()[1]
        # An address that means all of a machine's own is reached by this machine's loopback.
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        yield listener, f"http://[{name}]:{bound}" if ":" in name else f"http://{name}:{bound}"


@contextlib.asynccontextmanager
async def serve(application: Application, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application while the context is open."""
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_CLOSING_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    # A server that failed to start is ready to fail here.
    serving.add_done_callback(lambda _: server.ready.set())
    try:
        await server.ready.wait()
        yield
    finally:
        server.should_exit = True
        await serving
