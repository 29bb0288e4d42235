"""Rules about what messages say of a member; pure, so that any order of messages gives the same person."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

# Older than every message: what is only implied gives way to anything that is said.
IMPLIED_AT: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND: Final = timedelta(microseconds=1)

DEFAULTS: Final[dict[str, Any]] = {
    "name": "",
    "role": "user",
    "enabled": True,
    "position": None,
    "employee_code": None,
    "employee_type": None,
    "mobile": None,
    "email": None,
    "work_place": None,
    "entry_date": None,
    "department_code": None,
}

GRANTED: Final = "granted"
CANCELLED: Final = "cancelled"
REMOVED: Final = "removed"


class MemberFacts(msgspec.Struct, frozen=True):
    """What one message says of a person: only the attributes that it mentions; None clears one."""

    user_name: str
    attributes: Mapping[str, Any]


class KnownMember(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a person; `times` holds when each attribute was last mentioned, in microseconds.

    `state` is the marketplace's word for the app in question, None before the first; `elsewhere` says
    whether another app still keeps the person.
    """

    attributes: Mapping[str, Any] = msgspec.field(default_factory=lambda: DEFAULTS)
    times: Mapping[str, int] = {}
    source_time: datetime | None = None
    state: str | None = None
    state_time: datetime = IMPLIED_AT
    elsewhere: bool = False

    @property
    def removed(self) -> bool:
        """A person is there once described, until every app that knew it has removed it."""
        return self.source_time is None or (self.state == REMOVED and not self.elsewhere)


def describe(known: KnownMember, facts: MemberFacts, at: datetime) -> KnownMember:
    """Merge what a message of time `at` says; each attribute keeps its newest mention."""
    moment = (at - IMPLIED_AT) // _MICROSECOND
    attributes, times = dict(known.attributes), dict(known.times)
    for name, value in facts.attributes.items():
        if moment >= times.get(name, 0):
            attributes[name] = value
            times[name] = moment
    newest = at if known.source_time is None else max(at, known.source_time)
    return msgspec.structs.replace(known, attributes=attributes, times=times, source_time=newest)


def authorise(known: KnownMember, state: str, at: datetime) -> KnownMember:
    """Take the marketplace's word of time `at` about the app, unless a newer one stands."""
    if known.state is not None and at < known.state_time:
        return known
    return msgspec.structs.replace(known, state=state, state_time=at)


def imply_grant(known: KnownMember) -> KnownMember:
    """A modification of an unknown person counts as an addition, but only until something is said."""
    return authorise(known, GRANTED, IMPLIED_AT) if known.state is None else known
