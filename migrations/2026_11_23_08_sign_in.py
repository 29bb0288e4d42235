"""Signing in: keys, indexes and row-level security of connections, identities, clients and their sessions."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-23-08"
VERSION = "1.38.0"
DESCRIPTION = "Keys, indexes and row-level security of signing in"

KEYS = {
    "connection": "tenant_id, name",
    "identity": "tenant_id, connection, subject",
    "client_session": "tenant_id, session_id, client_id",
}

# Across tenants, the worker tells clients of sessions that have ended, and old rows are removed.
SYSTEM_MAY = {
    "connection": ["SELECT"],
    "client_session": ["SELECT", "UPDATE", "DELETE"],
}

INDEXES = """
ALTER TABLE identity ADD CONSTRAINT identity_member
    FOREIGN KEY (tenant_id, member_id) REFERENCES member (tenant_id, id) ON DELETE CASCADE;
CREATE UNIQUE INDEX identity_member_unique ON identity (tenant_id, connection, member_id);
CREATE INDEX identity_of_member ON identity (tenant_id, member_id);
ALTER TABLE client ADD CONSTRAINT client_product
    FOREIGN KEY (product) REFERENCES product (slug);
CREATE INDEX client_of_product ON client (product, client_id);
ALTER TABLE client_session ADD CONSTRAINT client_session_member
    FOREIGN KEY (tenant_id, member_id) REFERENCES member (tenant_id, id) ON DELETE CASCADE;
CREATE INDEX client_session_open ON client_session (tenant_id, member_id) WHERE ended_at IS NULL;
CREATE INDEX client_session_open_of_connection ON client_session (tenant_id, connection)
    WHERE ended_at IS NULL;
CREATE INDEX client_session_ended
    ON client_session (tenant_id, ended_at DESC, session_id DESC, client_id DESC)
    WHERE ended_at IS NOT NULL;
CREATE INDEX client_session_due ON client_session (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX client_session_age ON client_session (expires_at);
CREATE INDEX tenant_code ON tenant (code, id) WHERE source_time IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON client, signing_key, follower TO tenon_system
"""

# Whoever loses access from now on is signed out. Forced, the policies would hide the feed from its owner.
BEGIN_FOLLOWING = """
ALTER TABLE feed NO FORCE ROW LEVEL SECURITY;
INSERT INTO follower (name, position) SELECT 'departures', coalesce(max(position), 0) FROM feed
    ON CONFLICT DO NOTHING;
ALTER TABLE feed FORCE ROW LEVEL SECURITY
"""


def isolation(table: str) -> str:
    """Rows are visible to their own tenant only; without a tenant in scope the query fails loudly."""
    own = "tenant_id = current_setting('app.tenant_id')::uuid"
    return f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tenon_serving;
    CREATE POLICY {table}_tenant_scope ON {table} TO tenon_serving USING ({own}) WITH CHECK ({own})
    """


def system_access(table: str, commands: list[str]) -> str:
    """Let the system scope do these commands on the rows of all tenants."""
    clauses = {"UPDATE": "USING (true) WITH CHECK (true)"}
    policies = ";".join(
        f"CREATE POLICY {table}_system_{command.lower()} ON {table} FOR {command} TO tenon_system "
        f"{clauses.get(command, 'USING (true)')}"
        for command in commands
    )
    return f"{policies}; GRANT {', '.join(commands)} ON {table} TO tenon_system"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="tenon", description=DESCRIPTION)

    async def apply() -> None:
        run = engine_finder().run_ddl
        statements = []
        for table, columns in KEYS.items():
            statements.append(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
            statements.append(f"ALTER TABLE {table} ADD PRIMARY KEY ({columns})")
        statements += INDEXES.split(";")
        for table in KEYS:
            statements += isolation(table).split(";")
        for table, commands in SYSTEM_MAY.items():
            statements += system_access(table, commands).split(";")
        statements += BEGIN_FOLLOWING.split(";")
        for statement in statements:
            if statement.strip():
                await run(statement)

    manager.add_raw(apply)
    return manager
