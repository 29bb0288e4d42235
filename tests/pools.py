"""The engine is one per process; tests that open it themselves put the application's pool aside."""

import contextlib

from tenancy.database import DB, close_database


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
