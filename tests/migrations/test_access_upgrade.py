"""A database from before access was stored: what the marketplace had said gives the same access after it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from service.migrate import migrate
from tenancy.access import list_access
from tenancy.database import open_database

NOW = datetime.now(UTC)
BEFORE = ("2026_11_22_01_tables.py", "2026_11_22_02_isolation.py")

TENANT = """
INSERT INTO tenant (id, source, external_id, is_test, code, name, domain_name, source_time, created_at)
VALUES ($1, 'koogallery', 'one', false, 'one', 'One', 'https://one.example', $2, $2)
"""
INSTANCE = """
INSERT INTO instance (instance_id, product, order_id, order_line_id, state, expires_at, trial, opened_at,
                      changed_at)
VALUES ($1, 'p', $1, $1, $2, $3, false, $4, $4)
"""
BINDING = """
INSERT INTO binding (tenant_id, instance_id, order_id, ended, source_time, ended_time)
VALUES ($1, $2, '', $3, $4, $5)
"""
APP = """
INSERT INTO app (tenant_id, id, instance_id, client_id, enabled, source_time, created_at)
VALUES ($1, $2, $3, '', true, $4, $4)
"""
MEMBER = """
INSERT INTO member (tenant_id, id, user_name, name, role, enabled, attribute_times, source_time, removed_at,
                    created_at)
VALUES ($1, $2, $3, '', 'user', $4, '{}', $5, $6, $5)
"""
AUTHORISATION = """
INSERT INTO authorisation (tenant_id, app_id, instance_id, member_id, state, source_time, described_time,
                           push_id, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, NULL, $1, $6)
"""


@pytest.fixture
async def earlier_database(database_at):
    """A database as the first release left it, with the later steps still to come."""
    return await database_at(*BEFORE)


async def live_in(database, tenant_id):
    """Only ann is authorised; the words about eve are older than the present binding."""
    connection = await asyncpg.connect(database.serving_url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('role', 'tenon_system', true)")
            await connection.execute(TENANT, tenant_id, NOW)
            await connection.execute(INSTANCE, "running", "active", None, NOW)
            await connection.execute(INSTANCE, "frozen", "frozen", None, NOW)
            await connection.execute(INSTANCE, "expired", "active", NOW - timedelta(days=1), NOW)
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant_id))
            ended = NOW - timedelta(hours=1)
            for instance in ("running", "frozen", "expired"):
                await connection.execute(BINDING, tenant_id, instance, False, NOW, ended)
                await connection.execute(APP, tenant_id, f"app-{instance}", instance, NOW)
            people = [
                ("ann", True, None, "granted", NOW),
                ("bob", True, None, "cancelled", NOW),
                ("cho", False, None, "granted", NOW),
                ("dee", True, NOW, "granted", NOW),
                ("eve", True, None, "granted", ended - timedelta(hours=1)),
            ]
            for user_name, enabled, removed_at, state, said_at in people:
                member_id = uuid4()
                known = (tenant_id, member_id, user_name, enabled, NOW, removed_at)
                await connection.execute(MEMBER, *known)
                for instance in ("running", "frozen", "expired"):
                    word = (tenant_id, f"app-{instance}", instance, member_id, state, said_at)
                    await connection.execute(AUTHORISATION, *word)
    finally:
        await connection.close()


async def test_whoever_could_use_an_app_before_the_upgrade_can_use_it_after(earlier_database):
    tenant_id = uuid4()
    await live_in(earlier_database, tenant_id)
    await migrate(earlier_database.owner_url, serving_url=earlier_database.serving_url)
    await open_database(earlier_database.serving_url, pool_size=2)
    found = {}
    for app in ("running", "frozen", "expired"):
        page = await list_access(tenant_id, f"app-{app}", now=NOW, cursor=None, limit=10)
        found[app] = [person.user_name for person in page.items]
    assert found == {"running": ["ann"], "frozen": [], "expired": []}

    connection = await asyncpg.connect(earlier_database.serving_url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant_id))
            told = await connection.fetch("SELECT instance_id, open FROM binding ORDER BY instance_id")
            stored = await connection.fetchval("SELECT count(*) FROM access")
    finally:
        await connection.close()
    assert {row["instance_id"]: row["open"] for row in told} == {
        "running": True,
        "frozen": False,
        "expired": False,
    }
    assert stored == 3
