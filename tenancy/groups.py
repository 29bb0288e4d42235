"""Groups of a tenant: named sets of members, departments and other groups."""

import re
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from tenancy.access_rows import members_listed, members_of, record_act_on
from tenancy.acts import Act, record_act
from tenancy.database import Db, tenant_scope
from tenancy.errors import GroupChanged, GroupIdInvalid, GroupLoop, GroupUnknown
from tenancy.event_objects import GrantObject, GroupMemberObject, GroupObject
from tenancy.events import Event
from tenancy.names import demand_name
from tenancy.subjects import Subject, SubjectTypeUnknown, demand_subject, groups_above, subjects_below
from tenancy.tenants import demand_tenant

_GROUP_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group; `revision` counts its versions, what it contains not included."""

    id: str
    name: str
    revision: int
    created_at: datetime
    updated_at: datetime


COLUMNS: Final = "id, name, revision, created_at, updated_at"

_PUT = f"""
INSERT INTO group_ (tenant_id, id, name, revision, created_at, updated_at)
VALUES ($1, $2, $3, 1, $4, $4)
ON CONFLICT (tenant_id, id) DO UPDATE
SET name = excluded.name, revision = group_.revision + 1, updated_at = excluded.updated_at
RETURNING {COLUMNS}
"""

_MEMBERS = f"""
WITH RECURSIVE {subjects_below("SELECT 'group', $2::text")}
SELECT member_id FROM members_below
"""

# What the group contains, the groups in which it lies and the grants to it, as they go.
_FORGET = """
WITH contents AS (
    DELETE FROM group_member
    WHERE tenant_id = $1 AND (group_id = $2 OR subject_type = 'group' AND subject = $2)
    RETURNING group_id, subject_type, subject
), grants AS (
    DELETE FROM grant_ WHERE tenant_id = $1 AND subject_type = 'group' AND subject = $2 RETURNING app_id
)
SELECT group_id AS holder, subject_type AS kind, subject FROM contents
UNION ALL
SELECT app_id, 'grant', $2 FROM grants
ORDER BY holder, kind, subject
"""

_ADD = """
INSERT INTO group_member (tenant_id, group_id, subject_type, subject, added_at, added_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING subject
"""

_TAKE_OUT = """
DELETE FROM group_member WHERE tenant_id = $1 AND group_id = $2 AND subject_type = $3 AND subject = $4
RETURNING subject
"""

_LIES_IN = f"WITH RECURSIVE {groups_above('$2')} SELECT EXISTS (SELECT FROM above WHERE id = $3)"


async def put_group(
    tenant_id: UUID, group_id: str, *, name: str, expected_revision: int | None, act: Act
) -> Group:
    """Create or rename a group.

    Raises:
        TenantUnknown, GroupIdInvalid, NameInvalid: the tenant, the id or the name.
        GroupChanged: it is not at the expected revision; 0 expects that there is none.
    """
    if _GROUP_ID.fullmatch(group_id) is None:
        raise GroupIdInvalid
    name = demand_name(name)
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        group = await _find(db, tenant_id, group_id)
        revision = 0 if group is None else group.revision
        if expected_revision is not None and expected_revision != revision:
            raise GroupChanged
        if group is None or group.name != name:
            row = await db.fetchrow(_PUT, tenant_id, group_id, name, act.at)
            await record_act(db, act, [_tell_group(group, group_id, name)], tenant_id=tenant_id)
            assert row is not None
            group = msgspec.convert(dict(row), Group)
        return group


def _tell_group(before: Group | None, group_id: str, name: str) -> Event:
    data = GroupObject(id=group_id, name=name)
    if before is None:
        return Event(type="group.added", subject=group_id, data=data)
    previous = GroupObject(id=group_id, name=before.name)
    return Event(type="group.renamed", subject=group_id, data=data, previous=previous)


async def remove_group(tenant_id: UUID, group_id: str, *, act: Act) -> None:
    """Remove a group from wherever it is: other groups, and the grants to it.

    Raises:
        GroupUnknown: the tenant has no such group.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        group = await demand_group(db, tenant_id, group_id)
        members = [row["member_id"] for row in await db.fetch(_MEMBERS, tenant_id, group_id)]
        gone = await db.fetch(_FORGET, tenant_id, group_id)
        await db.execute("DELETE FROM group_ WHERE tenant_id = $1 AND id = $2", tenant_id, group_id)
        previous = GroupObject(id=group_id, name=group.name)
        events = [Event(type="group.removed", subject=group_id, previous=previous)]
        events += [
            Event(type="group_member.removed", subject=outer, previous=_member_object(outer, kind, inner))
            for outer, kind, inner in gone
            if kind != "grant"
        ]
        events += [
            Event(
                type="grant.removed",
                subject=app_id,
                previous=GrantObject(app=app_id, type="group", id=group_id),
            )
            for app_id, kind, _ in gone
            if kind == "grant"
        ]
        await record_act_on(db, tenant_id, members_listed(members), act, events)


def _member_object(group_id: str, kind: str, identifier: str) -> GroupMemberObject:
    return GroupMemberObject(group=group_id, type=kind, id=identifier)


async def demand_group(db: Db, tenant_id: UUID, group_id: str) -> Group:
    """Read a group in the caller's scope.

    Raises:
        GroupUnknown: the tenant has no such group.
    """
    group = await _find(db, tenant_id, group_id)
    if group is None:
        raise GroupUnknown
    return group


async def _find(db: Db, tenant_id: UUID, group_id: str) -> Group | None:
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM group_ WHERE tenant_id = $1 AND id = $2", tenant_id, group_id
    )
    return None if row is None else msgspec.convert(dict(row), Group)


async def put_group_member(tenant_id: UUID, group_id: str, subject: Subject, *, act: Act) -> None:
    """Put a member, a department with all below it, or another group into a group; repeating changes nothing.

    Raises:
        SubjectTypeUnknown: everyone cannot be in a group.
        GroupUnknown, DepartmentUnknown, MemberUnknown: the group or the subject is not there.
        GroupLoop: the group lies in the one that it is to contain.
    """
    _demand_containable(subject)
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_group(db, tenant_id, group_id)
        await demand_subject(db, tenant_id, subject)
        if subject.type == "group" and await db.fetchval(_LIES_IN, tenant_id, group_id, subject.id):
            raise GroupLoop
        added = await db.fetchval(_ADD, tenant_id, group_id, subject.type, subject.id, act.at, act.actor)
        if added is not None:
            data = _member_object(group_id, subject.type, subject.id)
            event = Event(type="group_member.added", subject=group_id, data=data)
            await record_act_on(db, tenant_id, members_of(subject), act, [event])


async def remove_group_member(tenant_id: UUID, group_id: str, subject: Subject, *, act: Act) -> None:
    """Take a subject out of a group; what is not in it may be taken out as often as you like.

    Raises:
        SubjectTypeUnknown: everyone cannot be in a group.
        GroupUnknown, DepartmentUnknown, MemberUnknown: the group or the subject has never been there.
    """
    _demand_containable(subject)
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_group(db, tenant_id, group_id)
        taken = await db.fetchval(_TAKE_OUT, tenant_id, group_id, subject.type, subject.id)
        if taken is None:
            await demand_subject(db, tenant_id, subject, gone_too=True)
        else:
            previous = _member_object(group_id, subject.type, subject.id)
            event = Event(type="group_member.removed", subject=group_id, previous=previous)
            await record_act_on(db, tenant_id, members_of(subject), act, [event])


def _demand_containable(subject: Subject) -> None:
    if subject.type == "everyone":
        raise SubjectTypeUnknown
