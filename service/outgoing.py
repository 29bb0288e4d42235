"""Calls to addresses that tenants and operators configure, guarded exactly as webhooks are.

The guard is a transport, so that any client over it has it, whatever that client's own settings say.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import httpcore2
import httpx2

from service.webhooks.connections import Connection
from service.webhooks.lookups import Resolve, Unreachable
from service.webhooks.pool import Limits, Pool, open_pool
from service.webhooks.targets import EndpointUrlInvalid, Target, read_target
from sso.errors import UpstreamUnreachable

_LIMITS = Limits(total=5.0, connect=3.0, idle=64)
_MOST_BYTES = 256 * 1024

# Ours to say, for the one connection that a call goes over.
_NOT_FORWARDED = frozenset({b"host", b"accept-encoding", b"connection", b"transfer-encoding"})
# A client without them can neither follow a redirect nor keep a cookie; the body is whole already.
_NOT_HANDED_ON = frozenset({b"location", b"refresh", b"set-cookie", b"connection", b"transfer-encoding"})


class OutgoingTransport(httpx2.AsyncBaseTransport):
    """Calls peers that are not trusted; made by `open_transport`, and closed by it only.

    A client that is closed leaves it open, so many short-lived clients may share it. Time limits of clients
    are not looked at.
    """

    def __init__(self, pool: Pool, *, limits: Limits, allow_http: bool, allow_private: bool) -> None:
        self._pool = pool
        self._limits = limits
        self._allow_http = allow_http
        self._allow_private = allow_private

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Make one call and give its answer, read to the end and without what leads to further calls.

        The time limit is around all of it: waiting for a place, look-up, connection and the whole answer.
        A connection that the peer closed while it was idle is replaced once.

        Raises:
            UpstreamUnreachable: the address may not be called, or no usable answer came.
        """
        target = self._read_target(request)
        call = _make_call(target, request, await request.aread())
        try:
            async with asyncio.timeout(self._limits.total), self._pool.place(target):
                return await self._ask(target, call)
        except TimeoutError:
            detail = f"No complete answer came within {self._limits.total:g} s."
        except Unreachable as unreachable:
            detail = str(unreachable)
        # Outside of the handlers: what was raised there may hold the request with its secrets.
        raise UpstreamUnreachable(detail)

    def _read_target(self, request: httpx2.Request) -> Target:
        try:
            return read_target(
                str(request.url), allow_http=self._allow_http, allow_private=self._allow_private
            )
        except EndpointUrlInvalid as refused:
            raise UpstreamUnreachable(f"The address may not be called. {refused.detail}") from None

    async def _ask(self, target: Target, call: httpcore2.Request) -> httpx2.Response:
        async def exchange(connection: Connection) -> httpx2.Response:
            try:
                return await _read(await connection.http.handle_async_request(call))
            except httpcore2.LocalProtocolError:
                raise Unreachable("The request cannot be written as HTTP/1.1.") from None

        connection, response = await self._pool.ask(target, exchange)
        self._pool.give_back(connection)
        return response


@contextlib.asynccontextmanager
async def open_transport(
    *,
    allow_http: bool,
    allow_private: bool,
    resolve: Resolve | None = None,
    ssl_context: ssl.SSLContext | None = None,
    limits: Limits = _LIMITS,
) -> AsyncIterator[OutgoingTransport]:
    """Give a guarded transport; its connections are closed at the end, when nobody is calling any more.

    A name is looked up once for a connection, every address it has is checked, and exactly one of these is
    connected to; TLS proves the name. An answer has at most 256 KiB and is never unpacked. No proxies.

    Args:
        allow_http: call without TLS too.
        allow_private: call addresses that are not public too: loopback, private networks, all.
        resolve: replaces the system's resolver.
        ssl_context: replaces the system's certificates.
        limits: bounds of time and number; `body` is not used, as an answer is needed whole.
    """
    async with open_pool(
        allow_private=allow_private, resolve=resolve, ssl_context=ssl_context, limits=limits
    ) as pool:
        yield OutgoingTransport(pool, limits=limits, allow_http=allow_http, allow_private=allow_private)


def make_client(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    """Make an HTTP client that takes nothing from the environment and follows no redirects."""
    return httpx2.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # the transport limits the whole call
        headers={"user-agent": "Tenon"},
    )


def _make_call(target: Target, request: httpx2.Request, body: bytes) -> httpcore2.Request:
    return httpcore2.Request(
        request.method,
        httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=[
            (b"host", target.authority.encode()),
            (b"accept-encoding", b"identity"),  # what is not packed cannot swell
            *((name, value) for name, value in request.headers.raw if name.lower() not in _NOT_FORWARDED),
        ],
        content=body,
    )


async def _read(answer: httpcore2.Response) -> httpx2.Response:
    codings = [value for name, value in answer.headers if name.lower() == b"content-encoding"]
    if any(coding.strip().lower() not in {b"", b"identity"} for coding in codings):
        raise Unreachable("The answer is compressed, although the request has ruled that out.")
    body = bytearray()
    async with contextlib.aclosing(answer.aiter_stream()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > _MOST_BYTES:
                raise Unreachable(f"The answer is longer than {_MOST_BYTES // 1024} KiB.")
    await answer.aclose()
    return httpx2.Response(
        answer.status,
        headers=[(name, value) for name, value in answer.headers if name.lower() not in _NOT_HANDED_ON],
        content=bytes(body),
    )
