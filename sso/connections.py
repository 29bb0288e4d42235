"""Connections: the ways to sign in to a tenant, `koogallery` by itself and what administrators add."""

import re
from typing import Final
from uuid import UUID

import msgspec

from sso.client_sessions import end_parts_of_connection
from sso.connection_rows import (
    COLUMNS,
    KOOGALLERY,
    Connection,
    KoogallerySettings,
    connection_of,
    demand_connection,
    look_up_connection,
    untouched_koogallery,
    write_connection,
)
from sso.connection_secrets import choose_secret, open_secret, seal_secret
from sso.oidc_settings import OidcSettings
from tenancy.acts import Act, record_act
from tenancy.connection_facts import ConnectionFact
from tenancy.database import Db, tenant_scope
from tenancy.errors import Conflict, Invalid
from tenancy.events import Event
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.secrets import Keyring
from tenancy.tenants import demand_tenant

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MOST: Final = 20


class ConnectionChanged(Conflict):
    """The connection has been changed meanwhile; read it again."""


class ConnectionsExhausted(Conflict):
    """An enterprise has at most 20 connections of its own; remove one first."""


class IssuerFixed(Conflict):
    """Accounts of the present issuer are linked to members; make another connection for the new one."""


class ConnectionNameInvalid(Invalid):
    """The name of a connection has 1 to 63 lower-case letters, digits and hyphens, no hyphen first."""


class ConnectionKindInvalid(Invalid):
    """The connection `koogallery` is of that kind, and no other one is."""


async def find_connection(tenant_id: UUID, name: str) -> Connection | None:
    """Find one connection of a tenant."""
    async with tenant_scope(tenant_id) as db:
        return await look_up_connection(db, tenant_id, name)


async def read_connection(tenant_id: UUID, name: str) -> Connection:
    """Read one connection.

    Raises:
        TenantUnknown, ConnectionUnknown: there is no such thing.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        return await demand_connection(db, tenant_id, name)


async def list_connections(
    tenant_id: UUID, *, cursor: str | None = None, limit: int = _MOST + 1
) -> Page[Connection]:
    """List connections by name; all there can be, unless a limit is given.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    after = decode_cursor(cursor, str) or ""
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(f"SELECT {COLUMNS} FROM connection WHERE tenant_id = $1", tenant_id)
    found = {KOOGALLERY: untouched_koogallery(tenant_id)} | {row["name"]: connection_of(row) for row in rows}
    following = [found[name] for name in sorted(found) if name > after]
    return page_of(following[: limit + 1], limit, key=lambda connection: connection.name)


async def put_connection(
    tenant_id: UUID,
    name: str,
    settings: OidcSettings | KoogallerySettings,
    *,
    secret: str | None = None,
    keyring: Keyring,
    expected_revision: int | None = None,
    act: Act,
) -> Connection:
    """Create or change a connection; without a secret it keeps the one it has.

    The settings are checked by the caller, who knows which addresses are allowed.

    Raises:
        ConnectionNameInvalid, ConnectionKindInvalid: it cannot have that name.
        TenantUnknown: there is no such tenant.
        ConnectionChanged: it is not at the expected revision; 0 expects that nobody has written it.
        ConnectionsExhausted: there are 20 others.
        IssuerFixed: accounts of another issuer are linked, which the new one could give to anybody.
        ConnectionSecretInvalid: it needs a secret, or has no use for one.
    """
    if _NAME.fullmatch(name) is None:
        raise ConnectionNameInvalid
    if isinstance(settings, KoogallerySettings) != (name == KOOGALLERY):
        raise ConnectionKindInvalid
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        before = await look_up_connection(db, tenant_id, name)
        _expect(before, expected_revision)
        if before is None:
            await _demand_room(db, tenant_id)
        else:
            await _demand_issuer(db, before, settings)
        kept = None if before is None else open_secret(before, keyring)
        chosen = choose_secret(before, settings, given=secret, kept=kept)
        if before is not None and (before.settings, kept) == (settings, chosen):
            return before
        sealed = seal_secret(tenant_id, name, chosen, keyring)
        after = Connection(tenant_id=tenant_id, name=name, settings=settings, sealed_secret=sealed)
        written = await write_connection(db, after, at=act.at)
        if isinstance(settings, KoogallerySettings) and not settings.enabled:
            await end_parts_of_connection(db, tenant_id, name, now=act.at)
        told = _tell(before, after, secret_changed=before is not None and kept != chosen)
        await record_act(db, act, [told], tenant_id=tenant_id)
    return written


async def remove_connection(
    tenant_id: UUID, name: str, *, expected_revision: int | None = None, act: Act
) -> None:
    """Remove a connection with its identities; `koogallery` becomes what it was before anybody changed it.

    Sessions that began with a connection that is gone have ended.

    Raises:
        TenantUnknown, ConnectionUnknown: there is no such thing.
        ConnectionChanged: it is not at the expected revision.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        before = await demand_connection(db, tenant_id, name)
        _expect(before, expected_revision)
        if before.revision == 0:
            return
        await db.execute("DELETE FROM connection WHERE tenant_id = $1 AND name = $2", tenant_id, name)
        if name == KOOGALLERY:
            told = _tell(before, untouched_koogallery(tenant_id))
        else:
            await db.execute("DELETE FROM identity WHERE tenant_id = $1 AND connection = $2", tenant_id, name)
            await end_parts_of_connection(db, tenant_id, name, now=act.at)
            told = Event(type="connection.removed", subject=name, previous=_fact(before))
        await record_act(db, act, [told], tenant_id=tenant_id)


def _expect(before: Connection | None, expected_revision: int | None) -> None:
    revision = 0 if before is None else before.revision
    if expected_revision is not None and expected_revision != revision:
        raise ConnectionChanged


async def _demand_room(db: Db, tenant_id: UUID) -> None:
    there = await db.fetchval(
        "SELECT count(*) FROM connection WHERE tenant_id = $1 AND name <> $2", tenant_id, KOOGALLERY
    )
    if there >= _MOST:
        raise ConnectionsExhausted


async def _demand_issuer(db: Db, before: Connection, settings: OidcSettings | KoogallerySettings) -> None:
    """A subject means somebody at one issuer only (OpenID Connect Core 1.0 section 5.7)."""
    issuers = {one.issuer for one in (before.settings, settings) if isinstance(one, OidcSettings)}
    linked = "SELECT EXISTS (SELECT FROM identity WHERE tenant_id = $1 AND connection = $2)"
    if len(issuers) > 1 and await db.fetchval(linked, before.tenant_id, before.name):
        raise IssuerFixed


def _tell(before: Connection | None, after: Connection, *, secret_changed: bool = False) -> Event:
    data = _fact(after, secret_changed=secret_changed)
    if before is None:
        return Event(type="connection.added", subject=after.name, data=data)
    return Event(type="connection.changed", subject=after.name, data=data, previous=_fact(before))


def _fact(connection: Connection, *, secret_changed: bool = False) -> ConnectionFact:
    settings = msgspec.to_builtins(connection.settings)
    return ConnectionFact(kind=connection.kind, settings=settings, secret_changed=secret_changed)
