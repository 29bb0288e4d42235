"""The HTTP side of the marketplace's door: reading the body within limits, answering 200.

Plain ASGI: nothing of a request is known before its signature is, so a framework's parsing would only cost.
"""

import asyncio
from typing import Self

from litestar import asgi
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from service.koogallery.edge import Request, answer
from service.runtime import Runtime

_BODY_SECONDS = 20


class CasedName(bytes):
    """A header name that keeps its case: uvicorn lowers every name it sends."""

    __slots__ = ()

    def lower(self) -> Self:
        """Stay as it is."""
        return self


# V1 of the marketplace looks for the name in exactly this case.
_BODY_SIGN = CasedName(b"Body-Sign")


@asgi("/koogallery", is_mount=True, copy_scope=False, opt={"caller": "marketplace"})
async def receive_push(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer whatever the marketplace, or anyone, sends."""
    assert scope["type"] == ScopeType.HTTP
    # A mount has none of its own.
    scope["path_template"] = "/koogallery/{product}"
    runtime: Runtime = scope["litestar_app"].state.runtime
    request = Request(
        method=scope["method"],
        path=scope["path"].removeprefix("/koogallery"),
        query_string=scope["query_string"],
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=await _read_body(receive, runtime.settings.max_body_bytes),
        address=scope["client"][0] if scope["client"] else None,
    )
    content, signature = await answer(request, runtime)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    if signature is not None:
        headers.append((_BODY_SIGN, signature.encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """The body, or None when it is larger than the limit, comes too slowly or breaks off."""
    chunks: list[bytes] = []
    size = 0
    more = True
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                size += len(message["body"])
                if size > limit:
                    return None
                chunks.append(message["body"])
                more = message["more_body"]
    except TimeoutError:
        return None
    return b"".join(chunks)
