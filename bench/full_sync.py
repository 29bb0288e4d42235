"""A full list of departments over HTTP, against the least SQL that does the same work."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.bare_events import Db, last_number, log_fingerprint
from bench.bare_lists import apply_bare_list
from bench.calls import Connection, Enterprise, accepted, sign
from bench.lists import Row, department_lists
from bench.ratios import Comparison, spread
from bench.servers import Server
from bench.waits import Waits
from service.koogallery.canonical import canonical

_LARGE_ROUNDS = 3

_FINGERPRINT = """
SELECT count(*), coalesce(sum(hashtextextended(concat_ws('/', code, name, parent_code), 0)), 0)
FROM department WHERE tenant_id = $1 AND removed_at IS NULL
"""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of the limit and of ours, round by round."""

    first_limit: list[float]
    first_ours: list[float]
    next_limit: list[float]
    next_ours: list[float]
    longest_wait: list[float]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Two tenants that get the same lists: one through the limit's SQL, one through the service.

    `told_before` is how many events there were of ours before the first list.
    """

    lists: Iterator[list[Row]]
    limit_tenant: UUID
    our_tenant: UUID
    enterprise: Enterprise
    told_before: int


def full_sync(server: Server) -> list[str]:
    """Measure 100 000 departments: first load, and later lists of which 1 % differ."""
    measured = measure(server, size=100_000, subjects=3, rounds=4)
    return [
        str(
            Comparison(
                name="full sync, 100,000 departments, first load",
                unit="s",
                limit=measured.first_limit,
                ours=measured.first_ours,
                at_most=2.5,
            )
        ),
        str(
            Comparison(
                name="full sync, 100,000 departments, 1 % changed",
                unit="s",
                limit=measured.next_limit,
                ours=measured.next_ours,
                at_most=2.5,
            )
        ),
        f"    peak memory of the server {server.peak_memory() / 1024**2:,.0f} MiB",
        f"    longest wait of another request meanwhile {spread(measured.longest_wait, 's')}",
    ]


def large_sync(server: Server) -> list[str]:
    """Measure 1 000 000 departments beside 100 000."""
    small = measure(server, size=100_000, subjects=1, rounds=_LARGE_ROUNDS)
    before = server.peak_memory()
    large = measure(server, size=1_000_000, subjects=1, rounds=_LARGE_ROUNDS)
    ratio = Comparison(
        name="full sync, 1,000,000 departments, 1 % changed; the limit is 100,000 departments over HTTP",
        unit="s",
        limit=small.next_ours,
        ours=large.next_ours,
        at_most=12,
    )
    bare = Comparison(
        name="the same against its own SQL", unit="s", limit=large.next_limit, ours=large.next_ours
    )
    first = Comparison(
        name="first load of 1,000,000 against its own SQL",
        unit="s",
        limit=large.first_limit,
        ours=large.first_ours,
    )
    peak = server.peak_memory()
    reached = "reached" if peak <= 1.5 * 1024**3 else "NOT REACHED"
    memory = (
        f"    peak memory of the server {peak / 1024**3:.2f} GiB "
        f"({before / 1024**3:.2f} GiB after the small lists), target ≤ 1.5: {reached}"
    )
    wait = f"    longest wait of another request meanwhile {spread(large.longest_wait, 's')}"
    return [str(ratio), str(bare), str(first), memory, wait]


def measure(server: Server, *, size: int, subjects: int, rounds: int) -> Measured:
    """Load so many tenants with a list and send each so many changed ones, limit and ours in turn."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(server, size, subjects, rounds))


async def _measure(server: Server, size: int, subjects: int, rounds: int) -> Measured:
    measured = Measured(first_limit=[], first_ours=[], next_limit=[], next_ours=[], longest_wait=[])
    db = await asyncpg.connect(server.database_url, server_settings={"jit": "off"}, timeout=10)
    superuser = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        for seed in range(subjects):
            subject = await _make_subject(server, superuser, department_lists(size, changed=0.01, seed=seed))
            for number in range(1 + rounds):
                rows = next(subject.lists)
                limit_times = measured.next_limit if number else measured.first_limit
                our_times = measured.next_ours if number else measured.first_ours
                await server.settle()
                limit_times.append(await apply_bare_list(db, subject.limit_tenant, rows))
                await server.settle()
                seconds, longest_wait = _run_ours(server, subject.enterprise, rows)
                our_times.append(seconds)
                measured.longest_wait.append(longest_wait)
                await _demand_same(superuser, subject)
    finally:
        await superuser.close()
        await db.close()
    return measured


async def _make_subject(server: Server, superuser: Db, lists: Iterator[list[Row]]) -> Subject:
    enterprise = server.marketplace.open_enterprise()
    ours = await superuser.fetchval("SELECT id FROM tenant WHERE external_id = $1", enterprise.tenant_id)
    return Subject(
        lists=lists,
        limit_tenant=uuid4(),
        our_tenant=ours,
        enterprise=enterprise,
        told_before=await last_number(superuser, ours),
    )


def _run_ours(server: Server, enterprise: Enterprise, rows: list[Row]) -> tuple[float, float]:
    # A moment ahead of the binding, behind every later list.
    listed = [{"orgCode": code, "orgName": name, "parentCode": parent or ""} for code, name, parent in rows]
    path, body = enterprise.call(
        "allOrgSync", datetime.now(UTC) - timedelta(milliseconds=1), orgInfoList=listed
    )
    with Connection(server.port) as connection:
        request = sign(path, body, canonical(body))
        with Waits(server.port) as waits:
            started = time.perf_counter()
            answer = connection.send(request)
            seconds = time.perf_counter() - started
    accepted(answer)
    return seconds, waits.longest


async def _demand_same(superuser: Db, subject: Subject) -> None:
    """Make sure that both have done the same work and told the same of it."""
    expected, found = [
        (
            *(await superuser.fetchrow(_FINGERPRINT, tenant, timeout=60) or ()),
            *await log_fingerprint(superuser, tenant, after=after),
        )
        for tenant, after in ((subject.limit_tenant, 0), (subject.our_tenant, subject.told_before))
    ]
    if expected != found:
        raise RuntimeError(f"The limit has {expected} and the service {found}.")
