"""Members of a tenant: the marketplace authorises, modifies, cancels and removes them in lists."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.access_rows import members_listed, refresh_access
from tenancy.bindings import Admission, Place, admit, demand_binding, require_tenant
from tenancy.database import Db, tenant_scope
from tenancy.errors import AppUnknown
from tenancy.events import Event
from tenancy.member_events import tell_member
from tenancy.member_facts import (
    CANCELLED,
    GRANTED,
    REMOVED,
    KnownMember,
    MemberFacts,
    authorise,
    describe,
    imply_grant,
)
from tenancy.member_rows import MemberRow, read_known, write_members
from tenancy.pushes import Outcome, Push, outcome_of, record_push
from tenancy.removals import Applied, carry_out_removal

_APP_STATE = """
SELECT removed_at IS NULL AS live, source_time FROM app
WHERE tenant_id = $1 AND id = $2 AND instance_id = $3
"""


async def put_members(
    place: Place, app_id: str, members: Sequence[MemberFacts], *, grant: bool, at: datetime, push: Push
) -> Outcome:
    """Describe members and, with `grant`, authorise them for the app; all or none.

    Without `grant` an authorisation is kept as it is; an unknown person counts as added. The last of
    several entries with one user name counts.

    Raises:
        InstanceUnknown, TenantUnknown, AppUnknown: the push has to be repeated later.
    """
    tenant_id = await require_tenant(place, now=push.received_at)

    def merge(known: KnownMember, facts: MemberFacts) -> KnownMember:
        described = describe(known, facts, at)
        return authorise(described, GRANTED, at) if grant else imply_grant(described, at)

    async with tenant_scope(tenant_id, changing=True) as db:
        admission = await admit(db, tenant_id, place)
        demand_binding(admission, place, at)
        if not place.is_debug and not admission.is_stale(at):
            await _demand_app(db, tenant_id, place, app_id, at)
        applied = await _apply(db, tenant_id, place, app_id, members, merge, push, admission.ended_time)
        await record_push(db, tenant_id, push, applied.outcome, events=applied.events)
    return applied.outcome


async def cancel_members(
    place: Place, app_id: str, members: Sequence[MemberFacts], *, at: datetime, push: Push
) -> Outcome | None:
    """Cancel authorisations: the people stay known and lose the app; None when the instance is unknown."""
    return await _withdraw(place, app_id, members, CANCELLED, at=at, push=push)


async def remove_members(
    place: Place, app_id: str, members: Sequence[MemberFacts], *, at: datetime, push: Push
) -> Outcome | None:
    """Remove members for the app, softly; None when the instance is unknown.

    A person whom no other app of the tenant keeps is removed from the tenant. Added again, it is the same
    person with the same id.
    """
    return await _withdraw(place, app_id, members, REMOVED, at=at, push=push)


async def _withdraw(
    place: Place, app_id: str, members: Sequence[MemberFacts], state: str, *, at: datetime, push: Push
) -> Outcome | None:
    def merge(known: KnownMember, _facts: MemberFacts) -> KnownMember:
        return authorise(known, state, at)

    async def remove(db: Db, tenant_id: UUID, admission: Admission) -> Applied:
        return await _apply(db, tenant_id, place, app_id, members, merge, push, admission.ended_time)

    return await carry_out_removal(place, push, remove)


async def _demand_app(db: Db, tenant_id: UUID, place: Place, app_id: str, at: datetime) -> None:
    """An app that was removed later than the message was known when it was sent."""
    app = await db.fetchrow(_APP_STATE, tenant_id, app_id, place.instance_id)
    if app is None or (not app["live"] and at >= app["source_time"]):
        raise AppUnknown


async def _apply(
    db: Db,
    tenant_id: UUID,
    place: Place,
    app_id: str,
    members: Sequence[MemberFacts],
    merge: Callable[[KnownMember, MemberFacts], KnownMember],
    push: Push,
    ended_time: datetime | None,
) -> Applied:
    """Read, merge and write the whole list with a fixed number of statements."""
    listed = {facts.user_name: facts for facts in members}
    rows = await read_known(db, tenant_id, app_id, place.instance_id, list(listed), ended_time=ended_time)
    written: list[MemberRow] = []
    events: list[Event] = []
    for user_name, facts in listed.items():
        row = rows[user_name]
        merged = merge(row.known, facts)
        if merged == row.known:
            continue
        row = msgspec.structs.replace(row, known=merged, was=row.known)
        written.append(row)
        events += tell_member(row, app_id, place.instance_id)
    await write_members(db, tenant_id, app_id, place.instance_id, written, cause=push.cause)
    concerned = [row.id for row in written if _decides_access(row.known) != _decides_access(row.was)]
    differences = {}
    if concerned:
        people = members_listed(concerned)
        differences = await refresh_access(db, tenant_id, people, push.cause, first=len(events))
    is_outdated = bool(listed) and all(_is_outdated(row.known, push) for row in rows.values())
    return Applied(outcome_of(events, differences, is_outdated=is_outdated), events)


def _decides_access(known: KnownMember) -> tuple[Any, ...]:
    attributes = known.attributes
    return known.removed, known.word, attributes["enabled"], attributes["department_code"]


def _is_outdated(known: KnownMember, push: Push) -> bool:
    """Whether something newer is known of the person than the message."""
    assert push.source_time is not None
    return push.source_time < max(known.source_time or known.state_time, known.state_time)
