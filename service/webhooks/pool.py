"""Connections kept between requests: for a short while, bounded in number, together and for each origin."""

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import httpcore2
import msgspec

from service.webhooks.connections import Connection, connect
from service.webhooks.lookups import Lookups, Resolve, Unreachable
from service.webhooks.targets import Origin, Target

T = TypeVar("T")

# What the library raises when the other side breaks off, or speaks no HTTP/1.1.
BROKEN: Final = (httpcore2.ReadError, httpcore2.RemoteProtocolError)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of sending; times in seconds.

    Attributes:
        total: from the look-up to the last byte that is read of an answer.
        connect: for the look-up, and again for TCP and TLS together.
        body: for what follows the head of an answer.
        lifetime: of a connection; afterwards the name is looked up and its addresses are checked anew.
        busy: requests at once.
        busy_per_origin: of them to one scheme, host and port.
        idle: connections kept while nothing is sent over them.
    """

    total: float = 15.0
    connect: float = 5.0
    body: float = 2.0
    lifetime: float = 30.0
    busy: int = 512
    busy_per_origin: int = 32
    idle: int = 256


class Pool:
    """Opens connections and keeps those that can serve again."""

    def __init__(self, lookups: Lookups, *, limits: Limits, ssl_context: ssl.SSLContext) -> None:
        self._lookups = lookups
        self._limits = limits
        self._ssl_context = ssl_context
        self._retirements: dict[Connection, asyncio.TimerHandle] = {}
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._idle_count = 0
        self._is_closed = False
        self._places = asyncio.Semaphore(limits.busy)
        self._places_of: WeakValueDictionary[Origin, asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def place(self, target: Target) -> AsyncIterator[None]:
        """Wait until one more request is within the bounds; a slow origin fills its own places first."""
        own = self._places_of.setdefault(target.origin, asyncio.Semaphore(self._limits.busy_per_origin))
        async with own, self._places:
            yield

    async def ask(
        self, target: Target, exchange: Callable[[Connection], Awaitable[T]]
    ) -> tuple[Connection, T]:
        """Carry out an exchange over a connection, which the caller gives back afterwards.

        One that the peer closed while it was idle is replaced once; one over which it failed is dropped.

        Raises:
            Unreachable: says at which step it failed.
            RuntimeError: the pool is closed.
        """
        connection = self.take_idle(target)
        if connection is not None:
            with contextlib.suppress(_Stale):
                return connection, await self._ask_over(connection, exchange)
        connection = await self.open(target)
        return connection, await self._ask_over(connection, exchange)

    async def _ask_over(self, connection: Connection, exchange: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            return await exchange(connection)
        except BaseException as error:
            self.drop(connection)
            if not isinstance(error, BROKEN):
                raise
            # What was raised here may hold the request with its secrets.
            if connection.was_closed_while_idle:
                raise _Stale from None
            if connection.link.is_silent:
                raise Unreachable("The connection was closed before an answer came.") from None
            raise Unreachable("The answer broke off, or was not HTTP/1.1.") from None

    def take_idle(self, target: Target) -> Connection | None:
        """Take a connection that has served before and seems to be alive."""
        while self._idle.get(target.origin):
            connection = self._idle[target.origin][-1]
            self._unlist(connection)
            if connection.is_reusable:
                connection.has_served = True
                return connection
            self.drop(connection)
        return None

    async def open(self, target: Target) -> Connection:
        """Look the host name up, check where it leads and connect there.

        Raises:
            Unreachable: says at which step it failed.
            RuntimeError: the pool is closed.
        """
        if self._is_closed:
            raise RuntimeError("The sender is closed.")
        connection = await connect(
            target,
            await self._lookups.find(target),
            ssl_context=self._ssl_context,
            time_limit=self._limits.connect,
        )
        loop = asyncio.get_running_loop()
        self._retirements[connection] = loop.call_later(self._limits.lifetime, self._retire, connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request, if it can serve one and there is room."""
        if connection.is_reusable and self._idle_count < self._limits.idle:
            self._idle[connection.origin].append(connection)
            self._idle_count += 1
        else:
            self.drop(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection that is not among the idle ones."""
        connection.link.abort()
        self._retirements.pop(connection).cancel()

    def close(self) -> None:
        """Close all; nobody may be sending any more."""
        self._is_closed = True
        for connection, retirement in self._retirements.items():
            connection.link.abort()
            retirement.cancel()

    def _retire(self, connection: Connection) -> None:
        connection.is_retired = True
        if connection in self._idle.get(connection.origin, ()):
            self._unlist(connection)
            self.drop(connection)

    def _unlist(self, connection: Connection) -> None:
        idle = self._idle[connection.origin]
        idle.remove(connection)
        self._idle_count -= 1
        if not idle:
            del self._idle[connection.origin]


@contextlib.asynccontextmanager
async def open_pool(
    *,
    allow_private: bool,
    resolve: Resolve | None,
    ssl_context: ssl.SSLContext | None,
    limits: Limits,
) -> AsyncIterator[Pool]:
    """Give a pool; its connections are closed at the end, when nobody is sending any more."""
    context = ssl_context or httpcore2.default_ssl_context()
    lookups = Lookups(allow_private=allow_private, time_limit=limits.connect, resolve=resolve)
    pool = Pool(lookups, limits=limits, ssl_context=context)
    try:
        yield pool
    finally:
        pool.close()
        lookups.close()


class _Stale(Exception):
    """The peer had closed the connection before the request could reach it."""
