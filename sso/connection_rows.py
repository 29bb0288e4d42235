"""Connections as signing in works with them: their rows, and the one that is there without a row."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from sso.oidc_settings import OidcSettings
from tenancy.database import Db
from tenancy.errors import NotFound
from tenancy.events import encode

KOOGALLERY: Final = "koogallery"


class ConnectionUnknown(NotFound):
    """There is no such connection."""


class KoogallerySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator says of the marketplace's account login.

    With `creates_members`, whom the marketplace has not described yet becomes a plain member by signing in.
    """

    creates_members: bool = False
    enabled: bool = True


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A way to sign in; never sent anywhere as a whole.

    `koogallery` is there by itself, at revision 0 and without times until somebody changes it.
    """

    tenant_id: UUID
    name: str
    settings: OidcSettings | KoogallerySettings
    sealed_secret: bytes | None = None
    revision: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def kind(self) -> Literal["oidc", "koogallery"]:
        """What stands behind it."""
        return "oidc" if isinstance(self.settings, OidcSettings) else "koogallery"


COLUMNS: Final = "tenant_id, name, kind, settings, secret, revision, created_at, updated_at"

_FIND = f"SELECT {COLUMNS} FROM connection WHERE tenant_id = $1 AND name = $2"

_WRITE = f"""
INSERT INTO connection AS c ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, 1, $6, $6)
ON CONFLICT (tenant_id, name) DO UPDATE
SET settings = excluded.settings, secret = excluded.secret, revision = c.revision + 1,
    updated_at = excluded.updated_at
RETURNING {COLUMNS}
"""


def untouched_koogallery(tenant_id: UUID) -> Connection:
    """The marketplace's account login as it is before anybody changes it."""
    return Connection(tenant_id=tenant_id, name=KOOGALLERY, settings=KoogallerySettings())


def connection_of(row: Any) -> Connection:
    """A connection from its row."""
    shape: Any = OidcSettings if row["kind"] == "oidc" else KoogallerySettings
    return Connection(
        tenant_id=row["tenant_id"],
        name=row["name"],
        settings=msgspec.json.decode(row["settings"], type=shape),
        sealed_secret=row["secret"],
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def look_up_connection(db: Db, tenant_id: UUID, name: str) -> Connection | None:
    """Find a connection in the caller's scope."""
    row = await db.fetchrow(_FIND, tenant_id, name)
    if row is not None:
        return connection_of(row)
    return untouched_koogallery(tenant_id) if name == KOOGALLERY else None


async def demand_connection(db: Db, tenant_id: UUID, name: str) -> Connection:
    """Read a connection in the caller's scope.

    Raises:
        ConnectionUnknown: the tenant has no such connection.
    """
    connection = await look_up_connection(db, tenant_id, name)
    if connection is None:
        raise ConnectionUnknown
    return connection


async def write_connection(db: Db, connection: Connection, *, at: datetime) -> Connection:
    """Write what is said of a connection, at its next revision."""
    row = await db.fetchrow(
        _WRITE,
        connection.tenant_id,
        connection.name,
        connection.kind,
        encode(connection.settings),
        connection.sealed_secret,
        at,
    )
    return connection_of(row)
