"""Databases of a test's own, on the embedded server."""

import contextlib
import shutil
import sys
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from service.migrate import migrate
from service.piccolo_app import APP_CONFIG
from tests.pools import pool_put_aside


class Database(msgspec.Struct, frozen=True):
    """One database, as its owner and as the serving role."""

    name: str
    owner_url: str
    serving_url: str

    async def fetch(self, query, *values):
        """Ask as the owner, who sees the catalogue."""
        connection = await asyncpg.connect(self.owner_url, timeout=10)
        try:
            return await connection.fetch(query, *values)
        finally:
            await connection.close()

    async def tables(self):
        rows = await self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows}


def _in_database(url, name):
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def _administer(servers, statement):
    administrator = await asyncpg.connect(servers.postgres.superuser_url, timeout=10)
    try:
        await administrator.execute(statement)
    finally:
        await administrator.close()


@pytest.fixture
async def engine_aside():
    async with pool_put_aside():
        yield


@contextlib.asynccontextmanager
async def _made(servers, settings):
    name = f"made_{uuid4().hex[:12]}"
    await _administer(servers, f"CREATE DATABASE {name} OWNER tenon_owner")
    yield Database(
        name,
        _in_database(settings.migration_database_url, name),
        _in_database(settings.database_url, name),
    )
    await _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_database(servers, settings):
    async with _made(servers, settings) as database:
        yield database


@pytest.fixture(scope="module")
async def catalogue(servers, settings):
    """A migrated database without a row, for looking at its catalogue."""
    async with _made(servers, settings) as database:
        async with pool_put_aside():
            await migrate(database.owner_url, serving_url=database.serving_url)
        yield database


@pytest.fixture
async def database_at(empty_database, engine_aside, tmp_path, monkeypatch):
    """Brings a database to where these steps of the history left it; later ones are still to come."""

    async def bring(*names):
        whole = APP_CONFIG.migrations_folder_path
        for name in names:
            shutil.copy(f"{whole}/{name}", tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(APP_CONFIG, "migrations_folder_path", str(tmp_path))
            patch.setattr(sys, "path", [*sys.path])
            await migrate(empty_database.owner_url, serving_url=empty_database.serving_url)
        return empty_database

    return bring
