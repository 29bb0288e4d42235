"""The use cases with the event log switched off in this process: what the same work costs untold."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest.mock import patch

from tenancy.access_rows import _REFRESH
from tenancy.acts import _INSERT_ACT
from tenancy.department_lists import _APPLY, _FACTS
from tenancy.events import CLOSE_CHANGE_SET, Cause, Event, change_set_values, insert_events
from tenancy.gates import DIFFERENCES
from tenancy.pushes import _INSERT_PUSH_WITH_EVENTS

# Whoever calls gives the same parameters, and PostgreSQL wants to know the types of all.
_UNUSED = """
unused AS (
    SELECT $2::uuid, $3::timestamptz, $4::text, $5::bigint, $6::text[], $7::text[], $8::text[], $9::text[]
)
"""


@contextlib.contextmanager
def without_events() -> Iterator[None]:
    """Inside, nothing is written to the event log, neither events nor change sets nor counters.

    The statements are the service's own but for these parts. What would be told is counted by type all the
    same, from the same facts, because the use cases need to know it.

    Raises:
        RuntimeError: a statement no longer has the part in question.
    """
    with contextlib.ExitStack() as stack:
        for name, value in {
            "department_lists._APPLY": _count_only(_APPLY, _FACTS, "$4"),
            "access_rows._REFRESH": _count_only(_REFRESH, DIFFERENCES, "$3"),
            "pushes._INSERT_PUSH_WITH_EVENTS": _replace(_INSERT_PUSH_WITH_EVENTS, CLOSE_CHANGE_SET, _UNUSED),
            "acts._INSERT_ACT": _replace(_INSERT_ACT, CLOSE_CHANGE_SET, _UNUSED),
            "pushes.change_set_values": _encode_nothing,
            "acts.change_set_values": _encode_nothing,
        }.items():
            stack.enter_context(patch(f"tenancy.{name}", value))
        yield


def _count_only(statement: str, facts: str, first: str) -> str:
    insert = insert_events(facts, first=f"{first}::bigint")
    return _replace(statement, insert, f"SELECT FROM ({facts}) AS f WHERE {first}::bigint IS NOT NULL")


def _replace(statement: str, part: str, other: str) -> str:
    if statement.count(part) != 1:
        raise RuntimeError(f"The service writes events otherwise than this benchmark knows: {statement}")
    return statement.replace(part, other)


def _encode_nothing(cause: Cause, _events: Sequence[Event], counts: Mapping[str, int]) -> list[Any]:
    return change_set_values(cause, (), counts)
