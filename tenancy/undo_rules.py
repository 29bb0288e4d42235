"""Rules about what of a push can be brought back; pure, so that they are tested without a database."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from tenancy.event_objects import AuthorisationFact
from tenancy.event_types import KINDS
from tenancy.events import Cause, Event
from tenancy.member_facts import GRANTED
from tenancy.tree import find_loops

ADDED: Final = "The push added it; there is nothing to bring back."
AS_BEFORE: Final = "It is as before the push already."
CHANGED: Final = "It has changed since"
RETURNED: Final = "It has come back since"
GONE: Final = "It has been removed since"
# Of these, it is said by whom as well.
SINCE: Final = frozenset({CHANGED, RETURNED, GONE})
NEWER: Final = "A newer message says that it is as the push left it."
LOOP: Final = "A department would become its own ancestor."
ENDED: Final = "The binding has ended; it comes back only through the marketplace."
STILL_REMOVED: Final = "No app keeps the person any more."
NEEDED: Final = "Nothing else keeps the person."
NOT_WHOLE: Final = "The log did not tell what it was like before."

# What only the marketplace can bring back.
_FOREIGN: Final = {
    "app": "The credentials of an app are not kept; the marketplace has to send them again.",
    "binding": "A purchase or a binding comes back only through the marketplace.",
    "tenant": "Only the marketplace describes an enterprise.",
}

_AUTHORISATION: Final = "authorisation"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the push that is to be undone, with `data` and `previous` as the log has them."""

    number: int
    type: str
    subject: str
    data: dict[str, Any] | None
    previous: dict[str, Any] | None

    @property
    def kind(self) -> str:
        """What the event is about."""
        return self.type.partition(".")[0]

    @property
    def is_state(self) -> bool:
        """Whether the event changes something that could be brought back; access follows by itself."""
        return self.kind == _AUTHORISATION or (self.kind in KINDS and self.kind != "access")


class Undoing(msgspec.Struct, frozen=True, kw_only=True):
    """An undo under way: the act behind it, the push's source time and that of what is brought back.

    The latter is newer, so that the same push or an older one does not undo the undo.
    """

    tenant_id: UUID
    cause: Cause
    said_at: datetime
    at: datetime


class Remaining(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is not undone, and why."""

    told: Told
    reason: str


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was brought back, as events that are still to be written and as counts of those that are."""

    events: list[Event] = []
    differences: dict[str, int] = {}
    remaining: list[Remaining] = []


def find_hindrance(told: Told) -> str | None:
    """Why an event cannot be undone, whatever is the case now; None if it perhaps can."""
    is_word = told.kind == _AUTHORISATION
    if told.previous is None and not is_word:
        return ADDED
    if told.kind in _FOREIGN:
        return _FOREIGN[told.kind]
    fields = set((AuthorisationFact if is_word else KINDS[told.kind].shape).__struct_fields__)
    if any(known is not None and not known.keys() >= fields for known in (told.data, told.previous)):
        return NOT_WHOLE
    # Without a word before, a cancellation or a removal can still be made unsaid.
    is_addition = told.previous is None and told.data is not None and told.data["word"] == GRANTED
    return ADDED if is_addition else None


def judge(now: object, *, data: object, previous: object, is_newer: bool) -> str | None:
    """Why an object is not brought back from `data` to `previous`; None if it is.

    `is_newer` says whether a newer message than the push speaks of the object.
    """
    if now == previous:
        return AS_BEFORE
    if now != data:
        return GONE if now is None else RETURNED if data is None else CHANGED
    return NEWER if is_newer else None


def find_closing(parents: Mapping[str, str | None], wanted: Mapping[str, str | None]) -> set[str]:
    """Which departments must not get the parent that is wanted for them, or a loop would arise.

    All are looked at together; of each loop that would arise, one stays where it is among `parents`. Loops
    that are there already do not count.
    """
    closing: set[str] = set()
    while True:
        moving = wanted.keys() - closing
        merged = {**parents, **{code: wanted[code] for code in moving}}
        found = [moving & set(loop) for loop in find_loops(merged)]
        more = {min(movers) for movers in found if movers}
        if not more:
            return closing
        closing |= more
