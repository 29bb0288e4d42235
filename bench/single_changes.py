"""Single changes of departments over 32 connections, against bare asyncpg with the same statements."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.bare_events import last_number, log_fingerprint, new_push, record_values
from bench.calls import Enterprise, sign
from bench.load import Load, run_load
from bench.ratios import Comparison, spread
from bench.servers import Server
from service.koogallery.canonical import canonical
from tenancy.bindings import _ADMIT
from tenancy.database import _SESSION
from tenancy.departments import _FACTS, _PUT, _events
from tenancy.pushes import _INSERT_PUSH_WITH_EVENTS, outcome_of
from tenancy.tree import Department

_TENANTS = 16
_CONNECTIONS = 32
_POOL = 10  # as the service's default
_CALLS = 90  # on each connection and round
_WARM_UP = 2  # of them by the limit before its time begins
_CODES = 30  # departments of each connection: made first, then renamed and moved
_ROUNDS = 5
_SCOPE = "SELECT set_config('app.tenant_id', $1, true), pg_advisory_xact_lock(hashtextextended($1, 0))"


_COPY_TENANT = """
INSERT INTO tenant (id, source, external_id, is_test, code, name, domain_name, source_time, created_at)
SELECT $2::uuid, source, ($2::uuid)::text, is_test, code, name, domain_name, source_time, created_at
FROM tenant WHERE id = $1
"""

_COPY_BINDING = """
INSERT INTO binding (tenant_id, instance_id, order_id, ended, source_time, ended_time, open)
SELECT $2, instance_id, order_id, ended, source_time, ended_time, open FROM binding WHERE tenant_id = $1
"""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise with its tenant, which had `told_before` so many events, and the limit's copy of it."""

    enterprise: Enterprise
    ours: UUID
    limit: UUID
    told_before: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One department as a call tells it."""

    code: str
    name: str
    parent_code: str
    at: datetime


def single_changes(server: Server) -> list[str]:
    """Measure the rate of singleOrgSync over 16 tenants, each call a change of its own."""
    calls = _CONNECTIONS * _CALLS
    limit: list[float] = []
    ours: list[float] = []
    middle: list[float] = []
    slow: list[float] = []
    limit_cpu: list[float] = []
    our_cpu: list[float] = []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        subjects = runner.run(_make_subjects(server))
        runner.run(_run_limit(server, subjects, -1))
        _run_ours(server, subjects, -1)
        runner.run(server.settle())
        for number in range(_ROUNDS):
            before = time.process_time()
            limit.append(runner.run(_run_limit(server, subjects, number)))
            limit_cpu.append((time.process_time() - before) / calls * 1000)
            before = server.cpu_seconds()
            load = _run_ours(server, subjects, number)
            our_cpu.append((server.cpu_seconds() - before) / calls * 1000)
            ours.append(load.rate)
            middle.append(load.middle_ms)
            slow.append(load.slow_ms)
        runner.run(_demand_same(server, subjects))
    ratio = Comparison(
        name="singleOrgSync, 32 connections, 16 tenants", unit="/s", limit=limit, ours=ours, at_least=0.5
    )
    return [
        str(ratio),
        f"    processor per call: bare asyncpg {spread(limit_cpu, 'ms')}; server {spread(our_cpu, 'ms')}",
        f"    half of the calls answered within {spread(middle, 'ms')}; 99 % within {spread(slow, 'ms')}",
    ]


def _changes(connection: int, number: int) -> list[Change]:
    now = datetime.now(UTC)
    changes = []
    for call in range(_CALLS):
        index = call % _CODES
        changes.append(
            Change(
                code=f"C{connection}-{index}",
                name=f"部门 {number}-{call}",
                parent_code=f"C{connection}-{index // 2}" if index and call >= _CODES else f"C{connection}",
                at=now + timedelta(milliseconds=call),
            )
        )
    return changes


def _run_ours(server: Server, subjects: list[Subject], number: int) -> Load:
    requests = []
    for connection in range(_CONNECTIONS):
        enterprise = subjects[connection % _TENANTS].enterprise
        signed = []
        for change in _changes(connection, number):
            path, body = enterprise.call(
                "singleOrgSync",
                change.at,
                orgCode=change.code,
                orgName=change.name,
                parentCode=change.parent_code,
                flag=2,
            )
            signed.append(sign(path, body, canonical(body)))
        requests.append(signed)
    load = run_load(server.port, requests)
    if load.accepted != load.requests:
        raise RuntimeError(f"Only {load.accepted} of {load.requests} calls were accepted.")
    return load


async def _make_subjects(server: Server) -> list[Subject]:
    """Enterprises, and for each a copy of its tenant for the limit, the binding included."""
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    subjects = []
    try:
        for _ in range(_TENANTS):
            enterprise, limit = server.marketplace.open_enterprise(), uuid4()
            ours = await db.fetchval("SELECT id FROM tenant WHERE external_id = $1", enterprise.tenant_id)
            for statement in (_COPY_TENANT, _COPY_BINDING):
                await db.execute(statement, ours, limit)
            told_before = await last_number(db, ours)
            subjects.append(Subject(enterprise=enterprise, ours=ours, limit=limit, told_before=told_before))
    finally:
        await db.close()
    return subjects


async def _demand_same(server: Server, subjects: list[Subject]) -> None:
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        for subject in subjects:
            expected = await log_fingerprint(db, subject.limit, after=0)
            found = await log_fingerprint(db, subject.ours, after=subject.told_before)
            if expected != found:
                raise RuntimeError(f"The limit has told {expected} and the service {found}.")
    finally:
        await db.close()


async def _run_limit(server: Server, subjects: list[Subject], number: int) -> float:
    async with asyncpg.create_pool(
        server.database_url, min_size=_POOL, max_size=_POOL, server_settings=_SESSION, timeout=10
    ) as pool:
        work = [(subjects[index % _TENANTS], _changes(index, number)) for index in range(_CONNECTIONS)]
        await asyncio.gather(*(_apply(pool, subject, changes[:_WARM_UP]) for subject, changes in work))
        started = time.perf_counter()
        await asyncio.gather(*(_apply(pool, subject, changes[_WARM_UP:]) for subject, changes in work))
        return _CONNECTIONS * (_CALLS - _WARM_UP) / (time.perf_counter() - started)


async def _apply(pool: "asyncpg.Pool[asyncpg.Record]", subject: Subject, changes: list[Change]) -> None:
    tenant_id, enterprise = subject.limit, subject.enterprise
    for change in changes:
        push = new_push("singleOrgSync", enterprise, source_time=change.at)
        async with pool.acquire() as db, db.transaction():
            await db.execute(_SCOPE, str(tenant_id))
            await db.fetchrow(_ADMIT, tenant_id, enterprise.instance_id, enterprise.product)
            facts = await db.fetchrow(_FACTS, tenant_id, change.code, change.parent_code)
            await db.execute(_PUT, tenant_id, change.code, change.name, change.parent_code, change.at, None)
            events = _events(facts, Department(change.code, change.name, change.parent_code))
            values = record_values(push, outcome_of(events), events)
            await db.execute(_INSERT_PUSH_WITH_EVENTS, tenant_id, *values)
