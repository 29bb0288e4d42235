"""The rule that says what of a push about one person can be brought back; pure, as all rules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tenancy.member_events import membership_of, person_of
from tenancy.member_facts import UNSAID, KnownMember, MemberFacts, authorise, describe, moment_of
from tenancy.member_rows import MemberRow
from tenancy.undo_rules import (
    ADDED,
    AS_BEFORE,
    CHANGED,
    ENDED,
    NEEDED,
    STILL_REMOVED,
    Remaining,
    Told,
    Undoing,
    find_hindrance,
    judge,
)


def restore_person(
    row: MemberRow, told: Sequence[Told], undoing: Undoing, *, has_ended: bool
) -> tuple[KnownMember, list[Remaining]]:
    """Bring one person back to where the push found it, as far as nothing newer speaks.

    `told` are the push's events about the person, `has_ended` whether the binding of its word is over.
    Returns what is to be known of the person, and which of the events remain.
    """
    events = {event.type: event for event in told}
    if "member.added" in events or "member.restored" in events:
        return row.known, [Remaining(told=event, reason=ADDED) for event in told]
    reasons: dict[str, str | None] = {}
    known = row.known
    for event in told:
        if event.kind == "authorisation":
            known, reasons[event.type] = _restore_word(known, event, undoing, has_ended=has_ended)
    word_reason = next(iter(reasons.values()), None)
    attributes: dict[str, Any] = {}
    if (changed := events.get("member.changed")) is not None:
        reasons["member.changed"] = _find_change(row, changed, undoing, attributes)
    if (removed := events.get("member.removed")) is not None:
        reasons |= _judge_return(row, known, removed, events.get("membership.removed"), word_reason)
    else:
        reasons |= _find_department(row, events, undoing, attributes)
    if attributes:
        known = describe(known, MemberFacts(row.user_name, attributes), undoing.at)
    remaining = ((event, reasons[event.type]) for event in told)
    return known, [Remaining(told=event, reason=reason) for event, reason in remaining if reason]


def _restore_word(
    known: KnownMember, told: Told, undoing: Undoing, *, has_ended: bool
) -> tuple[KnownMember, str | None]:
    """The word before the push, or none, as an administrator's word of now."""
    reason = find_hindrance(told)
    if reason is not None:
        return known, reason
    data, previous = (None if fact is None else fact["word"] for fact in (told.data, told.previous))
    is_newer = known.state_time > undoing.said_at or not known.state_counts
    reason = judge(known.word, data=data, previous=previous, is_newer=is_newer)
    if has_ended and reason != AS_BEFORE:
        reason = ENDED
    if reason is not None:
        return known, reason
    restored = authorise(known, previous or UNSAID, undoing.at)
    if restored.removed and not known.removed:
        return known, NEEDED
    return restored, None


def _find_change(row: MemberRow, told: Told, undoing: Undoing, attributes: dict[str, Any]) -> str | None:
    """Put what the push changed into `attributes`, unless a newer message speaks of one of them."""
    reason = find_hindrance(told)
    if reason is not None:
        return reason
    assert told.previous is not None
    assert told.data is not None
    changed = {name: value for name, value in told.previous.items() if value != told.data[name]}
    is_newer = any(_is_newer(row, name, undoing.said_at) for name in changed)
    now = msgspec.to_builtins(person_of(row, row.known))
    reason = judge(now, data=told.data, previous=told.previous, is_newer=is_newer)
    if reason is None:
        attributes |= changed
    return reason


def _judge_return(
    row: MemberRow, known: KnownMember, removed: Told, left: Told | None, word_reason: str | None
) -> dict[str, str | None]:
    """Whether a person is there again with the word in `known`, and with it where it belonged."""
    reasons: dict[str, str | None] = {}
    before = [person_of(row, row.known), membership_of(row, row.known)]
    after = [person_of(row, known), membership_of(row, known)]
    for told, then, now in zip((removed, left), before, after, strict=True):
        if told is None:
            continue
        reason = find_hindrance(told)
        if reason is None:
            was = msgspec.to_builtins(then)
            reason = judge(was, data=None, previous=told.previous, is_newer=False)
        if reason is None and known.removed:
            reason = word_reason or STILL_REMOVED
        if reason is None and told is left and msgspec.to_builtins(now) != told.previous:
            reason = CHANGED
        reasons[told.type] = reason
    return reasons


def _find_department(
    row: MemberRow, events: dict[str, Told], undoing: Undoing, attributes: dict[str, Any]
) -> dict[str, str | None]:
    """Put the department before the push into `attributes`; leaving one and joining another are one move."""
    left, joined = events.get("membership.removed"), events.get("membership.added")
    move = left or joined
    if move is None:
        return {}
    reason = find_hindrance(move)
    if reason is None:
        is_newer = _is_newer(row, "department_code", undoing.said_at)
        now = msgspec.to_builtins(membership_of(row, row.known))
        data = None if joined is None else joined.data
        reason = judge(now, data=data, previous=move.previous, is_newer=is_newer)
    if reason is None:
        assert move.previous is not None
        attributes["department_code"] = move.previous["department_code"]
    return {event.type: reason for event in (left, joined) if event is not None}


def _is_newer(row: MemberRow, attribute: str, said_at: datetime) -> bool:
    return row.known.times.get(attribute, 0) > moment_of(said_at)
