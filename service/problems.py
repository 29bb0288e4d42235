"""Errors for callers of our API: RFC 9457 problem details with a stable `code`, nothing internal."""

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException

from service.requests import request_id
from tenancy.errors import Conflict, DomainError, Forbidden, Gone, Invalid, NotFound, Unavailable
from tenancy.notes import note

log = structlog.get_logger(__name__)

_STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (NotFound, 404),
    (Gone, 410),
    (Conflict, 409),
    (Forbidden, 403),
    (Invalid, 422),
    (Unavailable, 503),
)
_BAD_REQUEST = 400
_INVALID_BODY = 422
_SERVER_ERROR = 500


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as RFC 9457 has it, with the code that programs may rely on."""

    title: str
    status: int
    code: str
    detail: str | None = None
    errors: list[dict[str, str]] = []


def respond(problem: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Make the response of a problem."""
    return Response(
        msgspec.json.encode({"type": "about:blank", **msgspec.to_builtins(problem)}),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers,
    )


def domain_problem(_request: Request[Any, Any, State], error: DomainError) -> Response[bytes]:
    """An error of the domain: its category is the status, its class the code."""
    status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    note("code", error.code)
    if status >= _SERVER_ERROR:
        note("cause", error.detail)
        return respond(Problem(title=error.message, status=status, code=error.code), {"Retry-After": "1"})
    return respond(Problem(title=error.message, status=status, code=error.code, detail=error.detail))


def http_problem(_request: Request[Any, Any, State], error: HTTPException) -> Response[bytes]:
    """An error of the framework: unknown route, wrong method, invalid body or parameter."""
    headers = dict(error.headers or {})
    if isinstance(error, ValidationException):
        extra = error.extra if isinstance(error.extra, list) else []
        errors = [
            {"field": str(item.get("key", "")), "message": str(item.get("message", ""))} for item in extra
        ]
        problem = Problem(
            title="The request is not valid.", status=_INVALID_BODY, code="invalid_request", errors=errors
        )
        return respond(problem, headers)
    if error.status_code >= _SERVER_ERROR:
        return unexpected_problem(_request, error)
    code = f"http_{error.status_code}"
    return respond(Problem(title=error.detail, status=error.status_code, code=code), headers)


def unreadable_problem(
    _request: Request[Any, Any, State], _error: RecursionError | UnicodeDecodeError
) -> Response[bytes]:
    """A body that the decoder gave up on, in ways that the framework does not expect of it."""
    title = "The body is not UTF-8 or nested too deep."
    return respond(Problem(title=title, status=_BAD_REQUEST, code="body_unreadable"))


def log_unexpected(error: Exception) -> str:
    """Log what nobody has expected; the id by which it is found there."""
    log.error("unexpected_error", exc_info=error)
    return str(request_id())


def unexpected_problem(_request: Request[Any, Any, State], error: Exception) -> Response[bytes]:
    """Anything else: told only as an id that the log has too."""
    correlation = log_unexpected(error)
    problem = Problem(
        title="Something went wrong on our side.",
        status=_SERVER_ERROR,
        code="internal",
        detail=f"Correlation id: {correlation}",
    )
    return respond(problem)
