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
# An administrator has undone what was said, and nothing had been said before.
UNSAID: Final = "unsaid"


class MemberFacts(msgspec.Struct, frozen=True):
    """What one message says of a person: only the attributes that it mentions; None clears one."""

    user_name: str
    attributes: Mapping[str, Any]


class KnownMember(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a person; `times` holds when each attribute was last mentioned, in microseconds.

    `state` is the marketplace's newest word for the app in question, None before the first, and
    `described_time` when it last described the person for this app without a word. What is older than
    `ended_time`, the last end of the binding, no longer counts. `elsewhere` says whether another app keeps
    the person, `removed_elsewhere` whether another app's newest word is its removal.
    """

    attributes: Mapping[str, Any] = msgspec.field(default_factory=lambda: DEFAULTS)
    times: Mapping[str, int] = {}
    source_time: datetime | None = None
    state: str | None = None
    state_time: datetime = IMPLIED_AT
    described_time: datetime | None = None
    ended_time: datetime | None = None
    elsewhere: bool = False
    removed_elsewhere: bool = False

    @property
    def word(self) -> str | None:
        """What counts: the newest word since the binding last ended; failing that, a description grants."""
        if self.state not in {None, UNSAID} and self.state_counts:
            return self.state
        if self.described_time is None or not self._counts(self.described_time):
            return None
        return GRANTED if self.state != UNSAID or self.described_time >= self.state_time else None

    @property
    def removed(self) -> bool:
        """A person is there once described, until an app has removed it and none keeps it."""
        if self.source_time is None:
            return True
        kept = self.elsewhere or self.word in {GRANTED, CANCELLED}
        return not kept and (self.removed_elsewhere or self.state == REMOVED)

    @property
    def state_counts(self) -> bool:
        """Whether the newest word was said since the binding last ended."""
        return self._counts(self.state_time)

    def _counts(self, said_at: datetime) -> bool:
        return self.ended_time is None or said_at >= self.ended_time


def moment_of(at: datetime) -> int:
    """A time as the times of attributes are kept, in microseconds."""
    return (at - IMPLIED_AT) // _MICROSECOND


def describe(known: KnownMember, facts: MemberFacts, at: datetime) -> KnownMember:
    """Merge what a message of time `at` says; each attribute keeps its newest mention."""
    moment = moment_of(at)
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


def imply_grant(known: KnownMember, at: datetime) -> KnownMember:
    """A modification of an unknown person counts as an addition, but only until something is said."""
    newest = at if known.described_time is None else max(at, known.described_time)
    described = msgspec.structs.replace(known, described_time=newest)
    return authorise(described, GRANTED, IMPLIED_AT) if known.state is None else described
