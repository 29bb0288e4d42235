"""Keeps what identity providers publish for a while, so that a sign-in costs them one call.

Source: OpenID Connect Core 1.0 section 10.1.1 (rotation of keys).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import httpx2

from sso.errors import UpstreamMisconfigured, UpstreamUnreachable
from sso.id_token_keys import PublicKey
from sso.provider_documents import fetch_keys, fetch_metadata
from sso.provider_metadata import Metadata

FRESH_SECONDS = 600.0
USABLE_SECONDS = 3600.0
PAUSE_SECONDS = 30.0
_MOST_ISSUERS = 256

T = TypeVar("T")


class Discovery:
    """The descriptions and keys of the issuers that were asked for most recently, at most 256.

    A copy is good for ten minutes. When reading it again fails, the older one serves until it is an hour old
    and the next try is half a minute later. Callers who want the same at once share one call.
    """

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport,
        *,
        allow_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
        most_issuers: int = _MOST_ISSUERS,
    ) -> None:
        self.allow_http = allow_http
        self._transport = transport
        self._metadata = _Copies[Metadata](clock, most_issuers)
        self._keys = _Copies[tuple[PublicKey, ...]](clock, most_issuers)

    async def metadata(self, issuer: str) -> Metadata:
        """Give the description of an issuer.

        Raises:
            UpstreamMisconfigured: there is none, or it cannot be used.
            UpstreamUnreachable: no answer came, and there is no older copy.
        """
        return await self._metadata.get(
            issuer, lambda: fetch_metadata(self._transport, issuer, allow_http=self.allow_http)
        )

    async def keys(self, issuer: str, kid: str | None) -> tuple[PublicKey, ...]:
        """Give the keys of an issuer, read again when `kid` is not among them, at most every half minute.

        Raises:
            UpstreamMisconfigured: the description or the keys cannot be used.
            UpstreamUnreachable: no answer came, and there is no older copy.
        """
        metadata = await self.metadata(issuer)
        return await self._keys.get(
            issuer,
            lambda: fetch_keys(self._transport, metadata),
            lambda keys: kid is None or any(key.kid == kid for key in keys),
        )

    def forget(self, issuer: str) -> None:
        """Read everything of this issuer again when it is next needed."""
        self._metadata.forget(issuer)
        self._keys.forget(issuer)


class _Copy(Generic[T]):
    """One issuer's: the value and when it was read, and what the last try came to."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.value: T | None = None
        self.read_at = 0.0
        self.tries = 0
        self.tried_at = 0.0
        self.failure: UpstreamUnreachable | UpstreamMisconfigured | None = None


class _Copies(Generic[T]):
    def __init__(self, clock: Callable[[], float], most: int) -> None:
        self._clock = clock
        self._most = most
        self._copies: OrderedDict[str, _Copy[T]] = OrderedDict()

    async def get(
        self,
        issuer: str,
        fetch: Callable[[], Awaitable[T]],
        is_enough: Callable[[T], bool] = lambda _: True,
    ) -> T:
        copy = self._find(issuer)
        tries = copy.tries
        if self._is_due(copy, is_enough):
            async with copy.lock:
                # Otherwise somebody has tried while this caller waited, and the outcome is everybody's.
                if copy.tries == tries:
                    await self._try(copy, fetch)
        if copy.value is not None and self._clock() - copy.read_at < USABLE_SECONDS:
            return copy.value
        assert copy.failure is not None
        raise copy.failure.with_traceback(None)

    def forget(self, issuer: str) -> None:
        self._copies.pop(issuer, None)

    def _find(self, issuer: str) -> _Copy[T]:
        copy = self._copies.setdefault(issuer, _Copy())
        self._copies.move_to_end(issuer)
        if len(self._copies) > self._most:
            self._copies.popitem(last=False)
        return copy

    def _is_due(self, copy: _Copy[T], is_enough: Callable[[T], bool]) -> bool:
        now = self._clock()
        if copy.value is None:
            return True
        is_good = now - copy.read_at < FRESH_SECONDS and is_enough(copy.value)
        return not is_good and now - copy.tried_at >= PAUSE_SECONDS

    async def _try(self, copy: _Copy[T], fetch: Callable[[], Awaitable[T]]) -> None:
        try:
            copy.value = await fetch()
        except (UpstreamUnreachable, UpstreamMisconfigured) as failure:
            copy.failure = failure
        else:
            copy.read_at = self._clock()
        copy.tried_at = self._clock()
        copy.tries += 1
