"""Ids of traces: a request's id is its trace's, and a push or an act has the id of its request.

So whoever knows the cause of an event knows its trace, and nothing has to be stored for it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Final
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

_LOW_64: Final = (1 << 64) - 1
# Of an id's lowest 56 bits all are random, in a UUID too: its fixed ones are above them.
_RANDOM_BITS: Final = 56
_LOW_56: Final = (1 << _RANDOM_BITS) - 1

_root: ContextVar[UUID | None] = ContextVar("root", default=None)


def root_span_id(cause: UUID) -> int:
    """The id of the root span of a request, a push or an act."""
    return cause.int & _LOW_64 or 1


def context_of(cause: UUID | None) -> Context:
    """The context in which a span goes on with the trace of a cause; one of a trace of its own without."""
    if cause is None:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
    parent = SpanContext(cause.int, root_span_id(cause), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(parent), Context())


class CauseIds(RandomIdGenerator):
    """Random ids, but those of root spans follow from what they are of."""

    @contextlib.contextmanager
    def of(self, request_id: UUID) -> Iterator[None]:
        """Give the span that is begun inside the ids of this request."""
        before = _root.set(request_id)
        try:
            yield
        finally:
            _root.reset(before)

    def generate_trace_id(self) -> int:
        """The id of a new trace."""
        root = _root.get()
        return super().generate_trace_id() if root is None else root.int

    def generate_span_id(self) -> int:
        """The id of a new span."""
        root = _root.get()
        return super().generate_span_id() if root is None else root_span_id(root)


class IdSampler(Sampler):
    """Samples a share of all traces by their ids alone, whatever their parents say.

    By the lowest 56 bits, which W3C Trace Context Level 2 calls the random ones: OpenTelemetry's own sampler
    takes the lowest 64, of which two are fixed in a UUID, and would sample none of ours, or all.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._least = round((1 - ratio) * (1 << _RANDOM_BITS))

    def takes(self, trace_id: int) -> bool:
        """Whether a trace is sampled."""
        return (trace_id & _LOW_56) >= self._least

    def should_sample(
        self,
        parent_context: Context | None,  # noqa: ARG002
        trace_id: int,
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        """Decide, as the library asks it."""
        decision = Decision.RECORD_AND_SAMPLE if self.takes(trace_id) else Decision.DROP
        return SamplingResult(decision, attributes)

    def get_description(self) -> str:
        """What it does, in a word."""
        return f"IdSampler{{{self._ratio}}}"
