"""Traces by OpenTelemetry: the spans of requests, of their statements and of calls to others."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID, uuid4

from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from service.traces.carriers import read_links
from service.traces.causes import CauseIds, IdSampler, context_of
from service.traces.exporting import PatientExporter, make_exporter
from service.traces.spans import OpenCall, OpenRequest, request_under_way
from service.traces.statements import describe_statement
from service.traces.tracing import Query

_SHUTDOWN_SECONDS = 3.0
_MOST_STATEMENTS = 128  # of one request; the rest is counted


class OpenTelemetryTraces:
    """Traces of one process, sent by a thread of its own."""

    def __init__(
        self, provider: TracerProvider, exporter: PatientExporter, *, sampler: IdSampler, ids: CauseIds
    ) -> None:
        self._provider = provider
        self._exporter = exporter
        self._sampler = sampler
        self._ids = ids
        self._tracer: Tracer = provider.get_tracer("tenon")

    def begin(self, request_id: UUID, headers: Iterable[tuple[bytes, bytes]]) -> OpenRequest | None:
        """Begin the root span of a request, whose id is the trace's; None when it is not sampled."""
        if not self._sampler.takes(request_id.int):
            return None
        with self._ids.of(request_id):
            span = self._tracer.start_span(
                "request", context=Context(), kind=SpanKind.SERVER, links=read_links(headers)
            )
        return OpenRequest(span)

    def log_query(self, query: Query) -> None:
        """Tell a statement that has just ended, if it belongs to a request that is traced."""
        request = request_under_way()
        if request is None:
            return
        request.statements += 1
        if request.statements > _MOST_STATEMENTS:
            return
        ended = time.time_ns()
        statement = describe_statement(query.query)
        span = self._tracer.start_span(
            statement.summary,
            context=request.context,
            kind=SpanKind.CLIENT,
            start_time=ended - round(query.elapsed * 1e9),
            attributes={
                "db.system.name": "postgresql",
                "db.operation.name": statement.operation,
                "db.query.summary": statement.summary,
            },
        )
        if query.exception is not None:
            # Never its text: that may quote a value.
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", type(query.exception).__name__)
            state = getattr(query.exception, "sqlstate", None)
            if state is not None:
                span.set_attribute("db.response.status_code", state)
        span.end(ended)

    @contextlib.contextmanager
    def calling(
        self, name: str, *, method: str, cause: UUID | None, attributes: Mapping[str, str]
    ) -> Iterator[OpenCall]:
        """Trace the call that is made inside, in the trace of its cause or, without one, in its own."""
        own = {f"tenon.{key}": value for key, value in attributes.items()}
        span = self._tracer.start_span(
            name,
            context=context_of(cause),
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, **own},
        )
        call = OpenCall(span)
        try:
            yield call
        except BaseException as error:
            call.failed(type(error).__name__)
            raise
        finally:
            span.end()

    async def shutdown(self) -> None:
        """Send what is left, for three seconds at the most."""
        # The library would wait for longer, so it is left behind in a thread that ends with the process.
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, _SHUTDOWN_SECONDS)
        self._exporter.shutdown()


def open_traces(*, endpoint: str, ratio: float, service_name: str, version: str) -> OpenTelemetryTraces:
    """Start the thread that sends spans to an endpoint of OTLP over HTTP.

    Raises:
        ValueError: a variable of OpenTelemetry has a value that its library refuses.
    """
    sampler, ids, exporter = IdSampler(ratio), CauseIds(), make_exporter(endpoint)
    own = {
        "service.name": service_name,
        "service.version": version,
        "service.instance.id": str(uuid4()),
    }
    resource = Resource.create({**own, **OTELResourceDetector().detect().attributes})
    provider = TracerProvider(sampler=sampler, resource=resource, id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OpenTelemetryTraces(provider, exporter, sampler=sampler, ids=ids)
