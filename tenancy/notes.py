"""What is known of the request that is under way: for its log line, its trace and its errors.

Whoever learns a fact notes it; outside a request nothing is kept.
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

_notes: ContextVar[dict[str, str] | None] = ContextVar("notes", default=None)


@contextlib.contextmanager
def noting(notes: dict[str, str]) -> Iterator[None]:
    """Gather in `notes` what is noted inside, by whatever task was begun there."""
    before = _notes.set(notes)
    try:
        yield
    finally:
        _notes.reset(before)


def note(name: str, value: str | None) -> None:
    """Note a fact that is neither secret nor about a person; a later one of the same name replaces it.

    None is no fact.
    """
    notes = _notes.get()
    if notes is not None and value is not None:
        notes[name] = value


def noted() -> Mapping[str, str]:
    """All that was noted of the request under way; empty outside one."""
    return _notes.get() or {}
