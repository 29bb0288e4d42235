"""The fast access check over HTTP, against a read of one row by its key, and with very many tenants."""

import asyncio
import random
import shutil
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.bare_server import serving_bare
from bench.calls import APP_ID, OPERATOR_TOKEN, http_request
from bench.load import Load, run_load
from bench.populations import authorise, grow_tree, make_tenants, populate
from bench.ratios import Comparison, spread
from bench.servers import Server
from service.migrate import migrate
from tenancy.access import _CHECK
from tenancy.database import _SESSION

_CONNECTIONS = 32
_CALLS = 60  # on each connection and round
_ROUNDS = 4
_CHECKS = 1500  # of the statement alone, in each round
_TENANTS = 1000
_MEMBERS = 1000
_LARGE = 10_000
_SMALL_DATABASE = "tenon_one_tenant"

_SIZES = """
SELECT relname, pg_relation_size(oid), pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
ORDER BY pg_total_relation_size(oid) DESC LIMIT 5
"""


class Subject(msgspec.Struct, frozen=True):
    """A database, its tenants and how many members each has."""

    url: str
    tenants: list[UUID]
    members: int

    def draw(self, dice: random.Random) -> tuple[UUID, int]:
        """Any tenant and the number of any member."""
        return dice.choice(self.tenants), dice.randrange(1, self.members + 1)


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """Requests, a list for each connection, and how many of them must be answered with yes."""

    requests: list[list[bytes]]
    allowed: int


