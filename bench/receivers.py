"""A receiver of webhooks in a process of its own, which says when what has come.

`python -m bench.receivers` prints its URL. For each number that it then reads it waits until so many requests
have come, prints them as JSON, and forgets them.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import uvloop

from tests.receivers import open_receiver

_SECONDS = 120


class Arrival(msgspec.Struct, frozen=True):
    """A request that has come, `at` seconds since 1970."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class Receiver:
    """The process; made by `receiving`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asking, self._answers = process.stdin, process.stdout
        self.url = self._answers.readline().decode().strip()

    def collect(self, count: int) -> list[Arrival]:
        """Wait until so many requests have come since the last time; blocks.

        Raises:
            RuntimeError: they did not come in time, or more came.
        """
        self._asking.write(f"{count}\n".encode())
        self._asking.flush()
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError(f"{count} requests did not come within {_SECONDS} s.")
        arrivals = msgspec.json.decode(answer, type=list[Arrival])
        if len(arrivals) != count:
            raise RuntimeError(f"{len(arrivals)} requests came instead of {count}.")
        return arrivals


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that accepts everything at once."""
    command = [sys.executable, "-m", "bench.receivers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Receiver(process)  # its input ends with the block, and it with that


async def _receive() -> None:
    async with open_receiver() as receiver:
        print(receiver.url, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            count = int(line)
            await receiver.wait_until(lambda count=count: receiver.count >= count, limit=_SECONDS)
            arrivals = [Arrival(one.path, dict(one.headers), one.body, one.at) for one in receiver.requests]
            receiver.requests.clear()
            print(msgspec.json.encode(arrivals).decode(), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_receive())
