"""A reverse proxy on loopback that hides nothing: what a server does wrong, its clients see.

It keeps connections to its servers, asks each one's readiness all the time, and gives requests in turn to
those that are ready. It never sends a request a second time.
"""

import asyncio
import contextlib

from tests.faults.processes import eventually
from tests.rolling.wire import Message, read_message

_PAUSE = 0.1
_PATIENCE = 30


class Backend:
    """One server: whether it says that it is ready, the connections that are kept to it, its answers."""

    def __init__(self, port):
        self.port = port
        self.is_ready = False
        self.answers = 0
        self.closing_answers = 0
        self._kept = []

    async def watch(self):
        """Ask for its readiness, until cancelled; each time on a connection of its own, as a kubelet does."""
        question = b"GET /health/ready HTTP/1.1\r\nHost: tenon.test\r\nConnection: close\r\n\r\n"
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    _, writer, answer = await self._exchange(await self._connect(), question)
                writer.close()
                self.is_ready = answer.status == 200
            except (OSError, EOFError, TimeoutError):
                self.is_ready = False
            await asyncio.sleep(_PAUSE)

    async def until_ready(self):
        """Wait until it has said that it is ready."""

        async def is_ready():
            return self.is_ready

        await eventually(is_ready, f"the server at {self.port} is ready")

    async def ask(self, data):
        """Send a request once.

        Raises:
            OSError, EOFError: the server ended the connection without an answer.
            TimeoutError: there was none in time.
        """
        async with asyncio.timeout(_PATIENCE):
            kept = self._take()
            reader, writer, answer = await self._exchange(kept or await self._connect(), data)
        self.answers += 1
        self.closing_answers += answer.is_last
        if answer.is_last:
            writer.close()
        else:
            self._kept.append((reader, writer))
        return answer

    def close(self):
        for _, writer in self._kept:
            writer.close()

    async def _connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def _exchange(self, connection, data):
        reader, writer = connection
        try:
            writer.write(data)
            return reader, writer, await read_message(reader)
        except BaseException:
            writer.transport.abort()
            raise

    def _take(self):
        """The connection used last; those that the server has ended in the meantime are let go."""
        while self._kept:
            reader, writer = self._kept.pop()
            if not (reader.at_eof() or writer.is_closing() or reader.exception()):
                return reader, writer
            writer.close()
        return None


class Proxy:
    """Where it listens, its servers, and what went wrong between it and them."""

    def __init__(self, ports):
        self.port = 0
        self.backends = [Backend(port) for port in ports]
        self.faults = []
        self._turn = 0
        self._clients = set()

    async def serve_client(self, reader, writer):
        """Answer the requests of one connection, one after another."""
        self._clients.add(writer)
        try:
            while True:
                answer = await self._forward(await read_message(reader))
                writer.write(answer.encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self._clients.discard(writer)
            writer.close()

    async def _forward(self, request):
        ready = [backend for backend in self.backends if backend.is_ready]
        if not ready:
            return self._fail(b"503 No Server Is Ready", "none is ready")
        self._turn += 1
        backend = ready[self._turn % len(ready)]
        try:
            return await backend.ask(request.encode())
        except TimeoutError:
            return self._fail(b"504 Not In Time", f"{backend.port}: {_PATIENCE} s")
        except (OSError, EOFError) as error:
            return self._fail(b"502 Cut Off", f"{backend.port}: {error!r}")

    def _fail(self, status, why):
        self.faults.append(why)
        return Message(b"HTTP/1.1 " + status, {b"content-length": b"0"}, b"")

    def close(self):
        for writer in self._clients:
            writer.transport.abort()
        for backend in self.backends:
            backend.close()


@contextlib.asynccontextmanager
async def proxying(*ports):
    """A proxy before the servers at these ports, all of them ready."""
    proxy = Proxy(ports)
    listener = await asyncio.start_server(proxy.serve_client, "127.0.0.1", 0, backlog=1024)
    proxy.port = listener.sockets[0].getsockname()[1]
    watches = [asyncio.create_task(backend.watch()) for backend in proxy.backends]
    try:
        for backend in proxy.backends:
            await backend.until_ready()
        yield proxy
    finally:
        listener.close()
        proxy.close()
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        await listener.wait_closed()
