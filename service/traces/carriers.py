"""The `traceparent` header, both ways (W3C Trace Context)."""

import re
from collections.abc import Iterable
from typing import Final

from opentelemetry.trace import Link, SpanContext, TraceFlags

_NAME: Final = b"traceparent"
# Later versions may say more after a dash; version ff is none.
_FORM: Final = re.compile(rb"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def read_links(headers: Iterable[tuple[bytes, bytes]]) -> list[Link]:
    """A link to the caller's own trace, if it tells one.

    It is no parent: the doors are open to anybody, who could otherwise write into traces of others.
    """
    values = [value for name, value in headers if name == _NAME]
    found = _FORM.fullmatch(values[0].strip()) if len(values) == 1 else None
    if found is None:
        return []
    version, trace_id, span_id, flags, more = found.groups()
    if version == b"00" and more is not None:
        return []
    told = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return [Link(told)] if told.is_valid else []


def write_headers(context: SpanContext) -> dict[str, str]:
    """The header by which whoever is called goes on with the trace."""
    return {
        _NAME.decode(): f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
    }
