"""The load generator, a process of its own: kept-alive connections that send prebuilt requests.

`python -m bench.load PORT MARK` reads one list of requests for each connection from standard input as
MessagePack, sends each list in order, one at a time, and prints a `Load` as JSON. Answers with the mark in
them count as accepted.
"""

import asyncio
import functools
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import cast

import msgspec
import uvloop

from bench.calls import content_length

_SECONDS = 300


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the whole time, and the middle and the 99th percentile of the single answers."""

    seconds: float
    requests: int
    accepted: int
    middle_ms: float
    slow_ms: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def run_load(port: int, requests: Sequence[Sequence[bytes]], *, mark: bytes = b'"000000"') -> Load:
    """Send these requests, a list on each connection; answers with the mark count as accepted."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", str(port), mark.decode()],
        input=msgspec.msgpack.encode(requests),
        stdout=subprocess.PIPE,
        timeout=_SECONDS,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Load)


class _Sender(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete."""

    def __init__(self, requests: list[bytes], mark: bytes) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.times: list[float] = []
        self.accepted = 0
        self._requests = iter(requests)
        self._mark = mark
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but their base class.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(error or ConnectionError("The server closed the connection."))

    def send_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.finished.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < content_length(head):
            return
        self.times.append(time.perf_counter() - self._sent_at)
        self.accepted += self._mark in body
        self._received = b""
        self.send_next()


async def _run(port: int, requests: list[list[bytes]], mark: bytes) -> Load:
    loop = asyncio.get_running_loop()
    senders = []
    for listed in requests:
        _, sender = await loop.create_connection(functools.partial(_Sender, listed, mark), "127.0.0.1", port)
        senders.append(sender)
    started = time.perf_counter()
    for sender in senders:
        sender.send_next()
    await asyncio.gather(*(sender.finished for sender in senders))
    seconds = time.perf_counter() - started
    times = sorted(one for sender in senders for one in sender.times)
    return Load(
        seconds=seconds,
        requests=len(times),
        accepted=sum(sender.accepted for sender in senders),
        middle_ms=times[len(times) // 2] * 1000,
        slow_ms=times[len(times) * 99 // 100] * 1000,
    )


if __name__ == "__main__":
    prepared = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[list[bytes]])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(
            msgspec.json.encode(runner.run(_run(int(sys.argv[1]), prepared, sys.argv[2].encode()))).decode()
        )
