"""A database from before the event log: its change sets are kept, as the first events."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg

from service.migrate import migrate
from tenancy.database import NO_TENANT, open_database
from tenancy.event_pages import list_changes
from tests.migrations.test_access_upgrade import TENANT

NOW = datetime.now(UTC)
BEFORE = (
    "2026_11_22_01_tables.py",
    "2026_11_22_02_isolation.py",
    "2026_11_22_03_access_tables.py",
    "2026_11_22_04_access.py",
)

PUSH = """
INSERT INTO push (tenant_id, id, product, edition, interface, is_test, signed_as, received_at, size, verdict,
                  result_code, result_message, counts, duration_ms)
VALUES ($1, $2, 'p', 'V2', 'allOrgSync', false, 'sorted', $3, 0, 'applied', '000000', '', '{}', 0)
"""
ACT = """
INSERT INTO audit (tenant_id, id, at, actor, action, subject, counts)
VALUES ($1, $2, $3, 'operator:test', 'group.added', 'g', '{}')
"""
CHANGE = """
INSERT INTO change (tenant_id, cause_id, number, action, subject, after)
VALUES ($1, $2, $3, $4, $5, '{"n": 1}')
"""


async def test_change_sets_from_before_are_the_first_events_in_the_order_of_their_time(database_at):
    database = await database_at(*BEFORE)
    tenant_id, push, act, purchase = uuid4(), uuid4(), uuid4(), uuid4()
    connection = await asyncpg.connect(database.serving_url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('role', 'tenon_system', true)")
            await connection.execute(TENANT, tenant_id, NOW)
        for tenant, causes in (
            (
                tenant_id,
                ((act, ACT, NOW, ("group.added",)), (push, PUSH, NOW - timedelta(1), ("one", "two"))),
            ),
            (NO_TENANT, ((purchase, PUSH, NOW, ("instance.opened",)),)),
        ):
            async with connection.transaction():
                await connection.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant))
                for cause, statement, at, actions in causes:
                    await connection.execute(statement, tenant, cause, at)
                    for number, action in enumerate(actions, 1):
                        await connection.execute(CHANGE, tenant, cause, number, action, "D1")
    finally:
        await connection.close()

    await migrate(database.owner_url, serving_url=database.serving_url)
    await open_database(database.serving_url, pool_size=2)
    found = {}
    for tenant, cause in ((tenant_id, push), (tenant_id, act), (None, purchase)):
        page = await list_changes(tenant, cause, cursor=None, limit=10)
        found[cause] = [(event.number, event.type, event.data, event.cause.actor) for event in page.items]
    assert found == {
        push: [(1, "one", {"n": 1}, None), (2, "two", {"n": 1}, None)],
        act: [(3, "group.added", {"n": 1}, "operator:test")],
        purchase: [(1, "instance.opened", {"n": 1}, None)],
    }
    rows = await database.fetch("SELECT to_regclass('change') AS gone")
    assert rows[0]["gone"] is None
