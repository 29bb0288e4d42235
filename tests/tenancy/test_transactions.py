"""Transactions give their connection back, whatever ends them."""

import asyncio
from contextlib import suppress
from uuid import uuid4

import asyncpg
import pytest

from tenancy import database, transactions
from tenancy.database import NO_TENANT, open_database, tenant_scope
from tenancy.errors import DatabaseUnavailable, ValueUnstorable
from tests.pools import still_serves
from tests.tenancy.locks import held


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


async def test_a_scope_that_is_given_up_again_while_it_is_closing_loses_no_connection(pool_of_two):
    tenant_id = uuid4()

    async def wait_for_the_lock():
        async with tenant_scope(tenant_id, changing=True):
            pytest.fail("the lock was free")

    for turns in range(12):
        async with held(tenant_id):
            task = asyncio.create_task(wait_for_the_lock())
            await asyncio.sleep(0.02)
            task.cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await still_serves()
