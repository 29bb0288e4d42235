"""The end of a binding: its apps go, its authorisations no longer count, the retention clock may start."""

from datetime import datetime
from uuid import UUID

from tenancy.authorisations import WORD
from tenancy.bindings import BINDING, MARK_UNBOUND, Place, admit, remember_tenant
from tenancy.database import Db, tenant_scope
from tenancy.pushes import UNCHANGED, ChangeFact, Outcome, Push, outcome_of, record_push

_UNBIND = """
INSERT INTO binding (tenant_id, instance_id, order_id, ended, source_time, ended_time)
VALUES ($1, $2, '', true, 'epoch', $3)
ON CONFLICT (tenant_id, instance_id) DO UPDATE
SET ended = binding.ended OR excluded.ended_time >= binding.source_time,
    ended_time = greatest(binding.ended_time, excluded.ended_time)
"""

_REMOVE_APPS = """
DELETE FROM app WHERE tenant_id = $1 AND instance_id = $2 AND source_time <= $3 RETURNING id, removed_at
"""

# Whom another app has removed, and who was there only because of this binding.
_REMOVE_MEMBERS = f"""
UPDATE member m SET removed_at = $3
WHERE m.tenant_id = $1 AND m.removed_at IS NULL
  AND EXISTS (SELECT FROM authorisation a
              WHERE a.tenant_id = $1 AND a.member_id = m.id AND a.instance_id = $2)
  AND EXISTS (SELECT FROM authorisation a
              WHERE a.tenant_id = $1 AND a.member_id = m.id AND a.state = 'removed')
  AND NOT EXISTS (SELECT FROM authorisation a
                  LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
                  WHERE a.tenant_id = $1 AND a.member_id = m.id AND {WORD} <> 'removed')
RETURNING m.user_name
"""


async def unbind_tenant(place: Place, *, at: datetime, push: Push) -> Outcome | None:
    """End the binding: the credentials of its apps go; with the last binding the retention clock starts.

    Returns:
        None when the instance is unknown, so that there is nothing to remember.
    """
    tenant_id = await remember_tenant(place, now=push.received_at)
    if tenant_id is None:
        return None
    async with tenant_scope(tenant_id, changing=True) as db:
        admission = await admit(db, tenant_id, place)
        if not admission.instance_is_open:
            await record_push(db, tenant_id, push, UNCHANGED)
            return UNCHANGED
        bound = await db.fetchrow(BINDING, tenant_id, place.instance_id)
        changes = await end_binding(db, tenant_id, place.instance_id, at=at, now=push.received_at)
        outcome = outcome_of(changes)
        if not changes and bound is not None and at < bound["source_time"]:
            outcome = Outcome(verdict="stale")
        await record_push(db, tenant_id, push, outcome, changes=changes)
    return outcome


async def end_binding(
    db: Db, tenant_id: UUID, instance_id: str, *, at: datetime, now: datetime
) -> list[ChangeFact]:
    """End one binding as of the source time `at`, with the apps that were known by then."""
    before = await db.fetchrow(BINDING, tenant_id, instance_id)
    await db.execute(_UNBIND, tenant_id, instance_id, at)
    after = await db.fetchrow(BINDING, tenant_id, instance_id)
    apps = await db.fetch(_REMOVE_APPS, tenant_id, instance_id, at)
    members = await db.fetch(_REMOVE_MEMBERS, tenant_id, instance_id, now)
    await db.execute(MARK_UNBOUND, tenant_id, now)
    changes = [
        ChangeFact(action="app.removed", subject=row["id"], before={"instance_id": instance_id})
        for row in apps
        if row["removed_at"] is None
    ]
    changes += [ChangeFact(action="member.removed", subject=row["user_name"]) for row in members]
    assert after is not None
    if after["ended"] and before is not None and not before["ended"]:
        changes.append(ChangeFact(action="binding.removed", subject=instance_id))
    return changes
