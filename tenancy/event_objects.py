"""The shapes of what events tell: objects of a directory, told whole, and facts about what happened."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


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
    """The marketplace's word on a person, for one app through one instance: granted, cancelled or removed."""

    app: str
    instance_id: str
    word: str


class UndoneFact(msgspec.Struct, frozen=True, kw_only=True):
    """How many changes of each type an undo made, and how many of the push's changes it left alone."""

    counts: dict[str, int]
    left: int


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
    """What a token of the API may do, or could."""

    role: str


class SessionFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signed-in browser: of whom, by which connection, and once it has ended, why."""

    user_name: str
    connection: str
    reason: str | None = None


class KeysFact(msgspec.Struct, frozen=True, kw_only=True):
    """How many secrets of each kind were encrypted anew."""

    counts: dict[str, int]


class SigningKeyFact(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs tokens from `active_at` on; it is published already."""

    id: str
    algorithm: str
    active_at: datetime


class HeldFact(msgspec.Struct, frozen=True, kw_only=True):
    """Why a full list was held, and what it changes or would have changed."""

    reason: str
    counts: dict[str, int]


class SyncPolicyFact(msgspec.Struct, frozen=True, kw_only=True):
    """When full lists are held."""

    max_removed: int
    max_removed_percent: int
    max_losing: int


class ErasureFact(msgspec.Struct, frozen=True, kw_only=True):
    """The enterprise whose log is gone as well; whoever follows forgets everything of this tenant."""

    tenant_id: UUID
    external_id: str


def object_of(shape: type[T], row: Any) -> T:
    """The object that a row, which has all its fields and perhaps others, tells of."""
    return shape(**{name: row[name] for name in shape.__struct_fields__})
