"""Counts what a server asks of its databases: relays that pass everything on and count the messages."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec

_CHUNK = 1024 * 1024


class Trips(msgspec.Struct, frozen=True, kw_only=True):
    """Round trips: to Valkey, and to PostgreSQL in so many transactions, some of which write.

    `statements` are those inside the transactions, BEGIN (which sets the scope) and COMMIT not among them.
    """

    redis: int
    transactions: int
    statements: int
    writing: int

    def __str__(self) -> str:
        return (
            f"{self.redis} to Valkey, {2 * self.transactions + self.statements} to PostgreSQL"
            f" ({self.statements} statements in {self.transactions} transactions; {self.writing} write)"
        )


class Relay:
    """Listens at `url` for the server at another address; a client that waits sends a message for a trip."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.messages = 0
        self.commits = 0
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        user = parts.netloc.rpartition("@")[0]
        address = f"{user}@127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = urlunsplit(parts._replace(netloc=address))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more; connections end with those who have opened them."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(self._server)
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for source, sink, counts in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass_on, args=(source, sink, counts), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if counts:
                    self.messages += 1
                    self.commits += b"COMMIT\0" in data
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relaying(url: str) -> Iterator[Relay]:
    """A relay to the server of a URL."""
    relay = Relay(url)
    try:
        yield relay
    finally:
        relay.close()


def last_change(url: str) -> int:
    """The number of the latest transaction that has changed something."""
    return asyncio.run(_read_last_change(url))


async def _read_last_change(url: str) -> int:
    db = await asyncpg.connect(url, timeout=10)
    try:
        return int(await db.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    finally:
        await db.close()
