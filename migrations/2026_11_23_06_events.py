"""The event log, webhooks and held pushes: keys, indexes, row-level security; change sets become events."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-23-06"
VERSION = "1.38.0"
DESCRIPTION = "Keys, indexes and row-level security of events, webhooks and held pushes"

KEYS = {
    "event": "tenant_id, number",
    "change_set": "tenant_id, number",
    "event_counter": "tenant_id",
    "feed": "tenant_id, position",
    "stream": "tenant_id, endpoint_id",
    "attempt": "tenant_id, id",
    "held_push": "tenant_id, push_id",
    "sync_policy": "tenant_id",
}

# The log is only ever added to by the serving role; retention, the feed and webhooks are the system's.
SERVING_MAY = {
    "event": "SELECT, INSERT",
    "change_set": "SELECT, INSERT",
    "event_counter": "SELECT, INSERT, UPDATE",
    **dict.fromkeys(["feed", "stream", "attempt"], "SELECT"),
    "held_push": "SELECT, INSERT, UPDATE, DELETE",
    "sync_policy": "SELECT, INSERT, UPDATE, DELETE",
}

SYSTEM_MAY = {
    "event": ["SELECT", "INSERT", "DELETE"],
    "change_set": ["SELECT", "INSERT", "DELETE"],
    "event_counter": ["SELECT", "INSERT", "UPDATE", "DELETE"],
    "feed": ["SELECT", "INSERT", "DELETE"],
    "stream": ["SELECT", "INSERT", "UPDATE", "DELETE"],
    "attempt": ["SELECT", "INSERT", "DELETE"],
    "held_push": ["SELECT"],
}

INDEXES = """
ALTER TABLE feed ALTER position ADD GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX feed_position_unique ON feed (position);
CREATE INDEX change_set_cause ON change_set (tenant_id, cause_id);
CREATE INDEX change_set_age ON change_set (at);
CREATE INDEX event_counter_unfed ON event_counter (tenant_id) WHERE last > fed;
CREATE INDEX stream_due ON stream (endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX stream_endpoint ON stream (endpoint_id, tenant_id);
CREATE INDEX attempt_endpoint ON attempt (endpoint_id, at DESC, id DESC);
CREATE INDEX attempt_age ON attempt (at);
CREATE INDEX held_push_time ON held_push (tenant_id, held_at DESC, push_id DESC);
CREATE INDEX push_body_age ON push (received_at) WHERE body IS NOT NULL;
CREATE INDEX push_trouble ON push (tenant_id, verdict, received_at DESC, id DESC)
    WHERE verdict IN ('stale', 'held', 'refused', 'failed');
CREATE INDEX push_purchase ON push (tenant_id, instance_id, received_at DESC, id DESC)
    WHERE tenant_id = '00000000-0000-0000-0000-000000000000';
CREATE INDEX push_purchase_product ON push (tenant_id, product, received_at DESC, id DESC)
    WHERE tenant_id = '00000000-0000-0000-0000-000000000000';
CREATE POLICY push_system_update ON push FOR UPDATE TO tenon_system USING (true) WITH CHECK (true);
GRANT UPDATE (body) ON push TO tenon_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON endpoint TO tenon_system
"""

EARLIER = ("change", "push", "audit", "event", "change_set", "event_counter")

# What is there already is history only: whoever follows the log begins with a snapshot.
BACKFILL = """
CREATE TEMPORARY TABLE numbered ON COMMIT DROP AS
SELECT c.tenant_id, c.cause_id, c.action, c.subject, c.before, c.after, cause.at, cause.by,
       row_number() OVER (PARTITION BY c.tenant_id ORDER BY cause.at, c.cause_id, c.number) AS number
FROM change c
JOIN (SELECT tenant_id, id, received_at AS at, 'push:' || id AS by FROM push
      UNION ALL
      SELECT tenant_id, id, at, actor FROM audit) AS cause
  ON cause.tenant_id = c.tenant_id AND cause.id = c.cause_id;
INSERT INTO event (tenant_id, number, change_set, type, subject, data, previous)
SELECT tenant_id, number, min(number) OVER (PARTITION BY tenant_id, cause_id), action, subject, after, before
FROM numbered;
INSERT INTO change_set (tenant_id, number, last, cause_id, by, at)
SELECT tenant_id, min(number), max(number), cause_id, by, at FROM numbered
GROUP BY tenant_id, cause_id, by, at;
INSERT INTO event_counter (tenant_id, last, fed)
SELECT tenant_id, max(number), max(number) FROM numbered GROUP BY tenant_id
"""


def isolation(table: str) -> str:
    """Rows are visible to their own tenant only; without a tenant in scope the query fails loudly."""
    own = "tenant_id = current_setting('app.tenant_id')::uuid"
    return f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY {table}_tenant_scope ON {table} TO tenon_serving USING ({own}) WITH CHECK ({own})
    """


def system_access(table: str, commands: list[str]) -> str:
    """Let the system scope do these commands on the rows of all tenants."""
    clauses = {"INSERT": "WITH CHECK (true)", "UPDATE": "USING (true) WITH CHECK (true)"}
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
        statements += [f"GRANT {may} ON {table} TO tenon_serving" for table, may in SERVING_MAY.items()]
        # Forced, the policies would hide all rows from their owner as well.
        statements += [f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY" for table in EARLIER]
        statements += BACKFILL.split(";")
        statements += [f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" for table in EARLIER]
        for statement in statements:
            if statement.strip():
                await run(statement)

    manager.add_raw(apply)
    manager.drop_table(class_name="Change", tablename="change", schema=None)
    return manager
