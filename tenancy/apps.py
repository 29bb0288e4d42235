"""Apps of a tenant: the vendor's product with the credentials of one binding."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.bindings import Place, admit, demand_binding, remember_tenant, require_tenant
from tenancy.database import tenant_scope
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.pushes import STALE, UNCHANGED, ChangeFact, Outcome, Push, outcome_of, record_push
from tenancy.secrets import Keyring
from tenancy.tenants import demand_tenant


class AppRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An app as read back; its client secret is never shown."""

    id: str
    instance_id: str
    client_id: str
    enabled: bool
    source_time: datetime
    created_at: datetime


_FACTS = """
SELECT client_id, client_secret, source_time, removed_at FROM app
WHERE tenant_id = $1 AND id = $2 AND instance_id = $3
"""

_PUT = """
INSERT INTO app (tenant_id, id, instance_id, client_id, client_secret, enabled, source_time, removed_at,
                 created_at)
VALUES ($1, $2, $3, $4, $5, true, $6, $7, $8)
ON CONFLICT (tenant_id, id, instance_id) DO UPDATE
SET client_id = excluded.client_id, client_secret = excluded.client_secret,
    source_time = excluded.source_time, removed_at = excluded.removed_at
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
        await db.execute(
            _PUT, tenant_id, app_id, place.instance_id, client_id, sealed, at, None, push.received_at
        )
        changes = _put_changes(facts, app_id, place.instance_id, client_id, replaced=sealed)
        outcome = outcome_of(changes)
        await record_push(db, tenant_id, push, outcome, changes=changes)
    return outcome


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
    tenant_id = await remember_tenant(place, now=push.received_at)
    if tenant_id is None:
        return None
    async with tenant_scope(tenant_id, changing=True) as db:
        admission = await admit(db, tenant_id, place)
        facts = await db.fetchrow(_FACTS, tenant_id, app_id, place.instance_id)
        changes: list[ChangeFact] = []
        if not admission.instance_is_open:
            outcome = UNCHANGED
        elif admission.is_stale(at) or (facts is not None and at < facts["source_time"]):
            outcome = STALE
        else:
            removed_at = facts["removed_at"] if facts is not None else None
            await db.execute(
                _PUT,
                tenant_id,
                app_id,
                place.instance_id,
                facts["client_id"] if facts is not None else "",
                None,
                at,
                removed_at or push.received_at,
                push.received_at,
            )
            if facts is not None and removed_at is None:
                before = {"instance_id": place.instance_id, "client_id": facts["client_id"]}
                changes.append(ChangeFact(action="app.removed", subject=app_id, before=before))
            outcome = outcome_of(changes)
        await record_push(db, tenant_id, push, outcome, changes=changes)
    return outcome


async def list_apps(tenant_id: UUID, *, cursor: str | None, limit: int) -> Page[AppRecord]:
    """List a tenant's apps, one entry per binding."""
    after = decode_cursor(cursor, tuple[str, str]) or ("", "")
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(
            "SELECT id, instance_id, client_id, enabled, source_time, created_at FROM app"
            " WHERE tenant_id = $1 AND removed_at IS NULL AND (id, instance_id) > ($2, $3)"
            " ORDER BY id, instance_id LIMIT $4",
            tenant_id,
            *after,
            limit + 1,
        )
    apps = [msgspec.convert(dict(row), AppRecord) for row in rows]
    return page_of(apps, limit, key=lambda app: (app.id, app.instance_id))
