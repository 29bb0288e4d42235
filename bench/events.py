"""Reading the event log with one consumer, against bare SQL whose rows are encoded with msgspec."""

import asyncio
import time
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.calls import OPERATOR_TOKEN, Connection, http_request
from bench.populations import make_tenants
from bench.ratios import Comparison
from bench.servers import Server
from tenancy.database import SYSTEM_ROLE
from tenancy.event_pages import _AFTER, encode_records
from tenancy.feed_pages import _EVENTS

_CHANGE_SETS = 5000
_EVENTS_EACH = 20
_TENANTS = 200
_PAGE = 1000
_ROUNDS = 5
_LARGE = _CHANGE_SETS * _EVENTS_EACH

# Members as they are told when they are added: the largest objects there are.
_FILL = """
WITH told AS (
    SELECT t.id AS tenant_id, s.n AS change_set, gen_random_uuid() AS cause_id
    FROM unnest($1::uuid[]) AS t (id) CROSS JOIN generate_series(1, $2) AS s (n)
), closed AS (
    INSERT INTO change_set (tenant_id, number, last, cause_id, by, at)
    SELECT tenant_id, (change_set - 1) * $3 + 1, change_set * $3, cause_id, 'push:' || cause_id, $4 FROM told
), counted AS (
    INSERT INTO event_counter (tenant_id, last, fed) SELECT t.id, $2 * $3, 0 FROM unnest($1::uuid[]) AS t (id)
)
INSERT INTO event (tenant_id, number, change_set, type, subject, data)
SELECT tenant_id, (change_set - 1) * $3 + e.n, (change_set - 1) * $3 + 1, 'member.added',
       'member' || change_set || '-' || e.n,
       jsonb_build_object('user_name', 'member' || change_set || '-' || e.n, 'id', gen_random_uuid(),
                          'name', '王小明', 'role', 'user', 'enabled', true, 'position', '工程师',
                          'employee_code', change_set * $3 + e.n, 'employee_type', NULL,
                          'mobile', '13900000000', 'email', 'member@bench.example', 'work_place', '深圳',
                          'entry_date', '2026-01-01')
FROM told CROSS JOIN generate_series(1, $3) AS e (n) ORDER BY tenant_id, change_set, e.n
"""


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    next: int | str
    last: int | str


def events(server: Server) -> list[str]:
    """Measure 100 000 events of one tenant, and as many again of 200 tenants, in the order across all."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tenants = runner.run(_fill(server))
        _consume(server, "/v1/events")
        one, everything = [], []
        for _ in range(_ROUNDS):
            limit = runner.run(_run_limit(server, tenants[0]))
            one.append((limit, _consume(server, f"/v1/tenants/{tenants[0]}/events")))
            limit = runner.run(_run_limit_across(server, tenants))
            everything.append((limit, _consume(server, "/v1/events")))
    return [
        _compare("reading the events of one tenant", one),
        _compare(f"reading the events of {len(tenants)} tenants", everything),
    ]


def _compare(name: str, rates: list[tuple[float, float]]) -> str:
    limit, ours = zip(*rates, strict=True)
    return str(Comparison(name=f"{name}, {_PAGE} a page", unit="/s", limit=limit, ours=ours, at_least=0.5))


async def _fill(server: Server) -> list[UUID]:
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        large = await make_tenants(db, 1)
        small = await make_tenants(db, _TENANTS)
        now = datetime.now(UTC)
        await db.execute(_FILL, large, _CHANGE_SETS, _EVENTS_EACH, now, timeout=120)
        await db.execute(_FILL, small, _CHANGE_SETS // _TENANTS, _EVENTS_EACH, now, timeout=120)
    finally:
        await db.close()
    await server.settle()
    return large + small


def _consume(server: Server, path: str) -> float:
    """Events in a second that one consumer gets, from the first to the last."""
    after, last, found = "", None, 0
    headers = {"authorization": f"Bearer {OPERATOR_TOKEN}"}
    with Connection(server.port) as connection:
        started = time.perf_counter()
        while after != last:
            query = f"limit={_PAGE}" + (f"&after={quote(after)}" if after else "")
            page = msgspec.json.decode(
                connection.send(http_request("GET", f"{path}?{query}", headers=headers)), type=_Page
            )
            found += len(page.items)
            after, last = str(page.next), str(page.last)
        return found / (time.perf_counter() - started)


async def _run_limit(server: Server, tenant_id: UUID) -> float:
    db = await _connect(server)
    try:
        await db.execute("SELECT set_config('app.tenant_id', $1, false)", str(tenant_id))
        after, found = 0, 0
        started = time.perf_counter()
        while rows := await db.fetch(_AFTER, tenant_id, after, _PAGE):
            msgspec.json.encode(encode_records(rows))
            after, found = rows[-1]["number"], found + len(rows)
        return found / (time.perf_counter() - started)
    finally:
        await db.close()


async def _run_limit_across(server: Server, tenants: list[UUID]) -> float:
    """The same page by page, tenant after tenant: who has how many events is known beforehand."""
    db = await _connect(server)
    try:
        await db.execute("SELECT set_config('role', $1, false)", SYSTEM_ROLE)
        pages = [([tenants[0]], [start], [start + _PAGE]) for start in range(0, _LARGE, _PAGE)]
        each = _LARGE // _TENANTS
        together = _PAGE // each
        for start in range(1, len(tenants), together):
            batch = tenants[start : start + together]
            pages.append((batch, [0] * len(batch), [each] * len(batch)))
        found = 0
        started = time.perf_counter()
        for page in pages:
            rows = await db.fetch(_EVENTS, *page)
            msgspec.json.encode(encode_records(rows))
            found += len(rows)
        return found / (time.perf_counter() - started)
    finally:
        await db.close()


async def _connect(server: Server) -> "asyncpg.Connection[asyncpg.Record]":
    settings = {"jit": "off", "enable_seqscan": "off"}
    return await asyncpg.connect(server.database_url, server_settings=settings, timeout=10)
