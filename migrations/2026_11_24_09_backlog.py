"""Indexes by which what waits can be counted, across tenants, at every scrape."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24-09"
VERSION = "1.38.0"
DESCRIPTION = "Indexes of what waits"

INDEXES = """
CREATE INDEX held_push_waiting ON held_push (held_at) WHERE state = 'held';
CREATE INDEX client_session_running ON client_session (expires_at) WHERE ended_at IS NULL
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="tenon", description=DESCRIPTION)

    async def apply() -> None:
        for statement in INDEXES.split(";"):
            await engine_finder().run_ddl(statement)

    manager.add_raw(apply)
    return manager
