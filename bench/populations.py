"""Tenants of any size, written straight into the tables: only what is done with them is measured."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import msgspec

from bench.calls import APP_ID
from tenancy.member_facts import DEFAULTS

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_BATCH = 100

_TENANTS = """
WITH made AS (
    INSERT INTO tenant (id, source, external_id, is_test, code, name, domain_name, source_time, created_at)
    SELECT t.id, 'koogallery', t.id::text, false, 'bench.example', '星河制造有限公司',
           'https://bench.example', $2, $2
    FROM unnest($1::uuid[]) AS t (id)
), bought AS (
    INSERT INTO instance (instance_id, product, order_id, order_line_id, state, expires_at, trial, opened_at,
                          changed_at, state_at)
    SELECT t.id::text, $4, t.id::text, t.id::text, 'active', $2::timestamptz + '1 year'::interval, false,
           $2, $2, $2
    FROM unnest($1::uuid[]) AS t (id)
), bound AS (
    INSERT INTO binding (tenant_id, instance_id, order_id, ended, source_time, open)
    SELECT t.id, t.id::text, t.id::text, false, $2, true FROM unnest($1::uuid[]) AS t (id)
)
INSERT INTO app (tenant_id, id, instance_id, client_id, source_time, created_at)
SELECT t.id, $3, t.id::text, 'client-1', $2, $2 FROM unnest($1::uuid[]) AS t (id)
"""

_DEPARTMENTS = """
INSERT INTO department (tenant_id, code, name, parent_code, source_time)
SELECT t.id, d.code, '部门 ' || d.code, d.parent_code, $2
FROM unnest($1::uuid[]) AS t (id) CROSS JOIN unnest($3::text[], $4::text[]) AS d (code, parent_code)
"""

_MEMBERS = """
WITH people AS MATERIALIZED (
    SELECT t.id AS tenant_id, gen_random_uuid() AS id, n
    FROM unnest($1::uuid[]) AS t (id) CROSS JOIN generate_series(1, $3) AS n
), members AS (
    INSERT INTO member (tenant_id, id, user_name, name, role, enabled, position, employee_code, employee_type,
                        mobile, email, work_place, entry_date, attribute_times, source_time, enabled_at,
                        created_at)
    SELECT tenant_id, id, 'member' || n, '员工' || n, 'user', true, '高级工程师', 'E' || n, '1',
           (13900000000 + n)::text, 'member' || n || '@bench.example', '贵阳', '2020-1-1', $4, $2, $2, $2
    FROM people
)
INSERT INTO membership (tenant_id, member_id, department_code)
SELECT p.tenant_id, p.id, home.code
FROM people p
JOIN unnest($5::text[]) WITH ORDINALITY AS home (code, place)
  ON home.place = 1 + p.n % cardinality($5::text[])
"""

# One person in ten has been withdrawn by the marketplace, six in ten authorised, the rest never mentioned.
_WORDS = """
INSERT INTO authorisation (tenant_id, app_id, instance_id, member_id, state, source_time, push_id, changed_at)
SELECT m.tenant_id, $3, p.instance_id, m.id,
       CASE WHEN m.employee_code LIKE '%0' THEN 'cancelled' ELSE 'granted' END, $2, gen_random_uuid(), $2
FROM member m JOIN app p ON p.tenant_id = m.tenant_id AND p.id = $3
WHERE m.tenant_id = ANY($1) AND right(m.employee_code, 1) <= '6'
ORDER BY m.tenant_id, m.id
"""

_GRANT = """
INSERT INTO grant_ (tenant_id, app_id, subject_type, subject, granted_at, granted_by)
SELECT t.id, $3, 'department', $4, $2, 'operator:bootstrap' FROM unnest($1::uuid[]) AS t (id)
"""

# What the words and a grant to everybody's department come to.
_ACCESS = """
INSERT INTO access (tenant_id, member_id, app_id, instance_id, since)
SELECT m.tenant_id, m.id, $3, p.instance_id, $2
FROM member m JOIN app p ON p.tenant_id = m.tenant_id AND p.id = $3
WHERE m.tenant_id = ANY($1) AND NOT EXISTS (
    SELECT FROM authorisation a WHERE a.tenant_id = m.tenant_id AND a.member_id = m.id
                                  AND a.app_id = $3 AND a.state = 'cancelled')
