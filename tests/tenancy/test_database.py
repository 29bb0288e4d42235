"""The one door to PostgreSQL: no connection is lost, no row is seen from outside its tenant."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from piccolo.engine.exceptions import TransactionError

from tenancy import database, transactions
from tenancy.database import (
    DB,
    NO_TENANT,
    open_database,
    system_scope,
    tenant_scope,
)
from tenancy.errors import DatabaseUnavailable, ValueUnstorable
from tests.tenancy.locks import held

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


async def still_serves():
    """Both connections of the pool of two answer at the same time."""
    meeting = asyncio.Barrier(2)

    async def work():
        async with tenant_scope(NO_TENANT) as db:
            await meeting.wait()
            return await db.fetchval("SELECT 1")

    async with asyncio.timeout(5):
        assert await asyncio.gather(work(), work()) == [1, 1]
    assert DB.current_transaction.get() is None


async def fail_at_commit():
    async with tenant_scope(NO_TENANT) as db:
        await db.execute("CREATE TEMPORARY TABLE twice (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        await db.execute("INSERT INTO twice VALUES (1), (1)")


async def fail_in_sql():
    async with tenant_scope(NO_TENANT) as db:
        await db.execute("SELECT 1 / 0")


async def fail_in_python():
    async with tenant_scope(NO_TENANT):
        raise KeyError("ours")


async def run_out_of_time_at_the_server():
    async with tenant_scope(NO_TENANT) as db:
        await db.execute("SET LOCAL statement_timeout = '20ms'")
        await db.execute("SELECT pg_sleep(10)")


async def run_out_of_time_here():
    async with asyncio.timeout(0.05), tenant_scope(NO_TENANT) as db:
        await db.execute("SELECT pg_sleep(10)")


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (fail_at_commit, asyncpg.UniqueViolationError),
        (fail_in_sql, ValueUnstorable),
        (fail_in_python, KeyError),
        (run_out_of_time_at_the_server, DatabaseUnavailable),
        (run_out_of_time_here, TimeoutError),
    ],
)
async def test_a_failing_transaction_loses_no_connection(pool_of_two, failing, error):
    for _ in range(3):
        with pytest.raises(error):
            await failing()
    await still_serves()


@pytest.mark.parametrize("at_commit", [False, True])
async def test_a_killed_backend_loses_no_connection(pool_of_two, servers, at_commit):
    administrator = await asyncpg.connect(servers.postgres.superuser_url, timeout=10)

    async def work():
        async with tenant_scope(NO_TENANT) as db:
            await administrator.execute("SELECT pg_terminate_backend($1, 5000)", db.get_server_pid())
            if not at_commit:
                await db.execute("SELECT 1")

    try:
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await work()
            await still_serves()
    finally:
        await administrator.close()


async def test_a_cancelled_task_rolls_back_and_loses_no_connection(pool_of_two):
    tenant_id, inside = uuid4(), asyncio.Event()

    async def work():
        async with tenant_scope(tenant_id) as db:
            await db.execute(
                "INSERT INTO erasure (tenant_id, source, external_id, erased_at, counts)"
                " VALUES ($1, 's', 'e', now(), '{}')",
                tenant_id,
            )
            inside.set()
            await asyncio.Event().wait()

    for _ in range(3):
        inside.clear()
        task = asyncio.create_task(work())
        await inside.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await still_serves()
    async with tenant_scope(tenant_id) as db:
        assert await db.fetchval("SELECT count(*) FROM erasure") == 0


async def test_waiting_for_a_connection_is_bounded(pool_of_two, monkeypatch):
    monkeypatch.setattr(transactions, "ACQUIRE_SECONDS", 0.1)
    taken, done = asyncio.Barrier(3), asyncio.Event()

    async def hold():
        async with tenant_scope(NO_TENANT):
            await taken.wait()
            await done.wait()

    holders = [asyncio.create_task(hold()) for _ in range(2)]
    await taken.wait()
    with pytest.raises(DatabaseUnavailable):
        async with tenant_scope(NO_TENANT):
            pytest.fail("there was a third connection")
    done.set()
    await asyncio.gather(*holders)
    await still_serves()


async def test_a_lock_that_is_not_free_in_time_is_an_outage(without_pool, migrated, monkeypatch):
    monkeypatch.setitem(database._SESSION, "lock_timeout", "50ms")
    await open_database(migrated.database_url, pool_size=2)
    tenant_id = uuid4()
    async with held(tenant_id):
        with pytest.raises(DatabaseUnavailable):
            async with tenant_scope(tenant_id, changing=True):
                pytest.fail("the lock was free")
    await still_serves()


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


async def test_a_scope_that_is_given_up_while_it_opens_leaves_no_transaction_behind(pool_of_two):
    """A worker that is stopped at that moment would have the driver complain of an active transaction."""
    complaints, tenant_id = [], uuid4()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context["message"]))

    async def wait_for_the_lock():
        async with tenant_scope(tenant_id, changing=True):
            pass

    try:
        async with held(tenant_id):
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await wait_for_the_lock()
    finally:
        loop.set_exception_handler(None)
    assert complaints == []
    await still_serves()
