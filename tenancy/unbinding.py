"""The end of a binding: its apps go, its authorisations no longer count, the retention clock may start."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.access_rows import forget_access, members_authorised_through, refresh_access
from tenancy.authorisations import WORD
from tenancy.bindings import BINDING, MARK_UNBOUND, Admission, Place
from tenancy.database import Db
from tenancy.event_objects import AppObject, BindingObject, object_of
from tenancy.events import Cause, Event
from tenancy.gates import read_gates, record_gates, tell_bindings
from tenancy.member_events import tell_removal, tell_return
from tenancy.pushes import Outcome, Push, outcome_of
from tenancy.removals import Applied, carry_out_removal

_UNBIND = """
INSERT INTO binding (tenant_id, instance_id, order_id, ended, source_time, ended_time, ended_at,
                     ended_by, open)
VALUES ($1, $2, '', true, 'epoch', $3, $4, $5, false)
ON CONFLICT (tenant_id, instance_id) DO UPDATE
SET ended = binding.ended OR excluded.ended_time >= binding.source_time,
    ended_time = greatest(binding.ended_time, excluded.ended_time),
    ended_at = CASE WHEN binding.ended THEN binding.ended_at ELSE excluded.ended_at END,
    ended_by = CASE WHEN binding.ended THEN binding.ended_by ELSE excluded.ended_by END
"""

_REMOVE_APPS = """
DELETE FROM app p WHERE p.tenant_id = $1 AND p.instance_id = $2 AND p.source_time <= $3
RETURNING p.id, p.instance_id, p.client_id, p.removed_at,
          NOT EXISTS (SELECT FROM stopped_app s WHERE s.tenant_id = $1 AND s.app_id = p.id) AS enabled
"""

# The person of a member `m`, as it is told.
_PERSON = """
m.user_name, m.id, m.name, m.role, m.enabled, m.position, m.employee_code, m.employee_type, m.mobile, m.email,
m.work_place, m.entry_date,
(SELECT s.department_code FROM membership s WHERE s.tenant_id = $1 AND s.member_id = m.id)
"""

_SPOKEN_OF = """
EXISTS (SELECT FROM authorisation a WHERE a.tenant_id = $1 AND a.member_id = m.id AND a.instance_id = $2)
"""

_KEPT = f"""
EXISTS (SELECT FROM authorisation a
        LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
        WHERE a.tenant_id = $1 AND a.member_id = m.id AND {WORD} <> 'removed')
"""

# Whom another app has removed, and who was there only because of this binding.
_REMOVE_MEMBERS = f"""
UPDATE member m SET removed_at = $3, removed_by = $4
WHERE m.tenant_id = $1 AND m.removed_at IS NULL AND {_SPOKEN_OF} AND NOT {_KEPT}
  AND EXISTS (SELECT FROM authorisation a
              WHERE a.tenant_id = $1 AND a.member_id = m.id AND a.state = 'removed')
RETURNING {_PERSON}
"""

# Whom this binding's app had removed before an end that is heard of late, and described since.
_RESTORE_MEMBERS = f"""
UPDATE member m SET removed_at = NULL, removed_by = NULL
WHERE m.tenant_id = $1 AND m.removed_at IS NOT NULL AND m.source_time IS NOT NULL AND {_SPOKEN_OF} AND {_KEPT}
RETURNING {_PERSON}
"""


async def unbind_tenant(place: Place, *, at: datetime, push: Push) -> Outcome | None:
    """End the binding: the credentials of its apps go; with the last binding the retention clock starts.

    Returns:
        None when the instance is unknown, so that there is nothing to remember.
    """

    async def unbind(db: Db, tenant_id: UUID, _admission: Admission) -> Applied:
        bound = await db.fetchrow(BINDING, tenant_id, place.instance_id)
        ending = await end_binding(db, tenant_id, place.instance_id, at=at, cause=push.cause)
        is_outdated = bound is not None and at < bound["source_time"]
        outcome = outcome_of(ending.events, ending.differences, is_outdated=is_outdated)
        return Applied(outcome, ending.events)

    return await carry_out_removal(place, push, unbind)


class Ending(msgspec.Struct, frozen=True):
    """What the end of a binding came to; `differences` counts the events that are written already."""

    events: list[Event]
    differences: dict[str, int]


async def end_binding(db: Db, tenant_id: UUID, instance_id: str, *, at: datetime, cause: Cause) -> Ending:
    """End one binding as of the source time `at`, with the apps that were known by then."""
    before = await db.fetchrow(BINDING, tenant_id, instance_id)
    gates = await read_gates(db, tenant_id)
    await db.execute(_UNBIND, tenant_id, instance_id, at, cause.at, cause.by)
    after = await db.fetchrow(BINDING, tenant_id, instance_id)
    apps = await db.fetch(_REMOVE_APPS, tenant_id, instance_id, at)
    removed = await db.fetch(_REMOVE_MEMBERS, tenant_id, instance_id, cause.at, cause.by)
    restored = await db.fetch(_RESTORE_MEMBERS, tenant_id, instance_id)
    await db.execute(MARK_UNBOUND, tenant_id, cause.at)
    events = []
    assert after is not None
    if after["ended"] and before is not None and not before["ended"]:
        previous = object_of(BindingObject, before)
        events.append(Event(type="binding.removed", subject=instance_id, previous=previous))
    events += [
        Event(type="app.removed", subject=row["id"], previous=object_of(AppObject, row))
        for row in apps
        if row["removed_at"] is None
    ]
    for row in removed:
        events += tell_removal(row)
    for row in restored:
        events += tell_return(row)
    # Through the gates first, while the stored access still says whom they let in.
    await tell_bindings(db, tenant_id, now=cause.at, only=instance_id)
    counts = await record_gates(db, tenant_id, gates, first=len(events))
    await forget_access(db, tenant_id, instance_id, [row["id"] for row in apps])
    first = len(events) + sum(counts.values())
    people = members_authorised_through(instance_id)
    later = await refresh_access(db, tenant_id, people, cause, first=first)
    return Ending(events, {action: counts.get(action, 0) + later.get(action, 0) for action in counts | later})
