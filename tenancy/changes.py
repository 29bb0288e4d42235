"""What changed and why: facts of change, and the cause whose change set they make up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class ChangeFact(msgspec.Struct, frozen=True, kw_only=True):
    """One change: `department.moved` of subject `D1`, with what was and what is."""

    action: str
    subject: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A push or an act; `by` is how other rows remember it: `push:<id>` or the actor."""

    id: UUID
    by: str
    at: datetime


class Author(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is behind a fact: a push of the marketplace, or an actor of our API such as `operator:9f2c…`."""

    push: UUID | None = None
    actor: str | None = None


def author_of(by: str | None) -> Author | None:
    """The author that a row remembers; None where nothing was remembered."""
    if by is None:
        return None
    kind, _, push = by.partition(":")
    return Author(push=UUID(push)) if kind == "push" else Author(actor=by)


def count_changes(changes: Sequence[ChangeFact], differences: Mapping[str, int]) -> dict[str, int]:
    """How many changes there are of each action; `differences` are those that are already counted."""
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.action] = counts.get(change.action, 0) + 1
    return {**counts, **differences}


def change_columns(changes: Sequence[ChangeFact]) -> list[list[Any]]:
    """Changes as the columns action, subject, before and after; the last two in JSON."""
    return [
        [change.action for change in changes],
        [change.subject for change in changes],
        [encode(change.before) for change in changes],
        [encode(change.after) for change in changes],
    ]


def encode(value: Mapping[str, Any] | None) -> str | None:
    """A value for a JSON column."""
    return None if value is None else msgspec.json.encode(value).decode()
