"""Grants and moves that concern very many people, against the bare SQL that writes the same rows."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import msgspec
import uvloop

from bench.access_sides import (
    GRANTED,
    MOVING,
    MOVING_NAME,
    ROOT,
    UNGRANTED,
    Sides,
    ask,
    demand,
    grant_path,
    hold_due,
    make_sides,
    push,
)
from bench.bare_access import grant_bare, move_bare
from bench.bare_events import last_number, log_fingerprint
from bench.calls import APP_ID, wire_time
from bench.populations import authorise_elsewhere
from bench.ratios import Comparison
from bench.servers import Server
from service.simulator.calls import Edition
from service.simulator.kit_calls import MODIFY, user
from service.simulator.organisations import make_organisation
from tenancy.database import _SESSION

_BATCH = 500
_ROUNDS = 3

_ACCESS = "SELECT count(*) FROM access WHERE tenant_id = $1 AND app_id = $2"


class Times(msgspec.Struct, frozen=True):
    """Seconds of the limit and of ours, round by round, for what gives access and for what takes it."""

    gained: tuple[list[float], list[float]]
    lost: tuple[list[float], list[float]]


def access_changes(server: Server) -> list[str]:
    """Measure a grant to 100 000 people, a move of 50 000, and what a grant costs those who come later."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(server))


async def _measure(server: Server) -> list[str]:
    db = await asyncpg.connect(server.database_url, server_settings=_SESSION, timeout=10)
    superuser = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        sides = await make_sides(server, db, superuser)
        await hold_due(sides, "m.user_name LIKE 'member%'")
        granted = await _run_rounds(sides, grant_bare, _grant)
        demand(ask(server, "PUT", grant_path(sides, GRANTED)), 200)
        await hold_due(sides, "s.department_code LIKE 'M%'")
        moved = await _run_rounds(sides, move_bare, _move)
        demand(ask(server, "DELETE", grant_path(sides, GRANTED)), 204)
        await authorise_elsewhere(superuser, [sides.ours, sides.limit])
        await hold_due(sides, "m.user_name LIKE 'member%'")
        elsewhere = await _run_rounds(sides, grant_bare, _grant)
        synced = await _run_syncs(sides)
    finally:
        await superuser.close()
        await db.close()
    people = "the root of 100,000 people"
    return [
        _compare(f"granting {people}", *granted.gained, at_most=2.5),
        _compare(f"revoking the same from {people}", *granted.lost),
        _compare(f"granting {people} who all have another app", *elsewhere.gained),
        _compare("revoking the same", *elsewhere.lost),
        _compare("moving 50,000 people below a granted department", *moved.gained, at_most=2.5),
        _compare("moving 50,000 people away from there", *moved.lost, at_most=2.5),
        _compare("authSync that moves 500 of 100,000 people; the limit is without any grant", *synced),
    ]


def _compare(name: str, limit: list[float], ours: list[float], at_most: float | None = None) -> str:
    return str(Comparison(name=name, unit="s", limit=limit, ours=ours, at_most=at_most))


async def _run_rounds(
    sides: Sides,
    limit: Callable[[Sides, bool], Awaitable[None]],
    ours: Callable[[Sides, bool], float],
) -> Times:
    """Run the limit and ours in turn, giving and taking; after each both must hold the same rows."""
    times = Times(([], []), ([], []))
    told_before = [await last_number(sides.superuser, tenant) for tenant in (sides.limit, sides.ours)]
    for _ in range(_ROUNDS):
        for gains, (limit_times, our_times) in ((True, times.gained), (False, times.lost)):
            await sides.server.settle()
            started = time.perf_counter()
            async with sides.db.transaction():
                await limit(sides, gains)
            limit_times.append(time.perf_counter() - started)
            await sides.server.settle()
            our_times.append(ours(sides, gains))
            await _demand_same(sides, told_before)
    return times


async def _demand_same(sides: Sides, told_before: list[int]) -> None:
    expected, found = [
        (
            await sides.superuser.fetchval(_ACCESS, tenant, APP_ID),
            *await log_fingerprint(sides.superuser, tenant, after=after),
        )
        for tenant, after in zip((sides.limit, sides.ours), told_before, strict=True)
    ]
    if expected != found:
        raise RuntimeError(f"The limit has written {expected} and the service {found}.")


def _grant(sides: Sides, gains: bool) -> float:
    started = time.perf_counter()
    status = ask(sides.server, "PUT" if gains else "DELETE", grant_path(sides, ROOT))
    seconds = time.perf_counter() - started
    demand(status, 200 if gains else 204)
    return seconds


def _move(sides: Sides, gains: bool) -> float:
    return push(
        sides,
        "singleOrgSync",
        orgCode=MOVING,
        orgName=MOVING_NAME,
        parentCode=GRANTED if gains else UNGRANTED,
        flag=2,
    )


async def _run_syncs(sides: Sides) -> tuple[list[float], list[float]]:
    """The same 500 people change department: nothing is granted, then something to somebody else."""
    people = make_organisation(departments=1, members=_BATCH, seed=7, language="zh").members
    times: dict[bool, list[float]] = {False: [], True: []}
    await sides.server.settle()
    for number in range(2 * _ROUNDS + 1):
        for is_granted, measured in times.items():
            if is_granted:
                demand(ask(sides.server, "PUT", grant_path(sides, GRANTED)), 200)
            users = [
                user(
                    Edition.V2,
                    msgspec.structs.replace(
                        member,
                        user_name=f"member{index}",
                        department_code=f"M-{index + 2 * number + is_granted}",
                    ),
                )
                for index, member in enumerate(people, start=1)
            ]
            seconds = push(
                sides,
                "authSync",
                flag=MODIFY,
                appId=APP_ID,
                userList=users,
                currentSyncTime=wire_time(datetime.now(UTC)),
            )
            if number:  # the first round describes them for the first time
                measured.append(seconds)
        demand(ask(sides.server, "DELETE", grant_path(sides, GRANTED)), 204)
    return times[False], times[True]
