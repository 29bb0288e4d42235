"""Roles, composite keys, indexes and forced row-level security: what the table classes cannot say."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-22-02"
VERSION = "1.38.0"
DESCRIPTION = "Roles, composite keys, indexes, row-level security"

# The key of each tenant-owned table. The tenant comes first: row-level security, locality and a later
# distribution by tenant all need it there.
KEYS = {
    "binding": "tenant_id, instance_id",
    "department": "tenant_id, code",
    "member": "tenant_id, id",
    "membership": "tenant_id, member_id, department_code",
    "app": "tenant_id, id, instance_id",
    "authorisation": "tenant_id, app_id, instance_id, member_id",
    "push": "tenant_id, id",
    "change": "tenant_id, push_id, number",
    "token": "tenant_id, hash",
    "erasure": "tenant_id",
}

# What the system scope may do with the rows of all tenants. Everything else it cannot even read.
SYSTEM_MAY = {
    "binding": ["SELECT"],
    "push": ["SELECT", "INSERT"],
    "change": ["INSERT"],
    "token": ["SELECT", "INSERT", "UPDATE", "DELETE"],
    "erasure": ["SELECT"],
}

# Never ALL: row-level security does not hold back TRUNCATE.
CHANGE_ROWS = "SELECT, INSERT, UPDATE, DELETE"

SERVING_MAY = {
    **dict.fromkeys(["binding", "department", "member", "membership", "app", "authorisation"], CHANGE_ROWS),
    "push": "SELECT, INSERT, DELETE",
    "change": "SELECT, INSERT, DELETE",
    "token": "SELECT, DELETE",
    "erasure": "SELECT, INSERT",
    "tenant": "SELECT, UPDATE, DELETE",
    "product": "SELECT",
    "instance": "SELECT",
}

ROLES = """
DO $$
DECLARE role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['tenon_serving', 'tenon_system'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server was migrated at the same moment
            END;
        END IF;
    END LOOP;
END $$
"""

INDEXES = """
CREATE UNIQUE INDEX instance_order_unique ON instance (product, order_id, order_line_id);
CREATE INDEX instance_product ON instance (product, state, instance_id);
CREATE INDEX order_query_due ON order_query (due_at);
CREATE UNIQUE INDEX tenant_external_unique ON tenant (source, external_id, is_test);
CREATE INDEX tenant_unbound ON tenant (unbound_at) WHERE unbound_at IS NOT NULL;
CREATE INDEX binding_instance ON binding (instance_id);
CREATE INDEX department_parent ON department (tenant_id, parent_code, code) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX member_user_name_unique ON member (tenant_id, user_name);
CREATE INDEX membership_department ON membership (tenant_id, department_code, member_id);
CREATE INDEX authorisation_member ON authorisation (tenant_id, member_id);
CREATE INDEX push_received ON push (tenant_id, received_at DESC, id DESC);
CREATE INDEX push_age ON push USING brin (received_at);
CREATE UNIQUE INDEX token_hash_unique ON token (hash);
ALTER TABLE membership ADD CONSTRAINT membership_member_fkey
    FOREIGN KEY (tenant_id, member_id) REFERENCES member (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE authorisation ADD CONSTRAINT authorisation_member_fkey
    FOREIGN KEY (tenant_id, member_id) REFERENCES member (tenant_id, id) ON DELETE CASCADE;
"""


def isolation(table: str, column: str) -> str:
    """Rows are visible to their own tenant only; without a tenant in scope the query fails loudly."""
    own = f"{column} = current_setting('app.tenant_id')::uuid"
    return f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY {table}_tenant_scope ON {table} TO tenon_serving USING ({own}) WITH CHECK ({own});
    """


def system_access(table: str, commands: list[str]) -> str:
    """Let the system scope do these commands on the rows of all tenants."""
    clauses = {
        "INSERT": "WITH CHECK (true)",
        "UPDATE": "USING (true) WITH CHECK (true)",
    }
    policies = "".join(
        f"CREATE POLICY {table}_system_{command.lower()} ON {table} FOR {command} TO tenon_system "
        f"{clauses.get(command, 'USING (true)')};"
        for command in commands
    )
    return f"{policies} GRANT {', '.join(commands)} ON {table} TO tenon_system;"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="tenon", description=DESCRIPTION)

    async def apply() -> None:
        run = engine_finder().run_ddl
        await run(ROLES)
        for table, columns in KEYS.items():
            await run(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
            await run(f"ALTER TABLE {table} ADD PRIMARY KEY ({columns})")
        statements = [*INDEXES.split(";")]
        for table in KEYS:
            statements += isolation(table, "tenant_id").split(";")
        statements += isolation("tenant", "id").split(";")
        for table, commands in SYSTEM_MAY.items():
            statements += system_access(table, commands).split(";")
        statements += system_access("tenant", ["SELECT", "INSERT"]).split(";")
        for table, privileges in SERVING_MAY.items():
            statements.append(f"GRANT {privileges} ON {table} TO tenon_serving")
        statements.append(f"GRANT {CHANGE_ROWS} ON product, instance, order_query TO tenon_system")
        statements.append("GRANT SELECT ON migration TO tenon_serving")
        for statement in statements:
            if statement.strip():
                await run(statement)

    manager.add_raw(apply)
    return manager
