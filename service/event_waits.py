"""Waiting for events: one look at the database every 50 ms for all requests of the process that wait."""

import asyncio
import contextlib
import contextvars
from uuid import UUID
from weakref import WeakSet

from tenancy.errors import Unavailable
from tenancy.event_news import News, read_news

_PAUSE_SECONDS = 0.05
_MOST_WAITING = 1000


# A server that is about to end knows its connections, but not what the application holds.
_OF_PROCESS: WeakSet["EventWaits"] = WeakSet()


def end_waiting() -> None:
    """Let all requests of the process that wait be answered: it is about to end."""
    for waits in _OF_PROCESS:
        waits.end()


class _Waiter:
    """A request that waits for an event of a tenant after a number, or without one after a position."""

    def __init__(self, tenant_id: UUID | None, after: int) -> None:
        self.tenant_id = tenant_id
        self.after = after
        self.woken = asyncio.Event()

    def hears(self, news: News) -> bool:
        """Whether what the request waits for has come."""
        if self.tenant_id is None:
            return news.unfed or news.position > self.after
        return news.numbers.get(self.tenant_id, 0) > self.after


class EventWaits:
    """The requests of a process that wait; as long as there are none, nothing runs."""

    def __init__(self) -> None:
        self._waiting: set[_Waiter] = set()
        self._looking: asyncio.Task[None] | None = None
        self._ending = False
        _OF_PROCESS.add(self)

    async def wait(self, tenant_id: UUID | None, *, after: int, seconds: float) -> bool:
        """Wait for an event of the tenant after a number, or of any tenant after a position in the order.

        Holds no connection. False when nothing came in time, or when too many wait already.
        """
        if self._ending or len(self._waiting) >= _MOST_WAITING:
            return False
        waiter = _Waiter(tenant_id, after)
        self._waiting.add(waiter)
        if self._looking is None:
            # For all who wait, so in the name of none of their requests.
            self._looking = asyncio.create_task(self._look(), context=contextvars.Context())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiter.woken.wait()
        finally:
            self._waiting.discard(waiter)
        return waiter.woken.is_set()

    def end(self) -> None:
        """Let everybody go, and nobody wait any more."""
        self._ending = True
        self._wake(None)

    async def close(self) -> None:
        """Let everybody go and stop looking."""
        self.end()
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        try:
            while self._waiting:
                try:
                    news = await read_news(
                        list({w.tenant_id for w in self._waiting if w.tenant_id is not None})
                    )
                except Unavailable:
                    # They ask themselves, and tell their callers.
                    news = None
                self._wake(news)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._looking = None

    def _wake(self, news: News | None) -> None:
        for waiter in self._waiting:
            if news is None or waiter.hears(news):
                waiter.woken.set()
