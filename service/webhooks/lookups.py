"""From a host name to the addresses that may be called: looked up once, all of them checked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from service.webhooks.targets import Address, Target, is_public

# Gives all addresses of a host name, best first; OSError when there are none.
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

_MOST_ADDRESSES = 8
_THREADS = 32


class Unreachable(Exception):
    """No answer came; the message says why in words for the owner of the endpoint."""


class Lookups:
    """Looks names up within a time limit.

    Nobody can interrupt the system's resolver. So it has threads of its own, and each name is looked up once
    at a time: a name whose server is silent holds up one thread, however many webhooks wait for it.
    """

    def __init__(self, *, allow_private: bool, time_limit: float, resolve: Resolve | None) -> None:
        self._allow_private = allow_private
        self._time_limit = time_limit
        self._threads = ThreadPoolExecutor(_THREADS, "lookups")
        self._resolve = resolve or self._ask_system
        self._running: dict[tuple[str, int], asyncio.Future[Sequence[Address]]] = {}

    async def find(self, target: Target) -> Sequence[Address]:
        """Give the addresses to connect to, best first.

        Raises:
            Unreachable: there are none, the resolver is silent, or any of them is not public.
        """
        try:
            addresses: Sequence[Address] = [ip_address(target.host)]
        except ValueError:
            addresses = await self._look_up(target.host, target.port)
        # One that is not public condemns all: which one is called must not be a matter of luck.
        if not self._allow_private and not all(map(is_public, addresses)):
            raise Unreachable("The host name leads to an address that is not public.")
        return addresses[:_MOST_ADDRESSES]

    def close(self) -> None:
        """Wait for nothing any more."""
        for lookup in list(self._running.values()):
            lookup.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, port: int) -> Sequence[Address]:
        key = (host, port)
        lookup = self._running.get(key)
        if lookup is None:
            lookup = self._running[key] = asyncio.ensure_future(self._resolve(host, port))
            lookup.add_done_callback(lambda done: self._forget(key, done))
        try:
            async with asyncio.timeout(self._time_limit):
                addresses = await asyncio.shield(lookup)
        except TimeoutError:
            raise Unreachable(f"Looking up the host name took more than {self._time_limit:g} s.") from None
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise Unreachable("The host name was not found.")
        return addresses

    def _forget(self, key: tuple[str, int], done: asyncio.Future[Sequence[Address]]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # seen, even when all who waited have gone

    async def _ask_system(self, host: str, port: int) -> Sequence[Address]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(ip_address(place[0]) for *_, place in found))
