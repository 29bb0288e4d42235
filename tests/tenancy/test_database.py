"""The one door to PostgreSQL: no row is seen from outside its tenant."""

from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from piccolo.engine.exceptions import TransactionError

from tenancy.database import DB, NO_TENANT, open_database, system_scope, tenant_scope
from tenancy.errors import DatabaseUnavailable
from tests.pools import still_serves

OWNED = (
    "binding",
    "department",
    "member",
    "membership",
    "app",
    "authorisation",
    "push",
    "event",
    "change_set",
    "event_counter",
    "feed",
    "stream",
    "attempt",
    "held_push",
    "sync_policy",
    "connection",
    "identity",
    "client_session",
    "token",
    "erasure",
)
HIDDEN_FROM_SYSTEM = ("department", "member", "membership", "app", "authorisation", "sync_policy", "identity")


async def test_a_server_that_is_away_is_an_outage(without_pool):
    with pytest.raises(DatabaseUnavailable):
        await open_database("postgresql://tenon_app:x@127.0.0.1:1/tenon", pool_size=2)


async def test_a_wrong_password_is_an_outage_that_does_not_tell_it(without_pool, migrated):
    address = urlsplit(migrated.database_url)
    wrong = address._replace(netloc=f"tenon_app:not-the-password@{address.netloc.split('@')[1]}").geturl()
    with pytest.raises(DatabaseUnavailable) as caught:
        await open_database(wrong, pool_size=2)
    assert "not-the-password" not in str(caught.value)


@pytest.mark.parametrize("outer", [system_scope, lambda: tenant_scope(NO_TENANT)])
@pytest.mark.parametrize("inner", [system_scope, lambda: tenant_scope(NO_TENANT)])
async def test_a_scope_inside_another_is_refused(pool_of_two, outer, inner):
    async with outer():
        with pytest.raises(TransactionError):
            async with inner():
                pytest.fail("the inner scope opened")
    await still_serves()


@pytest.mark.parametrize("table", [*OWNED, "tenant"])
async def test_reading_outside_a_scope_fails_loudly_before_and_after_a_scope(pool_of_two, table):
    async def read():
        async with DB.transaction(allow_nested=False) as transaction:
            return await transaction.connection.fetch(f"SELECT * FROM {table} LIMIT 1")

    unset = (asyncpg.UndefinedObjectError, asyncpg.InvalidTextRepresentationError)
    with pytest.raises(unset):
        await read()
    async with tenant_scope(uuid4()) as db:
        assert await db.fetch(f"SELECT * FROM {table}") == []
    with pytest.raises(unset):
        await read()


async def test_the_scope_ends_with_its_transaction_on_the_same_connection(without_pool, migrated):
    await open_database(migrated.database_url, pool_size=1)
    async with tenant_scope(uuid4()) as db:
        pid = db.get_server_pid()
        assert await db.fetchval("SELECT current_setting('app.tenant_id')")
    async with system_scope() as db:
        assert db.get_server_pid() == pid
        assert not await db.fetchval("SELECT current_setting('app.tenant_id', true)")
    async with DB.transaction(allow_nested=False) as transaction:
        assert await transaction.connection.fetchval("SELECT current_user") == "tenon_app"


@pytest.mark.parametrize("table", HIDDEN_FROM_SYSTEM)
async def test_the_system_scope_cannot_read_what_it_was_not_given(pool_of_two, table):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with system_scope() as db:
            await db.fetch(f"SELECT * FROM {table}")
    await still_serves()


async def test_a_row_for_another_tenant_is_refused(pool_of_two):
    mine, other = uuid4(), uuid4()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with tenant_scope(mine) as db:
            await db.execute(
                "INSERT INTO department (tenant_id, code, name, source_time) VALUES ($1, 'D1', 'x', now())",
                other,
            )


async def test_rows_of_another_tenant_cannot_be_changed_moved_or_removed(pool_of_two):
    mine, other = uuid4(), uuid4()
    async with tenant_scope(other) as db:
        await db.execute(
            "INSERT INTO department (tenant_id, code, name, source_time) VALUES ($1, 'D1', 'x', now())", other
        )
    async with tenant_scope(mine) as db:
        assert await db.execute("UPDATE department SET name = 'y' WHERE tenant_id = $1", other) == "UPDATE 0"
        assert await db.execute("DELETE FROM department WHERE tenant_id = $1", other) == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with tenant_scope(other) as db:
            await db.execute("UPDATE department SET tenant_id = $1", mine)
