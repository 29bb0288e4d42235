"""A receiver of webhooks on loopback whose faults a test scripts, request by request.

`open_receiver(plan)` is an async context manager that gives a `Receiver`. A plan is a `Reply`, or a function
of the `Received` request that returns one; `receiver.plan` may be replaced at any time.

Replies: `answer(status, body)`, `answer(close=True)`, `redirect(location)`, `raw(data)`, `hang()`, `reset()`,
`half_an_answer()` (reset while answering), `drip()` (a slow body), `endless()` (a body without an end).
Plans of several: `in_turn(first, second, ...)` (the last one stays), `sometimes(share, good, bad)`,
`verified(secret, plan)` (401 for what `standardwebhooks` refuses).

`Receiver`: `url`, `port`, `requests` (each a `Received`: `path`, `headers` by lower-case name, `body`,
`at` in seconds since 1970, `connection` number), `count`, `connections` (how many were ever opened),
`open_connections`, `drop_connections(reset=False)`, `say(data)` without being asked,
`await wait_for(count)` of requests, and `await wait_until(condition)`, which is judged whenever a request
comes or a connection closes.
"""

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    connection: int


@dataclass(frozen=True, slots=True)
class Reply:
    """`start` after `delay` seconds, then each of `pieces` after `pause` seconds, then the `ending`."""

    start: bytes = b""
    delay: float = 0.0
    pieces: Iterable[bytes] = ()
    pause: float = 0.0
    ending: str = "keep"  # or "close", "reset"


Plan = Reply | Callable[[Received], Reply]


def answer(status=200, body=b"", *, headers=(), close=False, delay=0.0):
    lines = [f"HTTP/1.1 {status} Scripted", f"content-length: {len(body)}", *headers]
    if close:
        lines.append("connection: close")
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return Reply(head + body, delay=delay, ending="close" if close else "keep")


def redirect(location, status=302):
    return answer(status, headers=[f"location: {location}"])


def raw(data, *, ending="close"):
    return Reply(data, ending=ending)


def hang():
    return Reply()


def reset():
    return Reply(ending="reset")


def half_an_answer():
    return Reply(b"HTTP/1.1 200 OK\r\ncontent-le", ending="reset")


def drip(pause=0.05, *, status=200, length=10_000):
    head = f"HTTP/1.1 {status} Slow\r\ncontent-length: {length}\r\n\r\n".encode()
    return Reply(head, pieces=repeat(b".", length), pause=pause)


def endless(piece=b"x" * 65_536, *, status=200):
    return Reply(f"HTTP/1.1 {status} Endless\r\n\r\n".encode(), pieces=repeat(piece))


def in_turn(*plans):
    turns = chain(plans, repeat(plans[-1]))
    return lambda received: _decide(next(turns), received)


def sometimes(share, good=None, bad=None, *, seed=0):
    chance = random.Random(seed)
    good, bad = good or answer(), bad or answer(500)
    return lambda received: _decide(good if chance.random() < share else bad, received)


def verified(secret, plan=None):
    webhook = Webhook(secret)

    def judge(received):
        try:
            webhook.verify(received.body, dict(received.headers), json_parse=False)
        except WebhookVerificationError as error:
            return answer(401, str(error).encode())
        return _decide(plan or answer(), received)

    return judge


@dataclass
class Receiver:
    plan: Plan
    url: str = ""
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    open_connections: set["_Line"] = field(default_factory=set)
    _awaited: list[tuple[Callable[[], bool], asyncio.Future]] = field(default_factory=list)

    @property
    def count(self):
        return len(self.requests)

    async def wait_for(self, count):
        await self.wait_until(lambda: self.count >= count)

    async def wait_until(self, is_reached, *, limit=10.0):
        if not is_reached():
            reached = asyncio.get_running_loop().create_future()
            self._awaited.append((is_reached, reached))
            await asyncio.wait_for(reached, limit)

    def look(self):
        for is_reached, reached in self._awaited:
            if not reached.done() and is_reached():
                reached.set_result(None)

    def say(self, data, ending="keep"):
        for line in list(self.open_connections):
            line.transport.write(data)
            line.end(ending)

    def drop_connections(self, *, reset=False):
        for line in list(self.open_connections):
            line.end("reset" if reset else "close")

    def take(self, received):
        self.requests.append(received)
        self.look()
        return _decide(self.plan, received)


@contextlib.asynccontextmanager
async def open_receiver(plan=None, *, ssl_context=None, host="127.0.0.1", port=0):
    receiver = Receiver(plan or answer())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Line(receiver), host, port, ssl=ssl_context, backlog=1024)
    receiver.port = server.sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    receiver.url = f"{'http' if ssl_context is None else 'https'}://{shown}:{receiver.port}/"
    try:
        yield receiver
    finally:
        server.close()
        for line in list(receiver.open_connections):
            line.transport.abort()
        await server.wait_closed()


def _decide(plan, received):
    return plan if isinstance(plan, Reply) else plan(received)


class _Line(asyncio.Protocol):
    """One connection: reads requests with a Content-Length, one at a time, as our sender makes them."""

    def __init__(self, receiver):
        self._receiver = receiver
        self._buffer = b""
        self._task = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport):
        self.transport = transport
        self._receiver.connections += 1
        self._number = self._receiver.connections
        self._receiver.open_connections.add(self)

    def connection_lost(self, error):
        self._receiver.open_connections.discard(self)
        self._receiver.look()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self):
        self._writable.clear()

    def resume_writing(self):
        self._writable.set()

    def data_received(self, data):
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        path = first.split(" ")[1]
        reply = self._receiver.take(Received(path, headers, rest[:length], time.time(), self._number))
        if reply.delay or reply.pieces:
            self._task = asyncio.ensure_future(self._reply_slowly(reply))
        else:
            self.transport.write(reply.start)
            self.end(reply.ending)

    async def _reply_slowly(self, reply):
        await asyncio.sleep(reply.delay)
        self.transport.write(reply.start)
        for piece in reply.pieces:
            await asyncio.sleep(reply.pause)
            await self._writable.wait()
            self.transport.write(piece)
        self.end(reply.ending)

    def end(self, ending):
        if ending == "reset":
            # Lingering for no time makes the kernel send RST instead of FIN.
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif ending == "close":
            self.transport.close()
