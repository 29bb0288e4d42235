"""What is told of a person whom a message has described, authorised or removed."""

from typing import Any

from tenancy.event_objects import AuthorisationFact, MemberObject, MembershipObject, object_of
from tenancy.events import Event
from tenancy.member_facts import UNSAID, KnownMember
from tenancy.member_rows import MemberRow


def tell_member(row: MemberRow, app_id: str, instance_id: str) -> list[Event]:
    """The events that lead from what `was` known of a person to what is known now."""
    return [*_tell_person(row), *_tell_membership(row), *_tell_word(row, app_id, instance_id)]


def tell_removal(row: Any) -> list[Event]:
    """The events of somebody who goes with a binding; the row has the person's attributes."""
    name = row["user_name"]
    return [Event(type=f"{kind}.removed", subject=name, previous=it) for kind, it in _objects(row).items()]


def tell_return(row: Any) -> list[Event]:
    """The events of somebody who is back; the row has the person's attributes."""
    verbs = {"member": "restored", "membership": "added"}
    name = row["user_name"]
    return [Event(type=f"{kind}.{verbs[kind]}", subject=name, data=it) for kind, it in _objects(row).items()]


def _objects(row: Any) -> dict[str, MemberObject | MembershipObject]:
    objects: dict[str, MemberObject | MembershipObject] = {"member": object_of(MemberObject, row)}
    if row["department_code"] is not None:
        objects["membership"] = object_of(MembershipObject, row)
    return objects


def _tell_person(row: MemberRow) -> list[Event]:
    previous, data = person_of(row, row.was), person_of(row, row.known)
    if previous == data:
        return []
    if previous is None:
        verb = "added" if row.was.source_time is None else "restored"
    else:
        verb = "changed" if data is not None else "removed"
    return [Event(type=f"member.{verb}", subject=row.user_name, data=data, previous=previous)]


def _tell_membership(row: MemberRow) -> list[Event]:
    previous, data = membership_of(row, row.was), membership_of(row, row.known)
    if previous == data:
        return []
    left = Event(type="membership.removed", subject=row.user_name, previous=previous)
    joined = Event(type="membership.added", subject=row.user_name, data=data)
    return [event for event in (left, joined) if event.data or event.previous]


def _tell_word(row: MemberRow, app_id: str, instance_id: str) -> list[Event]:
    data, previous = (_word(known.word, app_id, instance_id) for known in (row.known, row.was))
    if data == previous:
        return []
    verb = UNSAID if data is None else data.word
    return [Event(type=f"authorisation.{verb}", subject=row.user_name, data=data, previous=previous)]


def _word(word: str | None, app_id: str, instance_id: str) -> AuthorisationFact | None:
    return None if word is None else AuthorisationFact(app=app_id, instance_id=instance_id, word=word)


def person_of(row: MemberRow, known: KnownMember) -> MemberObject | None:
    """The person as it is told; None while it is not there."""
    if known.removed:
        return None
    attributes: dict[str, Any] = {
        name: value for name, value in known.attributes.items() if name != "department_code"
    }
    return MemberObject(user_name=row.user_name, id=row.id, **attributes)


def membership_of(row: MemberRow, known: KnownMember) -> MembershipObject | None:
    """Where the person belongs as it is told; None while it is not there or belongs nowhere."""
    code = known.attributes["department_code"]
    if known.removed or code is None:
        return None
    return MembershipObject(user_name=row.user_name, department_code=code)
