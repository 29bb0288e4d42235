"""Starting and stopping apps, and the list that shows which are started."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.acts import Act
from tenancy.database import Db, tenant_scope
from tenancy.event_objects import AppObject
from tenancy.events import Author, Event, author_of
from tenancy.gates import read_gates, record_act_at_gates
from tenancy.grants import demand_app
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant


class AppSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an app is started; `since` and `by` tell of its stop."""

    id: str
    enabled: bool
    since: datetime | None = None
    by: Author | None = None


class AppRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An app through one binding; its client secret is never shown."""

    id: str
    instance_id: str
    client_id: str
    enabled: bool
    source_time: datetime
    created_at: datetime


_STOP = """
INSERT INTO stopped_app (tenant_id, app_id, stopped_at, stopped_by) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING app_id
"""

_START = "DELETE FROM stopped_app WHERE tenant_id = $1 AND app_id = $2 RETURNING app_id"

_BINDINGS_OF_APP = """
SELECT id, instance_id, client_id FROM app WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL
ORDER BY instance_id
"""

_LIST = """
SELECT p.id, p.instance_id, p.client_id, p.source_time, p.created_at,
       NOT EXISTS (SELECT FROM stopped_app s WHERE s.tenant_id = $1 AND s.app_id = p.id) AS enabled
FROM app p
WHERE p.tenant_id = $1 AND p.removed_at IS NULL AND (p.id, p.instance_id) > ($2, $3)
ORDER BY p.id, p.instance_id LIMIT $4
"""


async def enable_app(tenant_id: UUID, app_id: str, *, act: Act) -> AppSwitch:
    """Start an app for all to whom it is granted; repeating changes nothing.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    return await _switch(tenant_id, app_id, act, enabled=True)


async def disable_app(tenant_id: UUID, app_id: str, *, act: Act) -> AppSwitch:
    """Stop an app for everyone, whatever is granted, until it is started; all grants stay.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    return await _switch(tenant_id, app_id, act, enabled=False)


async def _switch(tenant_id: UUID, app_id: str, act: Act, *, enabled: bool) -> AppSwitch:
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_app(db, tenant_id, app_id)
        gates = await read_gates(db, tenant_id)
        if enabled:
            switched = await db.fetchval(_START, tenant_id, app_id)
        else:
            switched = await db.fetchval(_STOP, tenant_id, app_id, act.at, act.actor)
        if switched is not None:
            rows = await db.fetch(_BINDINGS_OF_APP, tenant_id, app_id)
            events = [_tell(row, enabled=enabled) for row in rows]
            await record_act_at_gates(db, tenant_id, gates, act, events)
        return await _read(db, tenant_id, app_id)


def _tell(row: Any, *, enabled: bool) -> Event:
    data, previous = AppObject(**row, enabled=enabled), AppObject(**row, enabled=not enabled)
    verb = "started" if enabled else "stopped"
    return Event(type=f"app.{verb}", subject=row["id"], data=data, previous=previous)


async def read_app(tenant_id: UUID, app_id: str) -> AppSwitch:
    """Read whether an app is started.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_app(db, tenant_id, app_id)
        return await _read(db, tenant_id, app_id)


async def _read(db: Db, tenant_id: UUID, app_id: str) -> AppSwitch:
    row = await db.fetchrow(
        "SELECT stopped_at, stopped_by FROM stopped_app WHERE tenant_id = $1 AND app_id = $2",
        tenant_id,
        app_id,
    )
    if row is None:
        return AppSwitch(id=app_id, enabled=True)
    return AppSwitch(id=app_id, enabled=False, since=row["stopped_at"], by=author_of(row["stopped_by"]))


async def list_apps(tenant_id: UUID, *, cursor: str | None, limit: int) -> Page[AppRecord]:
    """List a tenant's apps, one entry per binding."""
    after = decode_cursor(cursor, tuple[str, str]) or ("", "")
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(_LIST, tenant_id, *after, limit + 1)
    apps = [msgspec.convert(dict(row), AppRecord) for row in rows]
    return page_of(apps, limit, key=lambda app: (app.id, app.instance_id))
