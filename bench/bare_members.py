"""The least SQL that authorises and changes a list of people, and tells so: the limit of authSync."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from bench.bare_events import Db, new_push, record_values
from bench.calls import APP_ID, Enterprise
from service.simulator.organisations import Member
from tenancy.event_objects import AccessObject, AuthorisationFact, MemberObject, MembershipObject
from tenancy.events import Event
from tenancy.member_facts import DEFAULTS
from tenancy.pushes import _INSERT_PUSH_WITH_EVENTS, outcome_of

_INSERT_MEMBERS = """
INSERT INTO member (tenant_id, id, user_name, name, role, enabled, position, employee_code, employee_type,
                    mobile, email, work_place, entry_date, attribute_times, source_time, created_at)
SELECT $1, u.id, u.user_name, u.name, u.role, u.enabled, u.position, u.employee_code, u.employee_type,
       u.mobile, u.email, u.work_place, u.entry_date, u.times::jsonb, $2, $2
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
     AS u (id, user_name, name, role, enabled, position, employee_code, employee_type, mobile, email,
           work_place, entry_date, times)
"""

_INSERT_MEMBERSHIPS = """
INSERT INTO membership (tenant_id, member_id, department_code)
SELECT $1, u.id, u.code FROM unnest($2::uuid[], $3::text[]) AS u (id, code)
"""

_INSERT_AUTHORISATIONS = """
INSERT INTO authorisation (tenant_id, app_id, instance_id, member_id, state, source_time, push_id, changed_at)
SELECT $1, $2, $3, u.id, 'granted', $4, $5, $4 FROM unnest($6::uuid[]) AS u (id)
"""

_INSERT_ACCESS = """
INSERT INTO access (tenant_id, member_id, app_id, instance_id, since)
SELECT $1, u.id, $2, $3, $4 FROM unnest($5::uuid[]) AS u (id)
"""

_UPDATE_MEMBERS = """
UPDATE member m SET name = u.name, position = u.position, attribute_times = u.times::jsonb, source_time = $2
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS u (user_name, name, position, times)
WHERE m.tenant_id = $1 AND m.user_name = u.user_name
"""

_MOVE_MEMBERS = """
UPDATE membership s SET department_code = u.code
FROM unnest($2::text[], $3::text[]) AS u (user_name, code)
JOIN member m ON m.tenant_id = $1 AND m.user_name = u.user_name
WHERE s.tenant_id = $1 AND s.member_id = m.id
"""

_ATTRIBUTES = tuple(name for name in DEFAULTS if name != "department_code")


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """People as a message describes them, their ids and what is told of them, ready before it is timed."""

    people: Sequence[Member]
    ids: list[UUID]
    columns: list[list[Any]]
    times: list[str]
    events: list[Event]


def first_batch(people: Sequence[Member], enterprise: Enterprise) -> Batch:
    """People who are unknown so far and are authorised."""
    ids = [uuid4() for _ in people]
    word = AuthorisationFact(app=APP_ID, instance_id=enterprise.instance_id, word="granted")
    events = []
    for member, member_id in zip(people, ids, strict=True):
        name = member.user_name
        events += [
            Event(type="member.added", subject=name, data=_person(member, member_id)),
            Event(type="membership.added", subject=name, data=_place(member)),
            Event(type="authorisation.granted", subject=name, data=word),
        ]
        if member.enabled:
            gained = AccessObject(app=APP_ID, user_name=name)
            events.append(Event(type="access.gained", subject=name, data=gained))
    return _batch(people, ids, events)


def next_batch(before: Batch, people: Sequence[Member]) -> Batch:
    """The same people, described differently and in other departments."""
    events = []
    for member, known, member_id in zip(people, before.people, before.ids, strict=True):
        name, was = member.user_name, _person(known, member_id)
        events += [
            Event(type="member.changed", subject=name, data=_person(member, member_id), previous=was),
            Event(type="membership.removed", subject=name, previous=_place(known)),
            Event(type="membership.added", subject=name, data=_place(member)),
        ]
    return _batch(people, before.ids, events)


async def authorise_bare(db: Db, tenant_id: UUID, enterprise: Enterprise, batch: Batch) -> float:
    """Seconds until unknown people were authorised."""
    people, scope = batch.people, (APP_ID, enterprise.instance_id)
    names, codes = [member.user_name for member in people], [member.department_code for member in people]
    able = [member_id for member, member_id in zip(people, batch.ids, strict=True) if member.enabled]
    push = new_push("authSync", enterprise, source_time=datetime.now(UTC))
    record = record_values(push, outcome_of(batch.events), batch.events)
    started = time.perf_counter()
    async with db.transaction():
        await db.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant_id))
        at = push.received_at
        await db.execute(_INSERT_MEMBERS, tenant_id, at, batch.ids, names, *batch.columns, batch.times)
        await db.execute(_INSERT_MEMBERSHIPS, tenant_id, batch.ids, codes)
        await db.execute(_INSERT_AUTHORISATIONS, tenant_id, *scope, at, push.id, batch.ids)
        await db.execute(_INSERT_ACCESS, tenant_id, *scope, at, able)
        await db.execute(_INSERT_PUSH_WITH_EVENTS, tenant_id, *record)
    return time.perf_counter() - started


async def change_bare(db: Db, tenant_id: UUID, enterprise: Enterprise, batch: Batch) -> float:
    """Seconds until known people were described differently."""
    people = batch.people
    names, codes = [member.user_name for member in people], [member.department_code for member in people]
    columns = [[getattr(member, name) for member in people] for name in ("name", "position")]
    push = new_push("authSync", enterprise, source_time=datetime.now(UTC))
    record = record_values(push, outcome_of(batch.events), batch.events)
    started = time.perf_counter()
    async with db.transaction():
        await db.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant_id))
        await db.execute(_UPDATE_MEMBERS, tenant_id, push.received_at, names, *columns, batch.times)
        await db.execute(_MOVE_MEMBERS, tenant_id, names, codes)
        await db.execute(_INSERT_PUSH_WITH_EVENTS, tenant_id, *record)
    return time.perf_counter() - started


def _batch(people: Sequence[Member], ids: list[UUID], events: list[Event]) -> Batch:
    mentioned = msgspec.json.encode(dict.fromkeys(DEFAULTS, time.time_ns() // 1000)).decode()
    columns = [[_attribute(member, name) for member in people] for name in _ATTRIBUTES]
    return Batch(people=people, ids=ids, columns=columns, times=[mentioned] * len(people), events=events)


def _person(member: Member, member_id: UUID) -> MemberObject:
    attributes = {name: _attribute(member, name) for name in _ATTRIBUTES}
    return MemberObject(user_name=member.user_name, id=member_id, **attributes)


def _place(member: Member) -> MembershipObject:
    return MembershipObject(user_name=member.user_name, department_code=member.department_code)


def _attribute(member: Member, name: str) -> Any:
    value = getattr(member, name)
    return str(value) if name == "employee_type" else value
