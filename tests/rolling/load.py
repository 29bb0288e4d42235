"""Load whose rate the clock alone decides: a slow answer does not put off the next push."""

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

from tests.rolling.pushes import Push
from tests.rolling.wire import Message, read_message


@dataclass(frozen=True, slots=True)
class Outcome:
    """A push with its answer, or with what came instead of one, and how many seconds after it was due."""

    push: Push
    answer: Message | None
    error: Exception | None
    seconds: float

    @property
    def is_success(self):
        return self.answer is not None and self.answer.status == 200 and b'"000000"' in self.answer.body

    @property
    def push_id(self):
        """The id of the push, which is that of its request."""
        return UUID(self.answer.headers[b"x-request-id"].decode())

    def __repr__(self):
        came = self.error if self.answer is None else self.answer.start + self.answer.body[:200]
        return f"{self.push.kind} {self.push.says}: {came!r}"


class Load:
    """Sends pushes to a port, as many a second as it is told, on as many kept connections as that takes.

    Once all connections are in use, a push that is due waits for one: 64 is more than any of these servers
    works on at a time, so what waits here would only wait there.
    """

    def __init__(self, port, make):
        self.outcomes = []
        self.due = 0
        self.seconds = 0.0
        self._port = port
        self._make = make
        self._kept = []
        self._lines = asyncio.Semaphore(64)

    async def run(self, rate, stopped):
        """Send until `stopped` is set and all that was due is sent, then wait for every answer."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with asyncio.TaskGroup() as group:
            while not stopped.is_set() or loop.time() > started + self.due / rate:
                await asyncio.sleep(started + self.due / rate - loop.time())
                group.create_task(self._send(self.due, loop.time()))
                self.due += 1
            self.seconds = loop.time() - started
        for _, writer in self._kept:
            writer.close()

    async def _send(self, number, due_at):
        answer = error = None
        async with self._lines:
            push = self._make(number)
            try:
                connection = self._kept.pop() if self._kept else await self._connect()
                connection[1].write(push.data)
                answer = await read_message(connection[0])
                self._keep(connection, answer)
            except (OSError, EOFError) as happened:
                error = happened
        seconds = asyncio.get_running_loop().time() - due_at
        self.outcomes.append(Outcome(push, answer, error, seconds))

    async def _connect(self):
        return await asyncio.open_connection("127.0.0.1", self._port)

    def _keep(self, connection, answer):
        if answer.is_last:
            connection[1].close()
        else:
            self._kept.append(connection)


@contextlib.asynccontextmanager
async def loading(port, make, rate):
    """Load during the block; at its end every push has its outcome."""
    load, stopped = Load(port, make), asyncio.Event()
    running = asyncio.create_task(load.run(rate, stopped))
    try:
        yield load
    finally:
        stopped.set()
        await running
