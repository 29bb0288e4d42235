"""What can be told: the kinds of objects that a directory consists of, and the types of events.

An object is told whole, so that whoever follows the log needs one rule only: put `data` where its kind and
key say, or, when there is none, remove what `previous` was.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec


class TenantObject(msgspec.Struct, frozen=True, kw_only=True):
    """What the marketplace says about an enterprise."""

    external_id: str
    code: str
    name: str
    domain_name: str


class BindingObject(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that the enterprise uses; `open` while it is neither frozen nor expired."""

    instance_id: str
    open: bool


class DepartmentObject(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the tree; its parent may be unknown as yet."""

    code: str
    name: str
    parent_code: str | None


class MemberObject(msgspec.Struct, frozen=True, kw_only=True):
    """A person; the id stays the same when the person is removed and added again."""

    user_name: str
    id: UUID
    name: str
    role: str
    enabled: bool
    position: str | None
    employee_code: str | None
    employee_type: str | None
    mobile: str | None
    email: str | None
    work_place: str | None
    entry_date: str | None


class MembershipObject(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a department, which may be unknown as yet."""

    user_name: str
    department_code: str


class GroupObject(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of members, departments and other groups."""

    id: str
    name: str


class GroupMemberObject(msgspec.Struct, frozen=True, kw_only=True):
    """What a group contains: a member by user name, a department by code or a group by id."""

    group: str
    type: str
    id: str


class AppObject(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's product through one binding; `enabled` while no administrator has stopped it."""

    id: str
    instance_id: str
    client_id: str
    enabled: bool


class GrantObject(msgspec.Struct, frozen=True, kw_only=True):
    """A permission that an administrator gave; it counts as long as its subject is there."""

    app: str
    type: str
    id: str


class AccessObject(msgspec.Struct, frozen=True, kw_only=True):
    """The effective result: this person may use this app."""

    app: str
    user_name: str


class AuthorisationFact(msgspec.Struct, frozen=True, kw_only=True):
    """The marketplace's word on a person, for one app through one instance."""

    app: str
    instance_id: str


class InstanceFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has changed about a purchase; the rest is left out."""

    state: str | None = None
    expires_at: datetime | None = None
    trial: bool | None = None
    order_id: str | None = None
    order_line_id: str | None = None
    front_end_url: str | None = None
    admin_url: str | None = None
    memo: str | None = None


class ProductFact(msgspec.Struct, frozen=True, kw_only=True):
    """A product without its keys; `keys_changed` tells whether they were replaced too."""

    name: str
    settings: dict[str, Any]
    keys_changed: bool = False


class TokenFact(msgspec.Struct, frozen=True, kw_only=True):
    """What a new token of the API may do."""

    role: str


class KeysFact(msgspec.Struct, frozen=True, kw_only=True):
    """How many secrets of each kind were encrypted anew."""

    counts: dict[str, int]


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of object and the fields that tell two of the kind apart."""

    shape: type[msgspec.Struct]
    key: tuple[str, ...]


KINDS: Final = {
    "tenant": Kind(shape=TenantObject, key=("external_id",)),
    "binding": Kind(shape=BindingObject, key=("instance_id",)),
    "department": Kind(shape=DepartmentObject, key=("code",)),
    "member": Kind(shape=MemberObject, key=("user_name",)),
    "membership": Kind(shape=MembershipObject, key=("user_name", "department_code")),
    "group": Kind(shape=GroupObject, key=("id",)),
    "group_member": Kind(shape=GroupMemberObject, key=("group", "type", "id")),
    "app": Kind(shape=AppObject, key=("id", "instance_id")),
    "grant": Kind(shape=GrantObject, key=("app", "type", "id")),
    "access": Kind(shape=AccessObject, key=("app", "user_name")),
}


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of event; one with a kind changes an object of it, one without only tells what has happened."""

    meaning: str
    shape: type[msgspec.Struct] | None = None
    kind: str | None = None


def _changes(kind: str, **meanings: str) -> dict[str, EventType]:
    shape = KINDS[kind].shape
    return {
        f"{kind}.{verb}": EventType(meaning=meaning, shape=shape, kind=kind)
        for verb, meaning in meanings.items()
    }


def _tells(subject: str, shape: type[msgspec.Struct] | None, **meanings: str) -> dict[str, EventType]:
    return {
        f"{subject}.{verb}": EventType(meaning=meaning, shape=shape) for verb, meaning in meanings.items()
    }


EVENT_TYPES: Final[dict[str, EventType]] = {
    **_changes("tenant", added="The enterprise was described.", changed="Its description changed."),
    **_changes(
        "binding",
        added="The enterprise uses an instance from now on.",
        removed="It uses the instance no longer.",
        opened="The instance can be used again: unfrozen or renewed.",
        closed="The instance cannot be used: frozen, expired or not yet provisioned.",
    ),
    **_changes(
        "department",
        added="A department was added.",
        restored="A department that had been removed came back.",
        moved="A department has another parent, and perhaps another name.",
        renamed="A department has another name.",
        removed="A department was removed; those below it are at the top until they get another parent.",
    ),
    **_changes(
        "member",
        added="A person was added.",
        restored="A person who had been removed came back.",
        changed="Something about a person changed.",
        removed="A person was removed.",
    ),
    **_changes("membership", added="A person is in a department.", removed="A person left a department."),
    **_changes(
        "group",
        added="A group was made.",
        renamed="A group has another name.",
        removed="A group was removed.",
    ),
    **_changes(
        "group_member", added="Something was put into a group.", removed="Something was taken out of a group."
    ),
    **_changes(
        "app",
        added="An app was added to a binding.",
        restored="An app that had been removed came back.",
        changed="An app has other credentials.",
        removed="An app was removed.",
        started="An administrator started an app.",
        stopped="An administrator stopped an app; nobody can use it.",
    ),
    **_changes("grant", added="An administrator granted an app.", removed="The grant was withdrawn."),
    **_changes("access", gained="A person may use an app.", lost="A person may no longer use an app."),
    **_tells(
        "authorisation",
        AuthorisationFact,
        granted="The marketplace authorised a person.",
        cancelled="The marketplace cancelled a person's authorisation.",
        removed="The marketplace removed a person from an app.",
    ),
    **_tells(
        "instance",
        InstanceFact,
        opened="A product was bought.",
        activated="A purchase was provisioned.",
        renewed="The paid period of a purchase changed.",
        frozen="A purchase was frozen.",
        unfrozen="A purchase was unfrozen.",
        upgraded="Another order describes a purchase.",
        released="A purchase ended for good.",
    ),
    **_tells(
        "product", ProductFact, added="A product was registered.", changed="A product or its keys changed."
    ),
    **_tells("product", None, removed="A product was removed."),
    **_tells("token", TokenFact, made="A token of the API was made."),
    **_tells("keys", KeysFact, rotated="All stored secrets were encrypted anew under another key."),
}
