"""Whether row-level security is in force, tried out: what a query sees outside a scope and in a wrong one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from tenancy.database import SYSTEM_ROLE, Db, system_scope, tenant_scope
from tenancy.inspection import looking, unscoped

# How a query outside every scope has to end: no tenant is set, or an empty one, or the role may not look.
_LOUD = (asyncpg.UndefinedObjectError, asyncpg.DataError, asyncpg.InsufficientPrivilegeError)

# Every table of tenants, and whatever has a policy. Policies of the system role open rows on purpose.
_TABLES = """
SELECT c.relname AS name, 'public.' || quote_ident(c.relname) AS quoted,
       CASE c.relname WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END AS owner,
       c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
       has_table_privilege(c.oid, 'SELECT') AS is_readable,
       EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
               AND NOT p.polroles <@ ARRAY(SELECT oid FROM pg_roles WHERE rolname = $1)
               AND coalesce(pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid), 'true')
                   NOT LIKE '%app.tenant_id%') AS is_open
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND (c.relname = 'tenant'
       OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
       OR EXISTS (SELECT FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
ORDER BY c.relname
"""


class IsolationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of tenants and those among them that do not isolate, by how that was seen.

    `unforced` lack forced row-level security; `open` have a policy that does not ask for the tenant; `silent`
    answer outside every scope; `leaking` show rows in a scope they do not belong to.
    """

    tables: tuple[str, ...]
    unforced: tuple[str, ...]
    open: tuple[str, ...]
    silent: tuple[str, ...]
    leaking: tuple[str, ...]


async def inspect_isolation() -> IsolationFacts:
    """Try every table of tenants outside a scope, in the scope of nobody and between two tenants.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: the role may not look.
    """
    async with unscoped() as db:
        rows = await db.fetch(_TABLES, SYSTEM_ROLE)
        tables = [row for row in rows if row["is_readable"]]
        silent = [row["name"] for row in tables if not await _is_loud(db, row)]
    leaking = await _seen(uuid4(), tables, "true")
    async with looking(), system_scope() as db:
        tenants = [row["id"] for row in await db.fetch("SELECT id FROM tenant ORDER BY id LIMIT 2")]
    if len(tenants) > 1:
        own, other = tenants
        leaking |= await _seen(own, tables, "{owner} = $1::uuid", other)
    return IsolationFacts(
        tables=tuple(row["name"] for row in tables),
        unforced=tuple(row["name"] for row in rows if not row["is_forced"]),
        open=tuple(row["name"] for row in rows if row["is_open"]),
        silent=tuple(silent),
        leaking=tuple(sorted(leaking)),
    )


async def _is_loud(db: Db, table: Any) -> bool:
    await db.execute("SAVEPOINT probe")
    try:
        await db.fetchval(f"SELECT EXISTS (SELECT FROM {table['quoted']})")
    except _LOUD:
        return True
    finally:
        await db.execute("ROLLBACK TO SAVEPOINT probe")
    return False


async def _seen(scope: UUID, tables: Sequence[Any], condition: str, *values: UUID) -> set[str]:
    """The tables in which the scope of this tenant sees a row that meets the condition."""
    async with looking(), tenant_scope(scope, snapshot=True) as db:
        return {
            table["name"]
            for table in tables
            if await db.fetchval(
                f"SELECT EXISTS (SELECT FROM {table['quoted']}"
                f" WHERE {condition.format(owner=table['owner'])})",
                *values,
            )
        }
