"""The snapshot of 100 000 members, against a bare COPY of the same rows that are encoded with msgspec."""

import asyncio
import http.client
import time
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.calls import OPERATOR_TOKEN
from bench.populations import authorise, grow_tree, make_tenants, populate
from bench.ratios import Comparison, spread
from bench.servers import Server
from tenancy.snapshots import OBJECTS

_MEMBERS = 100_000
_DEPARTMENTS = 5000
_ROUNDS = 5
_SECONDS = 120
_PIECE = 256 * 1024
_MIB = 1024 * 1024


def snapshots(server: Server) -> list[str]:
    """Measure a snapshot with 100 000 members, and how much memory it takes beside one without anybody."""
    limit, ours = [], []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        large, empty = runner.run(_prepare(server))
        _read(server, empty)
        before = server.peak_memory()
        for _ in range(_ROUNDS):
            limit.append(runner.run(_run_limit(server, large)))
            seconds, size = _read(server, large)
            ours.append(seconds)
    grown = server.peak_memory() - before
    return [
        str(
            Comparison(name=f"snapshot of {_MEMBERS:,} members", unit="s", limit=limit, ours=ours, at_most=2)
        ),
        f"    {size / _MIB:.0f} MiB, {spread([size / _MIB / seconds for seconds in ours], 'MiB/s')}",
        f"    the server's peak memory grew by {grown / _MIB:.1f} MiB, from {before / _MIB:.0f} MiB",
    ]


async def _prepare(server: Server) -> tuple[UUID, UUID]:
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        large, empty = await make_tenants(db, 2)
        tree = grow_tree("A", None, size=_DEPARTMENTS, fan_out=14)
        await populate(db, [large], tree, members=_MEMBERS)
        await authorise(db, [large], root="A")
    finally:
        await db.close()
    await server.settle()
    return large, empty


def _read(server: Server, tenant_id: UUID) -> tuple[float, int]:
    """Seconds until the last byte was there, and how many there were."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_SECONDS)
    try:
        started = time.perf_counter()
        headers = {"authorization": f"Bearer {OPERATOR_TOKEN}"}
        connection.request("GET", f"/v1/tenants/{tenant_id}/snapshot", headers=headers)
        answer, size = connection.getresponse(), 0
        while piece := answer.read(_PIECE):
            size += len(piece)
        seconds = time.perf_counter() - started
        if size != int(answer.headers["content-length"]):
            raise RuntimeError("The snapshot was cut off.")
    finally:
        connection.close()
    return seconds, size


async def _run_limit(server: Server, tenant_id: UUID) -> float:
    settings = {"jit": "off", "enable_nestloop": "off"}
    db = await asyncpg.connect(server.database_url, server_settings=settings, timeout=10)
    try:
        await db.execute("SELECT set_config('app.tenant_id', $1, false)", str(tenant_id))
        names = {kind: await _columns(db, kind) for kind in OBJECTS}
        started = time.perf_counter()
        for kind, columns in names.items():
            await _copy_and_encode(db, kind, columns, tenant_id)
        return time.perf_counter() - started
    finally:
        await db.close()


async def _columns(db: "asyncpg.Connection[asyncpg.Record]", kind: str) -> list[str]:
    statement = await db.prepare(OBJECTS[kind])
    return [attribute.name for attribute in statement.get_attributes()]


async def _copy_and_encode(
    db: "asyncpg.Connection[asyncpg.Record]", kind: str, columns: list[str], tenant_id: UUID
) -> None:
    """Every value stays a text, and what PostgreSQL has escaped stays so: a limit need not be right."""
    rest = b""

    async def take(data: bytes) -> None:
        nonlocal rest
        *lines, rest = (rest + data).split(b"\n")
        rows = [
            {"kind": kind, **dict(zip(columns, line.decode().split("\t"), strict=True))} for line in lines
        ]
        msgspec.json.Encoder().encode_lines(rows)

    await db.copy_from_query(OBJECTS[kind], tenant_id, output=take)
