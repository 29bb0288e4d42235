"""The engine is one per process; tests that open it themselves put the application's pool aside."""

import asyncio
import contextlib

from tenancy.database import DB, NO_TENANT, close_database, tenant_scope


@contextlib.asynccontextmanager
async def pool_put_aside():
    """The engine is closed inside, and as it was afterwards."""
    pool, config = DB.pool, DB.config
    DB.pool = None
    try:
        yield
    finally:
        await close_database()
        DB.pool, DB.config = pool, config


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
