"""The little of ASGI that the simulator's own servers need."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP response; header names are lower case."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def json_reply(members: object, *, status: int = 200) -> Reply:
    """Answer JSON that nobody may keep."""
    headers = (("content-type", "application/json;charset=utf-8"), ("cache-control", "no-store"))
    return Reply(status=status, headers=headers, body=msgspec.json.encode(members))


def redirect(location: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Send the browser elsewhere (302)."""
    return Reply(status=302, headers=(("location", location), *headers))


async def read_body(receive: Receive) -> bytes:
    """Read a request's body to its end."""
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a whole response."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    length = (b"content-length", str(len(reply.body)).encode())
    await send({"type": "http.response.start", "status": reply.status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": reply.body})
