"""Holding the lock of a tenant, as a long change would."""

import asyncio
import contextlib

from tenancy.database import tenant_scope


@contextlib.asynccontextmanager
async def held(tenant_id):
    """Another task holds the tenant's lock, as a long change would."""
    holds, done = asyncio.Event(), asyncio.Event()

    async def hold():
        async with tenant_scope(tenant_id, changing=True):
            holds.set()
            await done.wait()

    task = asyncio.create_task(hold())
    await holds.wait()
    try:
        yield
    finally:
        done.set()
        await task
