"""The migrated database, read from its catalogue, so that a new table cannot forget its isolation."""

import asyncpg
import pytest
from piccolo.apps.migrations.commands.new import AutoMigrationManager

from service.piccolo_app import APP_CONFIG

# Indexes that do not begin with the tenant, with the reason.
ACROSS_TENANTS = {
    "attempt_age": "old attempts are removed together",
    "attempt_endpoint": "the attempts of an endpoint, whatever the tenant, newest first",
    "audit_time_of_all": "the operator reads the audit of all tenants, newest first",
    "binding_instance": "a released instance has to find the tenants bound to it",
    "change_set_age": "old events are removed together",
    "client_session_age": "old duties and receipts of back-channel logout are removed together",
    "client_session_running": "those that run are counted at every scrape, whoever the tenant is",
    "client_session_due": "a worker looks for whatever is to be told, whoever the tenant is",
    "feed_position_unique": "the feed puts the events of all tenants in one order",
    "held_push_waiting": "those that wait are counted at every scrape, whoever the tenant is",
    "push_body_age": "old bodies are removed together",
    "push_received_of_all": "the operator reads the pushes of all tenants, and old ones are removed together",
    "stream_due": "a worker looks for whatever is to be told, whoever the tenant is",
    "stream_endpoint": "an endpoint's streams are paused, resumed and removed together",
    "token_hash_unique": "a token is proven before its tenant is known; a hash never occurs twice",
}

# Tables whose rows belong to no single tenant.
SHARED = {
    "client",
    "endpoint",
    "follower",
    "instance",
    "migration",
    "order_query",
    "product",
    "signing_key",
}

_INDEXES = """
SELECT c.relname AS name, t.relname AS table_name, i.indisprimary, i.indisunique,
       (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = i.indkey[0]) AS first
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = 'public'::regnamespace
"""

_FOREIGN_KEYS = """
SELECT k.conname AS name, t.relname AS table_name,
       (SELECT attname FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[1]) AS first,
       (SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1]) AS there
FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
WHERE k.contype = 'f' AND t.relnamespace = 'public'::regnamespace
"""

_POLICIES = """
SELECT tablename, cmd, roles::text[] AS roles, qual, with_check FROM pg_policies WHERE schemaname = 'public'
"""

_COLUMNS = """
SELECT table_name, column_name, is_nullable = 'YES' AS nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public'
"""

_PRIVILEGES = """
SELECT c.relname AS table_name, p.privilege_type AS privilege, p.grantee::regrole::text AS grantee
FROM pg_class c, aclexplode(c.relacl) p
WHERE c.relnamespace = 'public'::regnamespace AND p.grantee <> c.relowner
"""


async def owned_tables(database):
    rows = await database.fetch(_COLUMNS)
    return {row["table_name"] for row in rows if row["column_name"] == "tenant_id"}


async def test_the_models_and_the_history_agree():
    differences = await AutoMigrationManager().get_alter_statements(APP_CONFIG)
    assert [statement for difference in differences for statement in difference.statements] == []


async def test_every_column_is_as_its_model_says(catalogue):
    found = {
        (row["table_name"], row["column_name"]): (row["nullable"], row["column_default"])
        for row in await catalogue.fetch(_COLUMNS)
        if row["table_name"] != "migration"
    }
    said = {
        (table._meta.tablename, column._meta.db_column_name): (column._meta.null, None)
        for table in APP_CONFIG.table_classes
        for column in table._meta.columns
    }
    assert found == said


async def test_every_table_is_owned_by_tenants_or_known_to_be_shared(catalogue):
    assert await catalogue.tables() == await owned_tables(catalogue) | SHARED | {"tenant"}


async def test_every_table_of_tenants_has_forced_row_level_security(catalogue):
    rows = await catalogue.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relrowsecurity AND relforcerowsecurity"
    )
    assert {row["relname"] for row in rows} == await owned_tables(catalogue) | {"tenant"}


async def test_the_serving_role_has_one_policy_a_table_and_it_is_its_own_tenant(catalogue):
    policies = [row for row in await catalogue.fetch(_POLICIES) if row["roles"] != ["tenon_system"]]
    assert {row["tablename"] for row in policies} == await owned_tables(catalogue) | {"tenant"}
    assert len(policies) == len({row["tablename"] for row in policies})
    for row in policies:
        column = "id" if row["tablename"] == "tenant" else "tenant_id"
        own = f"({column} = (current_setting('app.tenant_id'::text))::uuid)"
        assert (row["roles"], row["cmd"], row["qual"], row["with_check"]) == (
            ["tenon_serving"],
            "ALL",
            own,
            own,
        )


async def test_keys_and_indexes_of_tenants_tables_begin_with_the_tenant(catalogue):
    owned = await owned_tables(catalogue)
    indexes = [row for row in await catalogue.fetch(_INDEXES) if row["table_name"] in owned]
    others = {row["name"] for row in indexes if row["first"] != "tenant_id"}
    assert others == set(ACROSS_TENANTS)
    assert {row["table_name"] for row in indexes if row["indisprimary"]} == owned
    assert not any(row["indisprimary"] for row in indexes if row["name"] in ACROSS_TENANTS)


async def test_foreign_keys_begin_with_the_tenant_on_both_sides(catalogue):
    keys = await catalogue.fetch(_FOREIGN_KEYS)
    assert keys
    owned = {(row["first"], row["there"]) for row in keys if row["table_name"] not in SHARED}
    assert owned == {("tenant_id", "tenant_id")}


async def test_nobody_but_the_owner_may_do_what_row_level_security_does_not_hold_back(catalogue):
    privileges = await catalogue.fetch(_PRIVILEGES)
    assert {row["grantee"] for row in privileges} == {"tenon_serving", "tenon_system"}
    assert {row["privilege"] for row in privileges} <= {"SELECT", "INSERT", "UPDATE", "DELETE"}


async def test_our_roles_own_nothing_and_have_no_powers(catalogue):
    rows = await catalogue.fetch(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles"
        " WHERE rolname IN ('tenon_serving', 'tenon_system')"
    )
    assert [set(row.values()) for row in rows] == [{False}, {False}]
    owners = await catalogue.fetch("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tableowner"] for row in owners] == ["tenon_owner"]


async def test_an_empty_table_read_outside_a_scope_fails_as_loudly_as_a_full_one(catalogue):
    connection = await asyncpg.connect(catalogue.serving_url, timeout=10)
    try:
        for table in sorted(await owned_tables(catalogue) | {"tenant"}):
            for query in (f"SELECT * FROM {table}", f"SELECT count(*) FROM {table}", f"DELETE FROM {table}"):
                with pytest.raises((asyncpg.UndefinedObjectError, asyncpg.InsufficientPrivilegeError)):
                    await connection.execute(query)
    finally:
        await connection.close()
