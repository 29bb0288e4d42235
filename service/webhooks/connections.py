"""One connection to a receiver: to exactly the addresses that were checked, HTTP/1.1 by the library."""

import asyncio
import ssl
from collections.abc import Sequence

import httpcore2

from service.webhooks.lookups import Unreachable
from service.webhooks.targets import Address, Target

_READ_BYTES = 16 * 1024


class _Wire(asyncio.StreamReaderProtocol):
    """Counts the bytes that came."""

    arrived = 0

    def data_received(self, data: bytes) -> None:
        self.arrived += len(data)
        super().data_received(data)


class Link(httpcore2.AsyncNetworkStream):
    """A TCP or TLS connection as the HTTP library wants to see it.

    Time limits are the sender's, around all of it. Writing never waits: the body is in memory anyway, and a
    receiver that answers before it has read everything is heard.
    """

    def __init__(self, wire: _Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._reader = reader
        self._writer = writer
        self._unsent: list[bytes] = []
        self._read = 0
        self.is_silent = True  # nothing has come since the last request

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        """Send what waits to be sent, then give what comes; empty at the end."""
        if self._unsent and not self._writer.is_closing():
            self._writer.write(b"".join(self._unsent))
            self._unsent.clear()
        try:
            data = await self._reader.read(min(max_bytes, _READ_BYTES))
        except OSError as error:
            raise httpcore2.ReadError from error
        self._read += len(data)
        self.is_silent = self.is_silent and not data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Collect the parts of a request, so that head and body leave together."""
        self.is_silent = True
        self._unsent.append(buffer)

    async def aclose(self) -> None:
        """Close at once, whatever the other side is doing."""
        self.abort()

    def abort(self) -> None:
        """Close at once, whatever the other side is doing."""
        self._writer.transport.abort()

    @property
    def is_dead(self) -> bool:
        """Whether the other side is known to have closed it.

        Words that nobody asked for are a farewell too: some servers answer 408 before they close.
        """
        is_at_end = self._reader.at_eof() or self._reader.exception() is not None
        return is_at_end or self._wire.arrived > self._read or self._writer.is_closing()


class Connection:
    """An HTTP/1.1 connection and whether it can serve again."""

    def __init__(self, target: Target, link: Link) -> None:
        origin = httpcore2.Origin(target.scheme.encode(), target.host.encode(), target.port)
        self.origin = target.origin
        self.http = httpcore2.AsyncHTTP11Connection(origin, link)
        self.link = link
        self.has_served = False
        self.is_retired = False

    @property
    def is_reusable(self) -> bool:
        """Whether another request can go over it."""
        return self.http.is_idle() and not self.is_retired and not self.link.is_dead

    @property
    def was_closed_while_idle(self) -> bool:
        """Whether it served before and gave nothing for the last request: the receiver has tidied up."""
        return self.has_served and self.link.is_silent


async def connect(
    target: Target, addresses: Sequence[Address], *, ssl_context: ssl.SSLContext, time_limit: float
) -> Connection:
    """Connect to the first address that can be reached; TLS proves the host name of the target.

    A dead address uses up only its share of the time.

    Raises:
        Unreachable: says what the last address did.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + time_limit
    failure = "The host name was not found."
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            async with asyncio.timeout((deadline - loop.time()) / left):
                return Connection(target, await _open_link(address, target, ssl_context))
        except OSError as error:
            failure = _describe(error, time_limit)
    raise Unreachable(failure)


async def _open_link(address: Address, target: Target, ssl_context: ssl.SSLContext) -> Link:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_READ_BYTES, loop=loop)
    wire = _Wire(reader, loop=loop)
    has_tls = target.scheme == "https"
    transport, _ = await loop.create_connection(
        lambda: wire,
        # The address, not the name: nothing is looked up between the check and this.
        str(address),
        target.port,
        ssl=ssl_context if has_tls else None,
        server_hostname=target.host if has_tls else None,
    )
    return Link(wire, reader, asyncio.StreamWriter(transport, wire, reader, loop))


def _describe(error: OSError, time_limit: float) -> str:
    match error:
        case TimeoutError():
            return f"Connecting took more than {time_limit:g} s."
        case ConnectionRefusedError():
            return "The connection was refused."
        case ssl.SSLCertVerificationError():
            return f"The certificate does not prove the host name: {error.verify_message}."
        case ssl.SSLError():
            return "The TLS handshake failed."
        case ConnectionError():
            return "The connection was closed while it was being set up."
        case _:
            return "The receiver could not be reached."