ORDER BY m.tenant_id, m.id
"""

# A second app through the same binding, for which the marketplace has authorised everybody.
_ELSEWHERE = """
WITH apps AS (
    INSERT INTO app (tenant_id, id, instance_id, client_id, source_time, created_at)
    SELECT tenant_id, 'app-2', instance_id, 'client-2', $2, $2 FROM app
    WHERE tenant_id = ANY($1) AND id = $3
    RETURNING tenant_id, id, instance_id
), words AS (
    INSERT INTO authorisation (tenant_id, app_id, instance_id, member_id, state, source_time, push_id,
                               changed_at)
    SELECT m.tenant_id, a.id, a.instance_id, m.id, 'granted', $2, gen_random_uuid(), $2
    FROM member m JOIN apps a USING (tenant_id)
)
INSERT INTO access (tenant_id, member_id, app_id, instance_id, since)
SELECT m.tenant_id, m.id, a.id, a.instance_id, $2 FROM member m JOIN apps a USING (tenant_id)
"""


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """Departments as (code, parent code), and the codes of those in which people are, in turn."""

    departments: list[tuple[str, str | None]]
    homes: list[str]


def grow_tree(root: str, parent: str | None, *, size: int, fan_out: int) -> Tree:
    """A tree of which every department but the lowest holds `fan_out` others, with people in all of it."""
    codes = [root, *(f"{root}-{number}" for number in range(1, size))]
    above = [parent, *(codes[(number - 1) // fan_out] for number in range(1, size))]
    return Tree(departments=list(zip(codes, above, strict=True)), homes=codes)


async def make_tenants(db: Superuser, count: int, *, product: str = "bench") -> list[UUID]:
    """Enterprises, each bound to an active instance of its own, with the app but nobody in them.

    The marketplace's id of each, and that of its instance, is the tenant's id.
    """
    tenants = [uuid4() for _ in range(count)]
    await db.execute(_TENANTS, tenants, datetime.now(UTC), APP_ID, product)
    return tenants


async def populate(db: Superuser, tenants: Sequence[UUID], tree: Tree, *, members: int) -> None:
    """Give each of these tenants the tree and so many enabled members `member1`, `member2` …"""
    now = datetime.now(UTC)
    codes, parents = zip(*tree.departments, strict=True)
    times = msgspec.json.encode(dict.fromkeys(DEFAULTS, int(now.timestamp() * 1_000_000))).decode()
    async with db.transaction():
        # The facts agree by construction; checking each against its member would take half of the time.
        await db.execute("SET LOCAL session_replication_role = replica")
        for start in range(0, len(tenants), _BATCH):
            batch = tenants[start : start + _BATCH]
            await db.execute(_DEPARTMENTS, batch, now, codes, parents, timeout=60)
            await db.execute(_MEMBERS, batch, now, members, times, tree.homes, timeout=60)


async def authorise(db: Superuser, tenants: Sequence[UUID], *, root: str) -> None:
    """Let nine of ten members use the app: most by the marketplace's word, all by a grant to the root."""
    now = datetime.now(UTC)
    async with db.transaction():
        await db.execute("SET LOCAL session_replication_role = replica")
        await db.execute(_GRANT, tenants, now, APP_ID, root)
        for statement in (_WORDS, _ACCESS):
            await db.execute("ANALYZE member, authorisation", timeout=60)
            await db.execute(statement, tenants, now, APP_ID, timeout=120)


async def authorise_elsewhere(db: Superuser, tenants: Sequence[UUID]) -> None:
    """Let everybody use another app, by the marketplace's word."""
    async with db.transaction():
        await db.execute("SET LOCAL session_replication_role = replica")
        await db.execute(_ELSEWHERE, tenants, datetime.now(UTC), APP_ID, timeout=60)
