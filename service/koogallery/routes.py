"""The HTTP side of the marketplace's door: reading the body within limits, answering 200."""

import asyncio
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from service.koogallery.edge import Request as Push
from service.koogallery.edge import answer
from service.runtime import Runtime

_BODY_SECONDS = 20


@route(
    ["/koogallery", "/koogallery/{rest:path}"],
    http_method=list(HttpMethod),
    include_in_schema=False,
    opt={"caller": "marketplace"},
    request_max_body_size=None,
)
async def receive_push(request: Request[Any, Any, State]) -> Response[bytes]:
    """Answer whatever the marketplace, or anyone, sends."""
    runtime: Runtime = request.app.state.runtime
    path = request.scope["path"].removeprefix("/koogallery")
    body = await _read_body(request, runtime.settings.max_body_bytes)
    push = Push(request.method, path, request.scope["query_string"], request.headers, body)
    content, signature = await answer(push, runtime)
    headers = {} if signature is None else {"Body-Sign": signature}
    return Response(content, media_type="application/json", status_code=200, headers=headers)


async def _read_body(request: Request[Any, Any, State], limit: int) -> bytes | None:
    """The body, or None when it is larger than the limit, comes too slowly or breaks off."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    return None
                chunks.append(chunk)
    except (TimeoutError, HTTPException):
        return None
    return b"".join(chunks)
