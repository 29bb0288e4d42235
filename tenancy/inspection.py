"""What a connected database says about itself, for whoever looks for troubles; nothing here writes."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

import asyncpg
import msgspec

from tenancy.database import DB, Db, RoleFinding, bare_scope, close_database, inspect_role, open_database
from tenancy.errors import Unavailable

# Longer than any question here takes: whoever waits sits at a terminal.
_COMMAND_SECONDS = 60
_READ_ONLY: Final = "SET TRANSACTION READ ONLY"


class DatabaseRefused(Unavailable):
    """The database does not let the serving role look."""


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A server as it is for our connections.

    `version_number` is major * 10000 + minor; `connections` is how many the serving role may have; `changed`
    are settings that a connection asked for and did not get; `risky` are those that are off, so that what was
    committed may be lost.
    """

    version: str
    version_number: int
    is_read_only: bool
    connections: int
    changed: tuple[str, ...]
    risky: tuple[str, ...]


_SERVER = """
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int AS version_number,
       current_setting('default_transaction_read_only')::bool OR pg_is_in_recovery() AS is_read_only,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true), '0')::int AS connections,
       (SELECT array_agg(name ORDER BY name) FROM pg_settings
        WHERE lower(name) = ANY ($1::text[]) AND source <> 'client') AS changed,
       (SELECT array_agg(name ORDER BY name) FROM pg_settings
        WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off') AS risky,
       (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user) AS role_limit,
       (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
           AS database_limit
"""

_APPLIED = "SELECT name FROM migration WHERE app_name = $1 ORDER BY name"


@contextlib.asynccontextmanager
async def open_for_inspection(url: str) -> AsyncIterator[None]:
    """Connect the engine's pool to `url`, and close it at the end.

    Raises:
        DatabaseUnavailable: nothing answers there, or it refuses the role.
    """
    await open_database(url, pool_size=2, command_seconds=_COMMAND_SECONDS)
    try:
        yield
    finally:
        await close_database()


@contextlib.asynccontextmanager
async def looking() -> AsyncIterator[None]:
    """Turn what the server refuses into an error of the domain; an outage is one already.

    Raises:
        DatabaseRefused: a table is missing, or the role may not read it.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        raise DatabaseRefused(f"{type(error).__name__}.") from error


@contextlib.asynccontextmanager
async def unscoped() -> AsyncIterator[Db]:
    """One read-only transaction in no scope.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: a table is missing, or the role may not read it.
    """
    async with looking(), bare_scope() as db:
        await db.execute(_READ_ONLY)
        yield db


async def inspect_server() -> ServerFacts:
    """Read what the server says about itself.

    Raises:
        DatabaseUnavailable: it is away.
    """
    async with unscoped() as db:
        row = await db.fetchrow(_SERVER, list(DB.config.get("server_settings", {})))
    assert row is not None
    limits = [row["connections"], row["role_limit"], row["database_limit"]]
    return ServerFacts(
        version=row["version"].split()[0],
        version_number=row["version_number"],
        is_read_only=row["is_read_only"],
        connections=min(limit for limit in limits if limit is not None),
        changed=tuple(row["changed"] or ()),
        risky=tuple(row["risky"] or ()),
    )


async def inspect_serving_role() -> list[RoleFinding]:
    """Say why the connected role could get past row-level security, or could not serve; empty when fit.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    async with looking():
        return await inspect_role()


async def read_server_time() -> datetime:
    """The server's clock at this moment.

    Raises:
        DatabaseUnavailable: it is away.
    """
    async with unscoped() as db:
        at: datetime = await db.fetchval("SELECT clock_timestamp()")
    return at


async def applied_migrations(app_name: str) -> list[str]:
    """The steps that the database has been brought through, oldest first.

    Raises:
        DatabaseRefused: it was never migrated.
    """
    async with unscoped() as db:
        return [row["name"] for row in await db.fetch(_APPLIED, app_name)]
