"""Around every request: an id, one line in the log, one count, and sending clients elsewhere when leaving."""

import logging
import time
from uuid import UUID, uuid4

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.koogallery.results import INTERNAL, SUCCESS
from service.logs import log_request
from service.metrics.definitions import count_request
from service.runtime import Runtime
from tenancy.notes import noted, noting

UNMATCHED = "unmatched"

_ABANDONED = 499
_REFUSED, _FAILED = 400, 500
# Asked every few seconds, and of interest only when they fail.
_WATCHED = frozenset({"/health/live", "/health/ready", "/metrics"})


class Requests:
    """Wraps the application: knows of each request when it begins and what became of it."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application whose scope names the Litestar application that it belongs to."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry a request out."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        runtime: Runtime = scope["litestar_app"].state.runtime
        request_id = str(uuid4())
        began = time.perf_counter()
        status = _ABANDONED

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                if runtime.draining.is_under_way:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        notes = {"request_id": request_id}
        span = None
        if runtime.traces is not None and scope["path"] not in _WATCHED:
            span = runtime.traces.begin(UUID(request_id), scope["headers"])
        if span is not None:
            notes["trace_id"] = UUID(request_id).hex
        with noting(notes):
            try:
                await self._app(scope, receive, answer)
            finally:
                seconds = time.perf_counter() - began
                # What the router knows, and never the path: that may name persons.
                route = str(scope.get("path_template") or UNMATCHED)
                count_request(route=route, method=scope["method"], status=status, seconds=seconds)
                if span is not None:
                    span.end(method=scope["method"], route=route, status=status, notes=notes)
                _tell(route, scope["method"], status, seconds)


def request_id() -> UUID:
    """The id of the request under way, by which its line in the log is found; a new one outside of any."""
    found = noted().get("request_id")
    return uuid4() if found is None else UUID(found)


def _tell(route: str, method: str, status: int, seconds: float) -> None:
    is_watched, result = route in _WATCHED, noted().get("result", SUCCESS)
    level = logging.DEBUG if is_watched else logging.INFO
    if (status >= _FAILED and not is_watched) or result == INTERNAL:
        level = logging.ERROR
    elif status >= _REFUSED or result != SUCCESS:
        level = logging.WARNING
    log_request(level, method=method, route=route, status=status, duration_ms=round(seconds * 1000, 1))
