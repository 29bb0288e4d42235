"""Spans that are open: of the request that is under way, and of calls to others."""

import asyncio
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode, set_span_in_context

from service.koogallery.results import INTERNAL
from service.traces.carriers import write_headers

_REFUSED, _FAILED = 400, 500
_NOTES: Final = ("product", "interface", "result", "tenant_id")
_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)


class OpenRequest:
    """A request that is traced and under way."""

    def __init__(self, span: Span) -> None:
        self.context = set_span_in_context(span, Context())
        self.statements = 0
        self._span = span
        self._before = _request.set(self)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self._span.is_recording()

    def end(self, *, method: str, route: str, status: int, notes: Mapping[str, str]) -> None:
        """Tell what became of it, in the task that began it."""
        _request.reset(self._before)
        span, ended = self._span, time.time_ns()
        known = method if method in _METHODS else "_OTHER"
        span.update_name(f"{known if known == method else 'HTTP'} {route}")
        span.set_attribute("http.request.method", known)
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        for name in _NOTES:
            if name in notes:
                span.set_attribute(f"tenon.{name}", notes[name])
        if status >= _FAILED or notes.get("result") == INTERNAL:
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", str(status) if status >= _FAILED else INTERNAL)
        # The driver tells of a statement in the next round of the loop, so the last one is still to come.
        asyncio.get_running_loop().call_soon(self._close, ended)

    def _close(self, ended: int) -> None:
        self._span.set_attribute("tenon.statements", self.statements)
        self._span.end(ended)


_request: ContextVar[OpenRequest | None] = ContextVar("request", default=None)


def request_under_way() -> OpenRequest | None:
    """The request for which this is done, if it is traced and still under way: tasks may outlive it."""
    request = _request.get()
    return request if request is not None and request.is_open else None


class OpenCall:
    """A call that is under way."""

    def __init__(self, span: Span) -> None:
        self.headers: Mapping[str, str] = write_headers(span.get_span_context())
        self._span = span

    def answered(self, status: int | None) -> None:
        """Tell the status of the answer; None when no answer came."""
        if status is None:
            self.failed("unreachable")
            return
        self._span.set_attribute("http.response.status_code", status)
        if status >= _REFUSED:
            self.failed(str(status))

    def failed(self, kind: str) -> None:
        """Tell that it came to nothing."""
        self._span.set_status(StatusCode.ERROR)
        self._span.set_attribute("error.type", kind)
