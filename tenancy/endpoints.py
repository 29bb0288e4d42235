"""Endpoints: made, changed, disabled and removed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from tenancy.acts import Act, record_act
from tenancy.database import Db, system_scope
from tenancy.endpoint_facts import EndpointSettings
from tenancy.endpoint_rows import Endpoint, lock_endpoint, seal_secrets, write_endpoint
from tenancy.errors import Conflict, Invalid
from tenancy.event_types import demand_types
from tenancy.events import Event
from tenancy.feed import lock_feed
from tenancy.secrets import Keyring
from tenancy.stream_rows import begin_streams, resume_streams

_BY_HAND = "An administrator has disabled it."


class EndpointChanged(Conflict):
    """The endpoint has been changed meanwhile; read it again."""


class EndpointTenantUnknown(Invalid):
    """One of the endpoint's tenants does not exist."""


async def make_endpoint(settings: EndpointSettings, *, secret: str, keyring: Keyring, act: Act) -> Endpoint:
    """Make an endpoint that is told of what happens from now on.

    Raises:
        EndpointTenantUnknown: it would be told of a tenant that does not exist.
        EventTypeUnknown: it would be told of a type that does not exist.
    """
    demand_types(settings.types or ())
    endpoint_id = uuid4()
    endpoint = Endpoint(
        id=endpoint_id,
        settings=settings,
        sealed_secrets=seal_secrets(endpoint_id, [secret], keyring),
        disabled_at=None if settings.enabled else act.at,
        disabled_reason=None if settings.enabled else _BY_HAND,
        created_at=act.at,
        updated_at=act.at,
    )
    async with system_scope() as db:
        await lock_feed(db)
        await _demand_tenants(db, settings)
        await write_endpoint(db, endpoint)
        await begin_streams(db, endpoint_id, settings)
        await record_act(
            db, act, [Event(type="endpoint.added", subject=str(endpoint_id), data=endpoint.fact)]
        )
    return endpoint


async def change_endpoint(
    endpoint_id: UUID,
    change: Callable[[EndpointSettings], EndpointSettings],
    *,
    act: Act,
    expected_revision: int | None = None,
) -> Endpoint:
    """Change an endpoint; one that is enabled again goes on where it was, so that it misses nothing.

    Raises:
        EndpointUnknown: there is no such endpoint.
        EndpointChanged: it is not at the expected revision.
        EndpointTenantUnknown: it would be told of a tenant that does not exist.
        EventTypeUnknown: it would be told of a type that does not exist.
    """
    async with system_scope() as db:
        await lock_feed(db)
        before = await _lock(db, endpoint_id, expected_revision)
        was, settings = before.settings, change(before.settings)
        if settings == was:
            return before
        if settings.types != was.types:
            demand_types(settings.types or ())
        if settings.tenants != was.tenants:
            await _demand_tenants(db, settings)
            await begin_streams(db, endpoint_id, settings, before=was)
        after, verb = moved_on(before, act.at, settings=settings), "changed"
        if settings.enabled and not was.enabled:
            await resume_streams(db, endpoint_id, settings, now=act.at)
            after, verb = _in_order(after), "enabled"
        elif was.enabled and not settings.enabled:
            after, verb = _disabled(after, act.at, _BY_HAND), "disabled"
        await _write(db, act, verb, before, after)
    return after


async def disable_endpoint(endpoint_id: UUID, *, reason: str, act: Act) -> bool:
    """Disable an endpoint that Tenon gives up; False when it is not there or not enabled any more."""
    async with system_scope() as db:
        enabled = await db.fetchval("SELECT enabled FROM endpoint WHERE id = $1 FOR UPDATE", endpoint_id)
        if not enabled:
            return False
        before = await lock_endpoint(db, endpoint_id)
        settings = msgspec.structs.replace(before.settings, enabled=False)
        after = _disabled(moved_on(before, act.at, settings=settings), act.at, reason)
        await _write(db, act, "disabled", before, after)
    return True


async def remove_endpoint(endpoint_id: UUID, *, act: Act, expected_revision: int | None = None) -> None:
    """Remove an endpoint with its streams; its attempts go with their age.

    Raises:
        EndpointUnknown: there is no such endpoint.
        EndpointChanged: it is not at the expected revision.
    """
    async with system_scope() as db:
        await lock_feed(db)
        before = await _lock(db, endpoint_id, expected_revision)
        await db.execute("DELETE FROM endpoint WHERE id = $1", endpoint_id)
        await db.execute("DELETE FROM stream WHERE endpoint_id = $1", endpoint_id)
        gone = Event(type="endpoint.removed", subject=str(endpoint_id), previous=before.fact)
        await record_act(db, act, [gone])


def moved_on(endpoint: Endpoint, at: datetime, **changes: Any) -> Endpoint:
    """The endpoint with changes, at its next revision."""
    return msgspec.structs.replace(endpoint, revision=endpoint.revision + 1, updated_at=at, **changes)


def _disabled(endpoint: Endpoint, at: datetime, reason: str) -> Endpoint:
    return msgspec.structs.replace(endpoint, disabled_at=at, disabled_reason=reason, paused_until=None)


def _in_order(endpoint: Endpoint) -> Endpoint:
    return msgspec.structs.replace(
        endpoint, disabled_at=None, disabled_reason=None, failures=0, paused_until=None
    )


async def _lock(db: Db, endpoint_id: UUID, expected_revision: int | None) -> Endpoint:
    endpoint = await lock_endpoint(db, endpoint_id)
    if expected_revision is not None and expected_revision != endpoint.revision:
        raise EndpointChanged
    return endpoint


async def _write(db: Db, act: Act, verb: str, before: Endpoint, after: Endpoint) -> None:
    await write_endpoint(db, after)
    told = Event(type=f"endpoint.{verb}", subject=str(after.id), data=after.fact, previous=before.fact)
    await record_act(db, act, [told])


async def _demand_tenants(db: Db, settings: EndpointSettings) -> None:
    wanted = settings.tenants or ()
    known = await db.fetchval("SELECT count(*) FROM tenant WHERE id = ANY ($1::uuid[])", wanted)
    if known != len(set(wanted)):
        raise EndpointTenantUnknown
