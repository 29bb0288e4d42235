"""Brings the database up to date: Piccolo's history, all or nothing, under one lock."""

import contextlib
import functools
import io
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
from piccolo.apps.migrations.commands.base import BaseMigrationManager
from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager

from service.piccolo_app import APP_CONFIG
from tenancy.database import DB, SERVING_ROLE, SYSTEM_ROLE, Db, bare_scope, close_database, open_database
from tenancy.errors import DomainError

_LOCK = 0x7E404
_HISTORY = "SELECT name FROM migration WHERE app_name = $1 ORDER BY name"


class MigrationFailed(DomainError):
    """The database could not be brought up to date; nothing was changed."""


def known_migrations() -> list[str]:
    """The history in the migrations folder, oldest first."""
    folder = APP_CONFIG.resolved_migrations_folder_path
    return list(_read_history(folder, Path(folder).stat().st_mtime_ns))


@functools.lru_cache(maxsize=1)
def _read_history(folder: str, _changed_at: int) -> tuple[str, ...]:
    before = sys.path[:]
    try:
        return tuple(sorted(BaseMigrationManager().get_migration_modules(folder)))
    finally:
        # Piccolo adds the folder to where modules are looked for each time that it is asked.
        sys.path[:] = before


async def pending_migrations() -> list[str]:
    """Migrations that the connected database lacks, oldest first.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    async with bare_scope() as db:
        exists = await db.fetchval("SELECT to_regclass('public.migration') IS NOT NULL")
        done = {row["name"] for row in await db.fetch(_HISTORY, APP_CONFIG.app_name)} if exists else set()
    return [name for name in known_migrations() if name not in done]


async def migrate(owner_url: str, *, serving_url: str | None) -> list[str]:
    """Apply what is pending as the owning role, and let the role of `serving_url` serve.

    One transaction under an advisory lock: safe to run twice and at once.

    Returns:
        The migrations applied, oldest first.

    Raises:
        MigrationFailed: a step was refused; the message names the cause.
        DatabaseUnavailable: nothing answers at `owner_url`.
    """
    os.environ.setdefault("PICCOLO_CONF", "service.piccolo_conf")
    await open_database(owner_url, pool_size=2)
    try:
        async with DB.transaction(allow_nested=False) as transaction:
            db = transaction.connection
            await db.execute("SET LOCAL lock_timeout = '5min'")
            await db.execute("SET LOCAL statement_timeout = '1h'")
            await db.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            manager = ForwardsMigrationManager(app_name=APP_CONFIG.app_name)
            with contextlib.redirect_stdout(io.StringIO()):
                await manager.create_migration_table()
            done = {row["name"] for row in await db.fetch(_HISTORY, APP_CONFIG.app_name)}
            with contextlib.redirect_stdout(io.StringIO()):
                result = await manager.run_migrations(APP_CONFIG)
            if not result.success:
                raise MigrationFailed(result.message)
            if serving_url is not None:
                await _let_serve(db, serving_url)
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"{type(error).__name__}: {error}.") from error
    finally:
        await close_database()
    return [name for name in known_migrations() if name not in done]


async def _let_serve(db: Db, serving_url: str) -> None:
    """Make the role of `serving_url` a server: inherits the serving rights, may switch to the system's."""
    role = unquote(urlsplit(serving_url).username or "")
    known = await db.fetchval("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = $1", role)
    if known is None:
        raise MigrationFailed(f"The serving role {role!r} of the database URL does not exist; create it.")
    if role == await db.fetchval("SELECT current_user"):
        raise MigrationFailed(
            "The migrating and the serving role are the same; serve under a role of its own."
        )
    try:
        await db.execute(f"GRANT {SERVING_ROLE} TO {known} WITH INHERIT TRUE")
        await db.execute(f"GRANT {SYSTEM_ROLE} TO {known} WITH INHERIT FALSE, SET TRUE")
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationFailed(f"The migrating role may not grant {SERVING_ROLE}: {error}.") from error
