"""Logging: one structured stream for our own events and those of the libraries."""

import asyncio
import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.redaction import redact_event, redact_text
from service.tracebacks import render_exception
from tenancy.notes import noted

# These bring handlers of their own when they configure themselves; their records go to ours instead.
_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar", "asyncpg")

# These tell each call with its address or its headers, which may be somebody's secrets.
_TALKATIVE = ("httpx2", "httpcore2")

_REQUESTS = "service.requests"

get_logger = structlog.get_logger
_requests = get_logger(_REQUESTS)


class LogHandler(logging.StreamHandler[TextIO]):
    """The one handler of the process; a class of its own so that configuring again replaces it alone."""

    def __init__(self, stream: TextIO, *, is_json: bool) -> None:
        """Write to `stream`; `is_json` says that its formatter makes an object of each event."""
        super().__init__(stream)
        self.is_json = is_json

    def write_object(self, members: Mapping[str, object]) -> None:
        """Write a line as the formatter would make it of an event without nested values."""
        safe = {
            name: redact_text(value) if isinstance(value, str) else value for name, value in members.items()
        }
        try:
            line = msgspec.json.encode(safe).decode() + self.terminator
            with self.lock or contextlib.nullcontext():
                self.stream.write(line)
                self.flush()
        except Exception:  # noqa: BLE001 - as with any handler, no work fails because it cannot be told
            self.handleError(logging.makeLogRecord({"name": __name__, "msg": "A line was not written."}))


def configure_logs(
    *,
    format: Literal["console", "json"] | None,  # noqa: A002 - the setting is named so
    level: str,
    stream: TextIO | None = None,
) -> None:
    """Send everything that is logged to `stream` (standard error unless given), with secrets left out.

    Call it once at start-up; run uvicorn with `log_config=None`, or it puts its own handlers back.

    Args:
        format: `console` for people, `json` for machines (one object a line); None looks whether `stream` is
            a terminal.
        level: Name of the least severe level to log, in any letter case.
        stream: Where to write.

    Raises:
        ValueError: If there is no such level.
    """
    stream = stream or sys.stderr
    in_colour = stream.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _merge_notes,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    as_console = format == "console" or (format is None and in_colour)
    handler = LogHandler(stream, is_json=not as_console)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(render_exception),
                redact_event,
                _console_renderer(in_colour=in_colour) if as_console else _json_renderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler, *(other for other in root.handlers if not isinstance(other, LogHandler))]
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def ignore_level_signals() -> None:
    """Have the signals that change the level do nothing until somebody minds them: by default they kill."""
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def level_changed_by_signal(*, level: str) -> Iterator[None]:
    """Inside, log everything from SIGUSR1 on, and from `level` on again after SIGUSR2."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, root = asyncio.get_running_loop(), logging.getLogger()
    levels = {signal.SIGUSR1: "DEBUG", signal.SIGUSR2: level.upper()}
    for number, name in levels.items():
        loop.add_signal_handler(number, root.setLevel, name)
    try:
        yield
    finally:
        for number in levels:
            loop.remove_signal_handler(number)


def log_request(level: int, **facts: object) -> None:
    """Log what has become of the request under way.

    An event like any other; as there is one for every request, it goes the short way, at a fifth of the cost.
    """
    root = logging.getLogger()
    if level < root.level:
        return
    handler = next((one for one in root.handlers if isinstance(one, LogHandler)), None)
    if handler is None or not handler.is_json:
        _requests.log(level, "request", **facts)
        return
    named = {"event": "request", "level": logging.getLevelName(level).lower(), "logger": _REQUESTS}
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    handler.write_object({**noted(), **facts, **named, "timestamp": at})


def _merge_notes(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add what is known of the request under way."""
    return {**noted(), **event}


def _console_renderer(*, in_colour: bool) -> Processor:
    # The default traceback shows the local variables of every frame, secrets included.
    return structlog.dev.ConsoleRenderer(
        colors=in_colour, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )


def _json_renderer() -> Processor:
    return structlog.processors.JSONRenderer(ensure_ascii=False)
