"""Single changes of departments over 32 connections, against bare asyncpg with the same statements."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.calls import Enterprise, sign
from bench.load import Load, run_load
from bench.ratios import Comparison, spread
from bench.servers import Server
from service.koogallery.canonical import canonical
from tenancy.bindings import _ADMIT
from tenancy.database import _SESSION
from tenancy.departments import _FACTS, _PUT
from tenancy.pushes import _INSERT_PUSH_WITH_CHANGES

_TENANTS = 16
_CONNECTIONS = 32
_POOL = 10  # as the service's default
_CALLS = 90  # on each connection and round
_CODES = 30  # departments of each connection: made first, then renamed and moved
_ROUNDS = 5
_SCOPE = "SELECT set_config('app.tenant_id', $1, true), pg_advisory_xact_lock(hashtextextended($1, 0))"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One department as a call tells it."""

    code: str
    name: str
    parent_code: str
    at: datetime


def single_changes(server: Server) -> list[str]:
    """Measure the rate of singleOrgSync over 16 tenants, each call a change of its own."""
    enterprises = [server.marketplace.open_enterprise() for _ in range(_TENANTS)]
    calls = _CONNECTIONS * _CALLS
    limit: list[float] = []
    ours: list[float] = []
    middle: list[float] = []
    slow: list[float] = []
    limit_cpu: list[float] = []
    our_cpu: list[float] = []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tenants = runner.run(_make_tenants(server, enterprises))
        _run_ours(server, enterprises, -1)
        runner.run(server.settle())
        for number in range(_ROUNDS):
            before = time.process_time()
            limit.append(runner.run(_run_limit(server, tenants, number)))
            limit_cpu.append((time.process_time() - before) / calls * 1000)
            before = server.cpu_seconds()
            load = _run_ours(server, enterprises, number)
            our_cpu.append((server.cpu_seconds() - before) / calls * 1000)
            ours.append(load.rate)
            middle.append(load.middle_ms)
            slow.append(load.slow_ms)
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


def _run_ours(server: Server, enterprises: list[Enterprise], number: int) -> Load:
    requests = []
    for connection in range(_CONNECTIONS):
        enterprise = enterprises[connection % _TENANTS]
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


async def _make_tenants(server: Server, enterprises: list[Enterprise]) -> list[tuple[UUID, Enterprise]]:
    """Tenants of the limit: copies of the service's own, bindings included."""
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    tenants = []
    try:
        for enterprise in enterprises:
            tenant_id = uuid4()
            await db.execute(
                "INSERT INTO tenant (id, source, external_id, is_test, code, name, domain_name, source_time,"
                " created_at)"
                " SELECT $1, source, $2, is_test, code, name, domain_name, source_time, created_at"
                " FROM tenant WHERE external_id = $3",
                tenant_id,
                tenant_id.hex,
                enterprise.tenant_id,
            )
            await db.execute(
                "INSERT INTO binding (tenant_id, instance_id, order_id, ended, source_time, ended_time, open)"
                " SELECT $1, instance_id, order_id, ended, source_time, ended_time, open"
                " FROM binding WHERE instance_id = $2",
                tenant_id,
                enterprise.instance_id,
            )
            tenants.append((tenant_id, enterprise))
    finally:
        await db.close()
    return tenants


async def _run_limit(server: Server, tenants: list[tuple[UUID, Enterprise]], number: int) -> float:
    async with asyncpg.create_pool(
        server.database_url, min_size=_POOL, max_size=_POOL, server_settings=_SESSION, timeout=10
    ) as pool:
        work = [(*tenants[index % _TENANTS], _changes(index, number)) for index in range(_CONNECTIONS)]
        await asyncio.gather(*(_apply(pool, *one[:2], one[2][:2]) for one in work))
        started = time.perf_counter()
        await asyncio.gather(*(_apply(pool, *one) for one in work))
        return _CONNECTIONS * _CALLS / (time.perf_counter() - started)


async def _apply(
    pool: "asyncpg.Pool[asyncpg.Record]", tenant_id: UUID, enterprise: Enterprise, changes: list[Change]
) -> None:
    for change in changes:
        async with pool.acquire() as db, db.transaction():
            await db.execute(_SCOPE, str(tenant_id))
            await db.fetchrow(_ADMIT, tenant_id, enterprise.instance_id, enterprise.product)
            await db.fetchrow(_FACTS, tenant_id, change.code, change.parent_code)
            await db.execute(_PUT, tenant_id, change.code, change.name, change.parent_code, change.at, None)
            await db.execute(
                _INSERT_PUSH_WITH_CHANGES,
                *(tenant_id, uuid4(), enterprise.product, "V2", "singleOrgSync", 2, False),
                *(
                    enterprise.instance_id,
                    "sorted",
                    "127.0.0.1",
                    change.at,
                    change.at,
                    300,
                    "applied",
                    "000000",
                    "success.",
                ),
                *('{"department.renamed":1}', 1),
                *(["department.renamed"], [change.code], ['{"name":"before"}'], ['{"name":"after"}']),
            )
