"""Logging: one structured stream for our own events and those of the libraries."""

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import Processor

from service.redaction import redact_event

# These bring handlers of their own when they configure themselves; their records go to ours instead.
_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar", "asyncpg")

# These tell each call with its address or its headers, which may be somebody's secrets.
_TALKATIVE = ("httpx2", "httpcore2")

get_logger = structlog.get_logger


class LogHandler(logging.StreamHandler[TextIO]):
    """The one handler of the process; a class of its own so that configuring again replaces it alone."""


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
    handler = LogHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
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


def _console_renderer(*, in_colour: bool) -> Processor:
    # The default traceback shows the local variables of every frame, secrets included.
    return structlog.dev.ConsoleRenderer(
        colors=in_colour, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )


def _json_renderer() -> Processor:
    return structlog.processors.JSONRenderer(ensure_ascii=False)
