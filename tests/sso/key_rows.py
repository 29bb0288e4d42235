"""Signing keys of a test, in place of the application's."""

import contextlib
from datetime import UTC, datetime, timedelta

from tenancy.acts import Act
from tenancy.database import system_scope

NOW = datetime(2031, 5, 5, 12, tzinfo=UTC)
# From the making of a key until it signs.
NOTICE = timedelta(hours=1, minutes=1)


def act(at=NOW):
    return Act(actor="operator:test", at=at)


async def write(statement, *values):
    async with system_scope() as db:
        return await db.fetch(statement, *values)


@contextlib.asynccontextmanager
async def keys_put_aside():
    """No keys at all inside; those of the application are put back afterwards."""
    before = await write("DELETE FROM signing_key RETURNING *")
    try:
        yield
    finally:
        await write("DELETE FROM signing_key")
        for row in before:
            await write("INSERT INTO signing_key SELECT ($1::signing_key).*", tuple(row.values()))
