"""HTTP/1.1 messages byte by byte: nothing is sent again, nothing is made good."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its first line, its headers by lower-case name, its body."""

    start: bytes
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def status(self):
        return int(self.start.split(b" ", 2)[1])

    @property
    def is_last(self):
        """Whether the connection ends with this message."""
        return self.headers.get(b"connection", b"").lower() == b"close"

    def encode(self):
        """The message as it goes on, without what concerned the connection it came on."""
        kept = {name: value for name, value in self.headers.items() if name != b"connection"}
        lines = [self.start, *(b"%s: %s" % header for header in kept.items())]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


async def read_head(reader):
    """The first line and the headers by lower-case name."""
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head[:-4].split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    return start, {name.lower(): value.strip() for name, _, value in pairs}


async def read_message(reader):
    """One message whose length is told; anything else is refused.

    Raises:
        asyncio.IncompleteReadError, ConnectionError: it was cut off, or never came.
    """
    start, headers = await read_head(reader)
    assert b"transfer-encoding" not in headers, start
    return Message(start, headers, await reader.readexactly(int(headers.get(b"content-length", 0))))


def request(method, target, *headers, body=b""):
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: tenon.test", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
