"""Exceptions in the log: where they came from and of what kind, without their texts.

What a library or a database says in an exception may repeat what it was given: "Key (user_name)=(…) already
exists". The kind, the lines of code and the names that the database gives are enough to find a fault.
"""

import traceback
from collections.abc import Iterator

from structlog.typing import ExcInfo

from tenancy.errors import DomainError

# Their texts are ours, or the operating system's.
_TOLD = (DomainError, OSError)
# The database's code of an error, and what it says of its own parts.
_FACTS = ("sqlstate", "table_name", "constraint_name")
_MOST_LINKS = 10


def render_exception(exc_info: ExcInfo) -> str:
    """An exception with what led to it, as the interpreter prints it, but for the texts."""
    return "\n".join(_chain(exc_info[1], _MOST_LINKS))


def _chain(error: BaseException | None, most: int) -> Iterator[str]:
    if error is None or most == 0:
        return
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before, most - 1)
        yield "\nFrom this came:\n"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield _name(error)
    if isinstance(error, BaseExceptionGroup):
        for number, part in enumerate(error.exceptions[:_MOST_LINKS], start=1):
            yield f"\n{number} of {len(error.exceptions)}:\n"
            yield from _chain(part, most - 1)


def _name(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    facts = [str(fact) for fact in (getattr(error, name, None) for name in _FACTS) if fact]
    if isinstance(error, _TOLD):
        facts.append(str(error))
    return f"{name}: {', '.join(facts)}" if facts else name
