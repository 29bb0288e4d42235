"""Sends webhooks: one POST, one answer in plain words, whatever the receiver does."""

import asyncio
import codecs
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping

import httpcore2
import msgspec

from service.metrics.definitions import Delivered
from service.webhooks.lookups import Resolve, Unreachable
from service.webhooks.pool import BROKEN, Limits, Pool, open_pool
from service.webhooks.targets import EndpointUrlInvalid, Target, read_target

_START_BYTES = 1024
_SUCCESS, _REDIRECT = 2, 3


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt.

    Attributes:
        status: of the answer; None when no answer came.
        start: the first 1024 bytes of the answer as printable text; what is not printable is a space.
        error: why it is a failure, in plain words; None exactly when the answer is a success.
        duration_ms: from the look-up to the last byte that was read.
    """

    status: int | None
    start: str
    error: str | None
    duration_ms: int

    @property
    def accepted(self) -> bool:
        """Whether the receiver has answered with a status of success (2xx)."""
        return self.status is not None and self.status // 100 == _SUCCESS

    @property
    def outcome(self) -> Delivered:
        """The same in one word, which tells a receiver that answered from one that did not."""
        if self.status is None:
            return "unreachable"
        return "accepted" if self.accepted else "refused"


class Sender:
    """Sends to receivers that are not trusted; made by `open_sender`."""

    def __init__(self, pool: Pool, *, limits: Limits, allow_http: bool, allow_private: bool) -> None:
        self._pool = pool
        self._limits = limits
        self._allow_http = allow_http
        self._allow_private = allow_private

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST `body` and tell what came of it; nothing that a receiver does is raised.

        Waits for a place first when many requests are under way; the time limit begins after that. Redirects
        are not followed. A connection that the receiver closed while it was idle is replaced once.
        """
        try:
            target = read_target(url, allow_http=self._allow_http, allow_private=self._allow_private)
        except EndpointUrlInvalid as refused:
            return Answer(status=None, start="", error=str(refused), duration_ms=0)
        request = _make_request(target, headers, body)
        loop = asyncio.get_running_loop()
        async with self._pool.place(target):
            began = loop.time()
            status, start, error = await self._attempt(target, request, began + self._limits.total)
            duration = loop.time() - began
        return Answer(status=status, start=start, error=error, duration_ms=round(duration * 1000))

    async def _attempt(
        self, target: Target, request: httpcore2.Request, deadline: float
    ) -> tuple[int | None, str, str | None]:
        try:
            async with asyncio.timeout_at(deadline):
                connection, response = await self._pool.ask(
                    target, lambda connection: connection.http.handle_async_request(request)
                )
        except TimeoutError:
            return None, "", f"No answer came within {self._limits.total:g} s."
        except Unreachable as unreachable:
            return None, "", str(unreachable)
        try:
            start = await self._read_start(response, deadline)
        finally:
            self._pool.give_back(connection)
        return response.status, _printable(start), _judge(response.status)

    async def _read_start(self, response: httpcore2.Response, deadline: float) -> bytes:
        start = bytearray()
        deadline = min(deadline, asyncio.get_running_loop().time() + self._limits.body)
        # The status has been given: what becomes of the rest changes nothing.
        with contextlib.suppress(TimeoutError, *BROKEN):
            async with asyncio.timeout_at(deadline), contextlib.aclosing(response.aiter_stream()) as pieces:
                async for piece in pieces:
                    start += piece
                    if len(start) > _START_BYTES:
                        break
        # An answer that was not read to its end closes its connection here.
        await response.aclose()
        return bytes(start[:_START_BYTES])


@contextlib.asynccontextmanager
async def open_sender(
    *,
    allow_http: bool = False,
    allow_private: bool = False,
    resolve: Resolve | None = None,
    ssl_context: ssl.SSLContext | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Sender]:
    """Give a sender; its connections are closed at the end, when nobody is sending any more.

    Args:
        allow_http: send without TLS too.
        allow_private: send to addresses that are not public too: loopback, private networks, all.
        resolve: replaces the system's resolver.
        ssl_context: replaces the system's certificates.
        limits: bounds of time and number.
    """
    limits = limits or Limits()
    async with open_pool(
        allow_private=allow_private, resolve=resolve, ssl_context=ssl_context, limits=limits
    ) as pool:
        yield Sender(pool, limits=limits, allow_http=allow_http, allow_private=allow_private)


def _make_request(target: Target, headers: Mapping[str, str], body: bytes) -> httpcore2.Request:
    return httpcore2.Request(
        "POST",
        httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=[
            ("host", target.authority),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),  # what comes back is shown, never unpacked
            ("content-length", str(len(body))),
            *headers.items(),
        ],
        content=body,
    )


def _judge(status: int) -> str | None:
    if status // 100 == _SUCCESS:
        return None
    if status // 100 == _REDIRECT:
        return f"The receiver answered with a redirect ({status}); redirects are not followed."
    return f"The receiver answered with status {status}."


def _printable(start: bytes) -> str:
    # Not final: a character that the bound cut in two is left out.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(start)
    return "".join(character if character.isprintable() else " " for character in text)
