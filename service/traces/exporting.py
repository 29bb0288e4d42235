"""Sending batches of spans to a collector, which may be away: then they are dropped, and few words made."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = structlog.get_logger(__name__)

_REMINDER_SECONDS = 600.0
# They tell each batch that fails, each attempt, and each batch for which there is no room.
_TALKATIVE: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.util.re",
)


class PatientExporter(SpanExporter):
    """Tells that spans were dropped once when it begins, and every ten minutes while it goes on."""

    def __init__(self, exporter: SpanExporter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._exporter = exporter
        self._clock = clock
        self._dropped = 0
        self._next_word = float("-inf")
        self._closing = threading.Lock()
        self._is_closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch, within the exporter's time limit."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._dropped += len(spans)
            now = self._clock()
            if now >= self._next_word:
                log.warning("traces_dropped", spans=self._dropped)
                self._dropped, self._next_word = 0, now + _REMINDER_SECONDS
        return result

    def shutdown(self) -> None:
        """Give up what is under way; a second time does nothing."""
        with self._closing:
            if not self._is_closed:
                self._is_closed = True
                self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Say that nothing is kept here."""
        return self._exporter.force_flush(timeout_millis)


def make_exporter(endpoint: str) -> PatientExporter:
    """Make the exporter of a process; everything but the address is in variables of OpenTelemetry."""
    # Before it is made: it repeats headers that it cannot read, which are secrets.
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(endpoint=endpoint)
    # Tells each connection with the collector's address.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    return PatientExporter(exporter)
