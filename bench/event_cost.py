"""What it costs to tell: the use cases as they are, beside the same with the event log switched off."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import msgspec
import uvloop

from bench.bare_events import Db, new_push
from bench.calls import APP_ID
from bench.event_sides import Side, demand_same, make_sides, time_sides
from bench.lists import department_lists
from bench.populations import grow_tree, populate
from bench.ratios import Comparison
from bench.servers import Server
from service.simulator.organisations import Member, make_organisation
from tenancy.acts import Act
from tenancy.database import close_database, open_database
from tenancy.departments import put_department
from tenancy.grants import grant_access, revoke_access
from tenancy.member_facts import DEFAULTS, MemberFacts
from tenancy.members import put_members
from tenancy.subjects import Subject
from tenancy.syncs import sync_departments
from tenancy.tree import Department

_AT_MOST = 1.35

_DEPARTMENTS = 100_000
_FIRST_LISTS = 3
_NEXT_LISTS = 4  # after each first one

_CHANGES = 200  # in each round
_CHANGE_ROUNDS = 10

_BATCH = 50
_BATCHES = 10  # in each round
_BATCH_ROUNDS = 10

_PEOPLE = 100_000
_GRANT_ROUNDS = 3

_ROOT = Subject(type="department", id="R")


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What one thing costs without events and with them, round by round."""

    name: str
    unit: str = "s"
    without: list[float] = msgspec.field(default_factory=list)
    told: list[float] = msgspec.field(default_factory=list)
    at_most: float | None = _AT_MOST

    def add(self, seconds: tuple[float, float], *, parts: int = 1) -> None:
        """Take the seconds of a round in which it was done so many times."""
        scale = {"s": 1, "ms": 1000}[self.unit] / parts
        for times, one in zip((self.without, self.told), seconds, strict=True):
            times.append(one * scale)

    def __str__(self) -> str:
        comparison = Comparison(
            name=f"{self.name}; the limit is without events",
            unit=self.unit,
            limit=self.without,
            ours=self.told,
            at_most=self.at_most,
        )
        return str(comparison)


def event_cost(server: Server) -> list[str]:
    """Measure the use cases themselves, in this process, with and without the event log."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(server))


async def _measure(server: Server) -> list[str]:
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    await open_database(server.database_url, pool_size=4)
    try:
        costs = [
            *await _measure_lists(server, db),
            *await _measure_changes(server, db),
            *await _measure_members(server, db),
            *await _measure_grants(server, db),
        ]
    finally:
        await close_database()
        await db.close()
    return [str(cost) for cost in costs]


async def _measure_lists(server: Server, db: Db) -> list[Costs]:
    what = f"full sync of {_DEPARTMENTS:,} departments"
    first, following = Costs(name=f"{what}, first load"), Costs(name=f"{what}, 1 % changed")
    for seed in range(_FIRST_LISTS):
        sides = await make_sides(server, db)
        lists = department_lists(_DEPARTMENTS, changed=0.01, seed=seed)
        for number in range(1 + _NEXT_LISTS):
            departments = [Department(*row) for row in next(lists)]

            async def sync(side: Side, departments: list[Department] = departments) -> None:
                now = datetime.now(UTC)
                push = new_push("allOrgSync", side.place, source_time=now)
                outcome = await sync_departments(side.place, departments, at=now, push=push)
                assert outcome.verdict == "applied"

            cost = following if number else first
            cost.add(await time_sides(sides, seed + number, sync, server=server))
        await demand_same(db, sides)
    return [first, following]


async def _measure_changes(server: Server, db: Db) -> list[Costs]:
    cost = Costs(name="singleOrgSync, one after the other", unit="ms")
    sides = await make_sides(server, db)
    await server.settle()
    for number in range(_CHANGE_ROUNDS + 1):

        async def change(side: Side, number: int = number) -> None:
            for index in range(_CHANGES):
                now = datetime.now(UTC)
                department = Department(f"C{index}", f"部门 {number}", f"C{index // 2}" if index else None)
                push = new_push("singleOrgSync", side.place, source_time=now)
                outcome = await put_department(side.place, department, at=now, push=push)
                assert outcome.verdict == "applied"

        seconds = await time_sides(sides, number, change, server=None)
        if number:  # the first round makes them
            cost.add(seconds, parts=_CHANGES)
    await demand_same(db, sides)
    return [cost]


async def _measure_members(server: Server, db: Db) -> list[Costs]:
    what = f"authSync of {_BATCH} members"
    first = Costs(name=f"{what}, first authorisation", unit="ms")
    following = Costs(name=f"{what}, all changed", unit="ms")
    people = make_organisation(departments=200, members=_BATCH * _BATCHES, seed=7, language="zh").members
    sides = await make_sides(server, db)
    await server.settle()
    for number in range(_BATCH_ROUNDS + 1):
        for cost, suffix in ((first, ""), (following, "·新")):
            facts = [_facts(member, number, suffix) for member in people]

            async def put(side: Side, facts: Sequence[MemberFacts] = facts) -> None:
                for start in range(0, len(facts), _BATCH):
                    now = datetime.now(UTC)
                    push = new_push("authSync", side.place, source_time=now)
                    batch = facts[start : start + _BATCH]
                    outcome = await put_members(side.place, APP_ID, batch, grant=True, at=now, push=push)
                    assert outcome.verdict == "applied"

            seconds = await time_sides(sides, number, put, server=None)
            if number:  # the first round warms up
                cost.add(seconds, parts=_BATCHES)
    await demand_same(db, sides)
    return [first, following]


def _facts(member: Member, number: int, suffix: str) -> MemberFacts:
    """A person of this round, with another name, position and department once the suffix is not empty."""
    attributes = {name: getattr(member, name) for name in DEFAULTS}
    changed = {name: f"{attributes[name]}{suffix}" for name in ("name", "position", "department_code")}
    kept = {"employee_type": str(member.employee_type)}
    return MemberFacts(f"{number}.{member.user_name}", attributes | kept | changed)


async def _measure_grants(server: Server, db: Db) -> list[Costs]:
    granted = Costs(name=f"granting the root of {_PEOPLE:,} people")
    revoked = Costs(name="revoking the same", at_most=None)
    sides = await make_sides(server, db)
    tree = grow_tree(_ROOT.id, None, size=5000, fan_out=6)
    await populate(db, [side.tenant_id for side in sides], tree, members=_PEOPLE)

    async def grant(side: Side) -> None:
        await grant_access(side.tenant_id, APP_ID, _ROOT, act=_act())

    async def revoke(side: Side) -> None:
        await revoke_access(side.tenant_id, APP_ID, _ROOT, act=_act())

    for number in range(_GRANT_ROUNDS):
        granted.add(await time_sides(sides, number, grant, server=server))
        await demand_same(db, sides)
        revoked.add(await time_sides(sides, number, revoke, server=server))
    await demand_same(db, sides)
    return [granted, revoked]


def _act() -> Act:
    return Act(actor="operator:bootstrap", at=datetime.now(UTC))
