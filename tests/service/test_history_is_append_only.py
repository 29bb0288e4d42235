"""What has happened cannot be rewritten by the role that serves."""

import asyncpg
import pytest


@pytest.mark.parametrize("table", ["audit", "push", "event", "change_set"])
async def test_the_serving_role_adds_to_the_history_and_never_takes_from_it(office, settings, table):
    await office.group("g")
    column = {"audit": "actor", "push": "verdict", "event": "subject", "change_set": "by"}[table]
    connection = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        await connection.execute("SELECT set_config('app.tenant_id', $1, false)", str(office.tenant_id))
        before = await connection.fetch(f"SELECT * FROM {table}")
        assert before
        for statement in (
            f"UPDATE {table} SET {column} = 'somebody else'",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"DROP TABLE {table}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        assert await connection.fetch(f"SELECT * FROM {table}") == before
    finally:
        await connection.close()
