"""Apps of a tenant: the vendor's product with the credentials of one binding."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tenancy.access_rows import EVERYBODY, refresh_access
from tenancy.bindings import Admission, Place, admit, demand_binding, require_tenant
from tenancy.changes import ChangeFact
from tenancy.database import Db, tenant_scope
from tenancy.gates import Gates, read_gates, record_gates
from tenancy.pushes import STALE, Outcome, Push, outcome_of, record_push
from tenancy.removals import Applied, carry_out_removal
from tenancy.secrets import Keyring

_FACTS = """
SELECT client_id, client_secret, source_time, removed_at, removed_by FROM app
WHERE tenant_id = $1 AND id = $2 AND instance_id = $3
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
        if admission.is_stale(at) or (facts is not None and at < facts["source_time"]):
            await record_push(db, tenant_id, push, STALE)
            return STALE
        if facts is not None and _same(facts, client_id, client_secret, keyring, purpose):
            sealed = facts["client_secret"]
        else:
            sealed = keyring.seal(client_secret.encode(), purpose=purpose)
        gates = await read_gates(db, tenant_id)
        await db.execute(
            _PUT, tenant_id, app_id, place.instance_id, client_id, sealed, at, push.received_at, None, None
        )
        changes = _put_changes(facts, app_id, place.instance_id, client_id, replaced=sealed)
        outcome = await _refresh(db, tenant_id, gates, changes, push, is_new=facts is None)
        await record_push(db, tenant_id, push, outcome, changes=changes)
    return outcome


async def _refresh(
    db: Db, tenant_id: UUID, gates: Gates, changes: list[ChangeFact], push: Push, *, is_new: bool
) -> Outcome:
    """A removed app keeps its stored access, so that only a new one needs to be worked out."""
    if is_new:
        counts = await refresh_access(db, tenant_id, EVERYBODY, push.cause, first=len(changes))
    else:
        counts = await record_gates(db, tenant_id, gates, push.cause, first=len(changes))
    return outcome_of(changes, counts)


def _same(facts: Any, client_id: str, client_secret: str, keyring: Keyring, purpose: str) -> bool:
    return (
        facts["client_id"] == client_id
        and facts["client_secret"] is not None
        and keyring.open(facts["client_secret"], purpose=purpose) == client_secret.encode()
    )


def _put_changes(
    facts: Any, app_id: str, instance_id: str, client_id: str, *, replaced: bytes
) -> list[ChangeFact]:
    after = {"instance_id": instance_id, "client_id": client_id}
    if facts is None:
        return [ChangeFact(action="app.added", subject=app_id, after=after)]
    before = {"instance_id": instance_id, "client_id": facts["client_id"]}
    if facts["removed_at"] is not None:
        return [ChangeFact(action="app.restored", subject=app_id, before=before, after=after)]
    if facts["client_secret"] == replaced:
        return []
    return [ChangeFact(action="app.changed", subject=app_id, before=before, after=after)]


async def remove_app(place: Place, app_id: str, *, at: datetime, push: Push) -> Outcome | None:
    """Remove the app and forget its secret; who was authorised is kept for its return.

    Returns:
        None when the instance is unknown, so that there is nothing to remember.
    """

    async def remove(db: Db, tenant_id: UUID, admission: Admission) -> Applied:
        facts = await db.fetchrow(_FACTS, tenant_id, app_id, place.instance_id)
        if admission.is_stale(at) or (facts is not None and at < facts["source_time"]):
            return Applied(STALE)
        gates = await read_gates(db, tenant_id)
        client_id, removed = "", (push.received_at, push.cause.by)
        changes: list[ChangeFact] = []
        if facts is not None:
            client_id = facts["client_id"]
            if facts["removed_at"] is None:
                before = {"instance_id": place.instance_id, "client_id": client_id}
                changes.append(ChangeFact(action="app.removed", subject=app_id, before=before))
            else:
                removed = (facts["removed_at"], facts["removed_by"])
        known = (tenant_id, app_id, place.instance_id, client_id, None, at, push.received_at)
        await db.execute(_PUT, *known, *removed)
        return Applied(await _refresh(db, tenant_id, gates, changes, push, is_new=facts is None), changes)

    return await carry_out_removal(place, push, remove)
