"""Groups, grants, access and audit: keys, indexes, row-level security, and what earlier data comes to."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-22-04"
VERSION = "1.38.0"
DESCRIPTION = "Keys, indexes and row-level security of groups, grants, access and audit"

KEYS = {
    "group_": "tenant_id, id",
    "group_member": "tenant_id, group_id, subject_type, subject",
    "grant_": "tenant_id, app_id, subject_type, subject",
    "access": "tenant_id, member_id, app_id, instance_id",
    "stopped_app": "tenant_id, app_id",
    "audit": "tenant_id, id",
}

# The serving role adds to the history and never takes from it; retention and erasure are the system's.
SERVING_MAY = {
    **dict.fromkeys(
        ["group_", "group_member", "grant_", "access", "stopped_app"], "SELECT, INSERT, UPDATE, DELETE"
    ),
    "audit": "SELECT, INSERT",
}

HISTORY = """
CREATE POLICY audit_system_select ON audit FOR SELECT TO tenon_system USING (true);
CREATE POLICY audit_system_insert ON audit FOR INSERT TO tenon_system WITH CHECK (true);
CREATE POLICY audit_system_delete ON audit FOR DELETE TO tenon_system USING (true);
CREATE POLICY push_system_delete ON push FOR DELETE TO tenon_system USING (true);
CREATE POLICY change_system_select ON change FOR SELECT TO tenon_system USING (true);
CREATE POLICY change_system_delete ON change FOR DELETE TO tenon_system USING (true);
GRANT SELECT, INSERT, DELETE ON audit TO tenon_system;
GRANT DELETE ON push TO tenon_system;
GRANT SELECT (tenant_id, cause_id), DELETE ON change TO tenon_system;
REVOKE DELETE ON push, change FROM tenon_serving
"""

INDEXES = """
CREATE INDEX group_member_subject ON group_member (tenant_id, subject_type, subject, group_id);
CREATE INDEX grant_subject ON grant_ (tenant_id, subject_type, subject, app_id);
CREATE INDEX audit_time ON audit (tenant_id, at DESC, id DESC);
CREATE INDEX audit_time_of_all ON audit (at DESC, id DESC);
DROP INDEX push_age;
CREATE INDEX push_received_of_all ON push (received_at DESC, id DESC);
CREATE INDEX instance_expiry ON instance (expires_at) WHERE expires_at IS NOT NULL;
ALTER TABLE group_member ADD CONSTRAINT group_member_group_fkey
    FOREIGN KEY (tenant_id, group_id) REFERENCES group_ (tenant_id, id) ON DELETE CASCADE
"""

EARLIER = ("binding", "member", "app", "authorisation", "access")

# Until now only the marketplace's own word gave access, and an instance kept no reason for its state.
BACKFILL = """
ALTER TABLE binding ALTER open DROP DEFAULT;
UPDATE instance SET state_at = changed_at;
UPDATE binding b SET open = true
WHERE NOT b.ended
  AND NOT EXISTS (SELECT FROM instance i WHERE i.instance_id = b.instance_id
                  AND (i.state <> 'active' OR i.expires_at <= now()));
INSERT INTO access (tenant_id, member_id, app_id, instance_id, since)
SELECT a.tenant_id, a.member_id, a.app_id, a.instance_id, a.changed_at
FROM authorisation a
JOIN member m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
JOIN app p ON p.tenant_id = a.tenant_id AND p.id = a.app_id AND p.instance_id = a.instance_id
LEFT JOIN binding b ON b.tenant_id = a.tenant_id AND b.instance_id = a.instance_id
WHERE m.enabled AND m.removed_at IS NULL AND m.source_time IS NOT NULL
  AND CASE WHEN b.ended_time IS NULL OR a.source_time >= b.ended_time THEN a.state = 'granted'
           ELSE a.described_time >= b.ended_time END
"""


def isolation(table: str) -> str:
    """Rows are visible to their own tenant only; without a tenant in scope the query fails loudly."""
    own = "tenant_id = current_setting('app.tenant_id')::uuid"
    return f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY {table}_tenant_scope ON {table} TO tenon_serving USING ({own}) WITH CHECK ({own})
    """


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="tenon", description=DESCRIPTION)

    async def apply() -> None:
        run = engine_finder().run_ddl
        for table, columns in KEYS.items():
            await run(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
            await run(f"ALTER TABLE {table} ADD PRIMARY KEY ({columns})")
        statements = [*INDEXES.split(";")]
        for table in KEYS:
            statements += isolation(table).split(";")
        statements += [f"GRANT {may} ON {table} TO tenon_serving" for table, may in SERVING_MAY.items()]
        statements += HISTORY.split(";")
        # Forced, the policies would hide all rows from their owner as well.
        statements += [f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY" for table in EARLIER]
        statements += BACKFILL.split(";")
        statements += [f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" for table in EARLIER]
        for statement in statements:
            if statement.strip():
                await run(statement)

    manager.add_raw(apply)
    return manager
