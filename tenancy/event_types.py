"""What can be told: the kinds of objects that a directory consists of, and the types of events.

An object is told whole, so that whoever follows the log needs one rule only: put `data` where its kind and
key say, or, when there is none, remove what `previous` was.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from tenancy.client_facts import ClientFact
from tenancy.connection_facts import ConnectionFact, IdentityFact
from tenancy.endpoint_facts import EndpointFact, ReplayFact
from tenancy.errors import Invalid
from tenancy.event_objects import (
    AccessObject,
    AppObject,
    AuthorisationFact,
    BindingObject,
    DepartmentObject,
    ErasureFact,
    GrantObject,
    GroupMemberObject,
    GroupObject,
    HeldFact,
    InstanceFact,
    KeysFact,
    MemberObject,
    MembershipObject,
    ProductFact,
    SessionFact,
    SigningKeyFact,
    SyncPolicyFact,
    TenantObject,
    TokenFact,
    UndoneFact,
)


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
        unsaid="A cancellation or a removal was undone where nothing had been said before.",
    ),
    **_tells("push", UndoneFact, undone="What a push had removed or changed was brought back."),
    **_tells(
        "sync",
        HeldFact,
        held="A full list of departments waits for an administrator.",
        approved="An administrator let a held list be applied.",
        rejected="An administrator decided that a held list is not applied.",
        superseded="A newer full list made a held one void.",
    ),
    **_tells("sync_policy", SyncPolicyFact, changed="Full lists are held from another size on."),
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
    **_tells(
        "endpoint",
        EndpointFact,
        added="An endpoint was made.",
        changed="Its settings changed.",
        enabled="An endpoint goes on where it was.",
        disabled="An endpoint is told nothing any more; its reason says why.",
        removed="An endpoint was removed with what it was to be told.",
    ),
    **_tells("endpoint", ReplayFact, replayed="An endpoint is told the events after a number again."),
    **_tells(
        "endpoint",
        None,
        secret_added="An endpoint has a second secret.",  # noqa: S106 - a meaning
        secret_removed="Its old secret was removed.",  # noqa: S106 - a meaning
    ),
    **_tells(
        "session",
        SessionFact,
        started="A person has signed in.",
        ended="A person has been signed out; a session that runs out is not told.",
    ),
    **_tells(
        "connection",
        ConnectionFact,
        added="A way to sign in was added.",
        changed="Its settings or its secret changed.",
        removed="It was removed, and no account is linked through it any more.",
    ),
    **_tells(
        "identity",
        IdentityFact,
        linked="An account was linked to a person by its first sign-in.",
        unlinked="An administrator unlinked it; its next sign-in links it anew.",
    ),
    **_tells(
        "client",
        ClientFact,
        added="A client was registered.",
        changed="Its settings changed.",
        removed="A client was removed.",
    ),
    **_tells(
        "client",
        None,
        secret_added="A client has a second secret.",  # noqa: S106 - a meaning
        secret_removed="Its old secret was removed.",  # noqa: S106 - a meaning
    ),
    **_tells(
        "token",
        TokenFact,
        made="A token of the API was made.",
        revoked="It is of no use any more.",
    ),
    **_tells("tenant", ErasureFact, erased="All data of an enterprise was erased; told in no tenant's log."),
    **_tells("keys", KeysFact, rotated="All stored secrets were encrypted anew under another key."),
    **_tells(
        "signing_key",
        SigningKeyFact,
        added="A key was made and published; it signs from `active_at` on.",
    ),
}


class EventTypeUnknown(Invalid):
    """There is no such type of event."""


# By which words each type can be asked for: its own, or that of all types of its subject.
_ASKED_AS: Final = {name: {name, f"{name.partition('.')[0]}.*"} for name in EVENT_TYPES}


def demand_types(asked: Collection[str]) -> set[str]:
    """The types that are asked for, exact or all of a subject as `member.*`.

    Raises:
        EventTypeUnknown: one of them is never told.
    """
    wanted = set(asked)
    unknown = wanted.difference(*_ASKED_AS.values())
    if unknown:
        raise EventTypeUnknown(f"Type: {min(unknown)}.")
    return {name for name, words in _ASKED_AS.items() if words & wanted}
