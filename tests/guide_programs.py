"""Programs out of the guides, run in processes of their own, and an application on a port for them."""

import asyncio
import contextlib
import os
import signal
import socket
import sys

import uvicorn

from tests.documents import fences, read

_PATIENCE_SECONDS = 20


def program(guide):
    [text] = fences(read(guide), "python")
    return text


@contextlib.asynccontextmanager
async def running(text, folder, **environment):
    """A program in a process of its own, killed without warning at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", text, cwd=folder, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def until(condition, process):
    """Look again and again whether it is so, as long as the program lives."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not condition():
            assert process.returncode is None
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def served(app, port=0):
    """The application on a port, any free one unless it is named; its address."""
    config = uvicorn.Config(
        app,
        port=port,
        log_config=None,
        log_level=None,
        lifespan="off",
        ws="none",
        # What still waits for a client that was killed ends with the server.
        timeout_graceful_shutdown=0,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await ticking
        await server.shutdown()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
