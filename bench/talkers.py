"""The load generator for talks, a process of its own with kept-alive connections.

`python -m bench.talkers PORT` reads a list of talks, one for each connection, from standard input as
MessagePack, holds all of them at once, and prints `Held` as JSON.
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
from bench.talks import Answer, AnyTalk, Talk

_SECONDS = 300


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """How long all talks took together, and what each has given."""

    seconds: float
    results: list[str]


def hold(port: int, talks: Sequence[AnyTalk]) -> Held:
    """Hold these talks at the same time, each on a connection of its own.

    Raises:
        RuntimeError: an answer was not what it has to be.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.talkers", str(port)],
        input=msgspec.msgpack.encode(talks),
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return msgspec.json.decode(done.stdout, type=Held)


class _Talker(asyncio.Protocol):
    """Goes on with the talk when the answer to its last request is complete."""

    def __init__(self, talk: Talk) -> None:
        self.result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._talk = talk
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but their base class.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.result.done():
            self.result.set_exception(error or ConnectionError("The server closed the connection."))

    def start(self) -> None:
        self._transport.write(next(self._talk))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < content_length(head):
            return
        self._received = b""
        try:
            self._transport.write(self._talk.send(Answer(head, body)))
        except StopIteration as ended:
            self.result.set_result(ended.value)
        except (RuntimeError, ValueError, LookupError) as error:
            self.result.set_exception(error)


async def _hold(port: int, talks: list[AnyTalk]) -> Held:
    loop = asyncio.get_running_loop()
    talkers = []
    for one in talks:
        _, talker = await loop.create_connection(functools.partial(_Talker, one.talk()), "127.0.0.1", port)
        talkers.append(talker)
    started = time.perf_counter()
    for talker in talkers:
        talker.start()
    results = await asyncio.gather(*(talker.result for talker in talkers))
    return Held(seconds=time.perf_counter() - started, results=results)


if __name__ == "__main__":
    prepared = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[AnyTalk])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(msgspec.json.encode(runner.run(_hold(int(sys.argv[1]), prepared))).decode())