def access_checks(server: Server) -> list[str]:
    """Measure a check beside the bare read, and with 1 000 tenants beside one."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-bench-"))
    folder.chmod(0o711)
    keys = (Path(server.environ["TENON_DATA_DIR"]) / "encryption_keys").read_text("utf-8").strip()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, ExitStack() as stack:
            large, many, one, ids, sizes = runner.run(_prepare(server))
            port = stack.enter_context(serving_bare(server.database_url, keys, folder))
            one_port = stack.enter_context(serving_bare(one.url, keys, folder))
            return [
                *_compare_reads(port, large, ids),
                *_compare_sizes(runner, port, one_port, one, many),
                sizes,
            ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compare_reads(port: int, large: Subject, ids: list[UUID]) -> list[str]:
    dice = random.Random(7)
    rates: dict[str, list[float]] = {"bare": [], "check": [], "explained": []}
    for number in range(_ROUNDS + 1):
        reads = [
            [_get(f"/bare/{large.tenants[0]}/{dice.choice(ids)}") for _ in range(_CALLS)]
            for _ in range(_CONNECTIONS)
        ]
        check, explained = _draw(large, dice), _draw(large, dice, explain=True)
        bare = run_load(port, reads, mark=b'"user_name"')
        if bare.accepted != bare.requests:
            raise RuntimeError(f"Only {bare.accepted} of {bare.requests} rows were read.")
        loads = {"bare": bare, "check": _run(port, check), "explained": _run(port, explained)}
        for name, load in loads.items():
            if number:  # the first round warms up
                rates[name].append(load.rate)
    return [
        str(
            Comparison(
                name="access check, 10,000 members; the limit is a read of one row by its key",
                unit="/s",
                limit=rates["bare"],
                ours=rates["check"],
                at_least=0.8,
            )
        ),
        str(
            Comparison(
                name="explanation, the same people; the limit is the check",
                unit="/s",
                limit=rates["check"],
                ours=rates["explained"],
            )
        ),
    ]


def _compare_sizes(
    runner: asyncio.Runner, port: int, one_port: int, one: Subject, many: Subject
) -> list[str]:
    dice = random.Random(8)
    times: dict[str, list[float]] = {name: [] for name in ("one", "many", "one bare", "many bare")}
    for number in range(_ROUNDS + 1):
        measured = {
            "one": 1000 / _run(one_port, _draw(one, dice)).rate,
            "many": 1000 / _run(port, _draw(many, dice)).rate,
            "one bare": runner.run(_check_bare(one, dice)),
            "many bare": runner.run(_check_bare(many, dice)),
        }
        for name, milliseconds in measured.items():
            if number:
                times[name].append(milliseconds)
    what = "1,000 tenants of 1,000 members; the limit is one such tenant"
    return [
        str(
            Comparison(
                name=f"time of an access check, {what}",
                unit="ms",
                limit=times["one"],
                ours=times["many"],
                at_most=1.3,
            )
        ),
        (
            f"    its transaction alone, without HTTP: one {spread(times['one bare'], 'ms')};"
            f" 1,000 {spread(times['many bare'], 'ms')}"
        ),
    ]


def _get(path: str) -> bytes:
    return http_request("GET", path, headers={"authorization": f"Bearer {OPERATOR_TOKEN}"})


def _draw(subject: Subject, dice: random.Random, *, explain: bool = False) -> Checks:
    """Random checks; the members whose number ends in 0 have been withdrawn."""
    allowed = 0
    requests = []
    for _ in range(_CONNECTIONS):
        drawn = [subject.draw(dice) for _ in range(_CALLS)]
        allowed += sum(number % 10 != 0 for _, number in drawn)
        query = "" if explain else "?explain=false"
        requests.append(
            [
                _get(f"/v1/tenants/{tenant}/apps/{APP_ID}/access/member{number}{query}")
                for tenant, number in drawn
            ]
        )
    return Checks(requests=requests, allowed=allowed)


def _run(port: int, checks: Checks) -> Load:
    load = run_load(port, checks.requests, mark=b'"allowed":true')
    if load.accepted != checks.allowed:
        raise RuntimeError(f"{load.accepted} members were let in instead of {checks.allowed}.")
    return load


async def _check_bare(subject: Subject, dice: random.Random) -> float:
    """Milliseconds of one check, sent as the service sends it."""
    db = await asyncpg.connect(subject.url, server_settings=_SESSION, timeout=10)
    try:
        drawn = [subject.draw(dice) for _ in range(_CHECKS)]
        started = time.perf_counter()
        for tenant, number in drawn:
            await db.execute(f"BEGIN; SELECT set_config('app.tenant_id', '{tenant}', true)")
            await db.fetchrow(_CHECK, tenant, APP_ID, f"member{number}", datetime.now(UTC))
            await db.execute("COMMIT")
        return (time.perf_counter() - started) / _CHECKS * 1000
    finally:
        await db.close()


async def _prepare(server: Server) -> tuple[Subject, Subject, Subject, list[UUID], str]:
    """A tenant of 10 000 members among 1 000 of 1 000, and one of 1 000 in a database of its own."""
    superuser_url = f"{server.superuser_url.rpartition('/')[0]}/{_SMALL_DATABASE}"
    serving_url = f"{server.database_url.rpartition('/')[0]}/{_SMALL_DATABASE}"
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        await db.execute(f"CREATE DATABASE {_SMALL_DATABASE}", timeout=60)
        await migrate(superuser_url, serving_url=serving_url)
        large = await _fill(db, 1, members=_LARGE, departments=500)
        many = await _fill(db, _TENANTS, members=_MEMBERS, departments=50)
        ids = await db.fetch("SELECT id FROM member WHERE tenant_id = $1", large[0])
        await server.settle()
        sizes = await db.fetch(_SIZES)
    finally:
        await db.close()
    small = await asyncpg.connect(superuser_url, timeout=10)
    try:
        one = await _fill(small, 1, members=_MEMBERS, departments=50)
        await small.execute("VACUUM ANALYZE", timeout=300)
    finally:
        await small.close()
    told = ", ".join(f"{name} {table >> 20:,} + {(total - table) >> 20:,}" for name, table, total in sizes)
    return (
        Subject(server.database_url, large, _LARGE),
        Subject(server.database_url, many, _MEMBERS),
        Subject(serving_url, one, _MEMBERS),
        [row["id"] for row in ids],
        f"    largest tables with their indexes, in MiB: {told}",
    )


async def _fill(
    db: "asyncpg.Connection[asyncpg.Record]", count: int, *, members: int, departments: int
) -> list[UUID]:
    tenants = await make_tenants(db, count)
    await populate(db, tenants, grow_tree("R", None, size=departments, fan_out=6), members=members)
    await authorise(db, tenants, root="R")
    return tenants
