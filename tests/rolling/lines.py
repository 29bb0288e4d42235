"""Single connections to a server, on which every byte is ours."""

import asyncio
import contextlib
import socket

from tests.faults.processes import TOKEN
from tests.rolling.wire import read_head, read_message, request

_PATIENCE = 30


class Line:
    """A connection that is kept until a side ends it."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    def ask(self, path):
        """Send a request of the API, with the operator's token."""
        self.writer.write(request("GET", path, f"Authorization: Bearer {TOKEN}"))

    def send(self, push):
        """Send a push."""
        self.writer.write(push.data)

    async def begin(self, push):
        """Send a push, its body once the server has taken the request up."""
        head, _, body = push.data.partition(b"\r\n\r\n")
        self.writer.write(head + b"\r\nExpect: 100-continue\r\n\r\n")
        start, _ = await asyncio.wait_for(read_head(self.reader), _PATIENCE)
        assert start.startswith(b"HTTP/1.1 100 "), start
        self.writer.write(body)

    async def answer(self):
        """The whole answer."""
        return await asyncio.wait_for(read_message(self.reader), _PATIENCE)

    async def ended(self):
        """Wait until the server ends the connection in order; nothing comes before that."""
        assert await asyncio.wait_for(self.reader.read(), _PATIENCE) == b""


@contextlib.asynccontextmanager
async def connecting(port, *, window=None):
    """A connection; with a small window, what is not read soon has to wait at the server."""
    with socket.socket() as connection:
        connection.setblocking(False)
        if window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=window or 2**16)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()
