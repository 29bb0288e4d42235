"""What the rest of Tenon knows of traces: nothing of OpenTelemetry, which is loaded only when they are on."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol
from uuid import UUID


class Query(Protocol):
    """A statement as the database's driver reports it."""

    @property
    def query(self) -> str:
        """Its text, without the values."""

    @property
    def elapsed(self) -> float:
        """How long it took, in seconds."""

    @property
    def exception(self) -> BaseException | None:
        """What was raised; None when it worked."""


class RequestSpan(Protocol):
    """A request that is traced and under way."""

    def end(self, *, method: str, route: str, status: int, notes: Mapping[str, str]) -> None:
        """Tell what became of it, in the task that began it.

        `route` is the template of the path, never the path; of `notes` only what cannot name a person is
        told: `product`, `interface`, `result` and `tenant_id`.
        """


class Call(Protocol):
    """A call to somebody else's application."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by which the other side can go on with the trace."""

    def answered(self, status: int | None) -> None:
        """Tell the status of the answer; None when no answer came."""


class Traces(Protocol):
    """Traces of one process, sent in the background; what cannot be sent is dropped."""

    def begin(self, request_id: UUID, headers: Iterable[tuple[bytes, bytes]]) -> RequestSpan | None:
        """Begin the root span of a request, whose id is the trace's; None when it is not sampled."""

    def log_query(self, query: Query) -> None:
        """Tell a statement that has just ended, if it belongs to a request that is traced."""

    def calling(
        self, name: str, *, method: str, cause: UUID | None, attributes: Mapping[str, str]
    ) -> contextlib.AbstractContextManager[Call]:
        """Trace the call that is made inside, in the trace of its cause or, without one, in its own."""

    async def shutdown(self) -> None:
        """Send what is left, for a bounded time."""


class _Untraced:
    """A call while traces are off."""

    headers: Mapping[str, str] = {}

    def answered(self, status: int | None) -> None:
        """Keep it to itself."""


_UNTRACED = _Untraced()


@contextlib.contextmanager
def calling(
    traces: Traces | None,
    name: str,
    *,
    method: str = "POST",
    cause: UUID | None = None,
    attributes: Mapping[str, str],
) -> Iterator[Call]:
    """Trace the call that is made inside, if traces are on.

    Args:
        traces: of the process, None when they are off.
        name: what is called, such as `webhook`.
        method: of the request.
        cause: the push or the act that the call tells of, whose trace goes on.
        attributes: what else is told, with `tenon.` before the name: ids of Tenon's own, never addresses,
            names of people or contents.
    """
    if traces is None:
        yield _UNTRACED
        return
    with traces.calling(name, method=method, cause=cause, attributes=attributes) as call:
        yield call
