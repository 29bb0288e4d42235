"""Apps of a tenant: the vendor's product with the credentials of one binding."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tenancy.access_rows import EVERYBODY, refresh_access
from tenancy.bindings import Admission, Place, admit, demand_binding, require_tenant
from tenancy.database import Db, tenant_scope
from tenancy.event_objects import AppObject, object_of
from tenancy.events import Event
from tenancy.gates import Gates, read_gates, record_gates
from tenancy.pushes import STALE, Outcome, Push, outcome_of, record_push
from tenancy.removals import Applied, carry_out_removal
from tenancy.secrets import Keyring

_FACTS = """
SELECT p.id, p.instance_id, p.client_id, p.client_secret, p.source_time, p.removed_at, p.removed_by,
       NOT EXISTS (SELECT FROM stopped_app s WHERE s.tenant_id = $1 AND s.app_id = asked.id) AS enabled
FROM (SELECT $2::text AS id) AS asked
LEFT JOIN app p ON p.tenant_id = $1 AND p.id = asked.id AND p.instance_id = $3
"""

_PUT = """
INSERT INTO app (tenant_id, id, instance_id, client_id, client_secret, source_time, created_at, removed_at,
                 removed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant_id, id, instance_id) DO UPDATE
SET client_id = excluded.client_id, client_secret = excluded.client_secret,
    source_time = excluded.source_time, removed_at = excluded.removed_at, removed_by = excluded.removed_by
"""


def secret_purpose(tenant_id: UUID, app_id: str, instance_id: str) -> str:
    """What an app's client secret is sealed for."""
    return f"app:{tenant_id}:{app_id}:{instance_id}"


async def put_app(
    place: Place,
    app_id: str,
    *,
    client_id: str,
    client_secret: str,
    keyring: Keyring,
    at: datetime,
    push: Push,
) -> Outcome:
    """Create the app or replace its credentials, unless newer facts about it stand.

    Raises:
        InstanceUnknown, TenantUnknown: the push has to be repeated after the purchase or the binding.
    """
    tenant_id = await require_tenant(place, now=push.received_at)
    purpose = secret_purpose(tenant_id, app_id, place.instance_id)
    async with tenant_scope(tenant_id, changing=True) as db:
        admission = await admit(db, tenant_id, place)
        demand_binding(admission, place, at)
        facts = await db.fetchrow(_FACTS, tenant_id, app_id, place.instance_id)
        assert facts is not None
        if _is_stale(admission, facts, at):
            await record_push(db, tenant_id, push, STALE)
            return STALE
        if _same(facts, client_id, client_secret, keyring, purpose):
            sealed = facts["client_secret"]
        else:
            sealed = keyring.seal(client_secret.encode(), purpose=purpose)
        gates = await read_gates(db, tenant_id)
        await db.execute(
            _PUT, tenant_id, app_id, place.instance_id, client_id, sealed, at, push.received_at, None, None
        )
        app = AppObject(
            id=app_id, instance_id=place.instance_id, client_id=client_id, enabled=facts["enabled"]
        )
        events = _tell(facts, app, replaced=sealed)
        outcome = await _refresh(db, tenant_id, gates, events, push, is_new=facts["id"] is None)
        await record_push(db, tenant_id, push, outcome, events=events)
    return outcome


def _is_stale(admission: Admission, facts: Any, at: datetime) -> bool:
    return admission.is_stale(at) or (facts["id"] is not None and at < facts["source_time"])


async def _refresh(
    db: Db, tenant_id: UUID, gates: Gates, events: list[Event], push: Push, *, is_new: bool
) -> Outcome:
    """A removed app keeps its stored access, so that only a new one needs to be worked out."""
    if is_new:
        counts = await refresh_access(db, tenant_id, EVERYBODY, push.cause, first=len(events))
    else:
        counts = await record_gates(db, tenant_id, gates, first=len(events))
    return outcome_of(events, counts)


def _same(facts: Any, client_id: str, client_secret: str, keyring: Keyring, purpose: str) -> bool:
    return (
        facts["client_id"] == client_id
        and facts["client_secret"] is not None
        and keyring.open(facts["client_secret"], purpose=purpose) == client_secret.encode()
    )


def _tell(facts: Any, app: AppObject, *, replaced: bytes) -> list[Event]:
    if facts["id"] is None:
        return [Event(type="app.added", subject=app.id, data=app)]
    if facts["removed_at"] is not None:
        return [Event(type="app.restored", subject=app.id, data=app)]
    if facts["client_secret"] == replaced:
        return []
    return [Event(type="app.changed", subject=app.id, data=app, previous=object_of(AppObject, facts))]


async def remove_app(place: Place, app_id: str, *, at: datetime, push: Push) -> Outcome | None:
    """Remove the app and forget its secret; who was authorised is kept for its return.

    Returns:
        None when the instance is unknown, so that there is nothing to remember.
    """

    async def remove(db: Db, tenant_id: UUID, admission: Admission) -> Applied:
        facts = await db.fetchrow(_FACTS, tenant_id, app_id, place.instance_id)
        assert facts is not None
        if _is_stale(admission, facts, at):
            return Applied(STALE)
        gates = await read_gates(db, tenant_id)
        is_new, removed = facts["id"] is None, (push.received_at, push.cause.by)
        events: list[Event] = []
        if facts["removed_at"] is not None:
            removed = (facts["removed_at"], facts["removed_by"])
        elif not is_new:
            events.append(Event(type="app.removed", subject=app_id, previous=object_of(AppObject, facts)))
        known = (tenant_id, app_id, place.instance_id, facts["client_id"] or "", None, at, push.received_at)
        await db.execute(_PUT, *known, *removed)
        return Applied(await _refresh(db, tenant_id, gates, events, push, is_new=is_new), events)

    return await carry_out_removal(place, push, remove)
