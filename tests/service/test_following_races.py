"""Many writers, readers of one tenant and of all, readers killed and resumed, events removed meanwhile.

The followers find every gap, duplicate and wrong order themselves.
"""

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta

import pytest

from tenancy.acts import Act
from tenancy.database import system_scope
from tenancy.departments import put_department
from tenancy.feed import _FEED, lock_feed
from tenancy.grants import grant_access, revoke_access
from tenancy.groups import put_group, remove_group
from tenancy.member_facts import MemberFacts
from tenancy.members import put_members, remove_members
from tenancy.retention import remove_old_events
from tenancy.subjects import Subject
from tenancy.tree import Department
from tests.followers import Follower, HttpFollower, catch_up
from tests.tenancy.worlds import APP, World

TENANTS = 4
CHANGES = 40


@pytest.fixture
async def worlds(product, runtime):
    return [await World.found(product, runtime) for _ in range(TENANTS)]


async def change(world, dice):
    """One change that is told, whatever came before."""
    act, number = Act(actor="test", at=datetime.now(UTC)), dice.randrange(1000)
    match dice.randrange(4):
        case 0:
            await put_department(world.home, Department(f"D{number}", f"{number}"), **world.said())
        case 1:
            await put_group(world.tenant_id, f"g{number}", name="G", expected_revision=None, act=act)
            again = Act(actor="test", at=datetime.now(UTC))
            await remove_group(world.tenant_id, f"g{number}", act=again)
        case 2:
            people = [MemberFacts(f"p{number}", {"department_code": "B"})]
            await put_members(world.home, APP, people, grant=False, **world.said())
            await remove_members(world.home, APP, people, **world.said())
        case _:
            ann = Subject(type="member", id="ann")
            await grant_access(world.tenant_id, APP, ann, act=act)
            again = Act(actor="test", at=datetime.now(UTC))
            await revoke_access(world.tenant_id, APP, ann, act=again)


class EveryoneFollower:
    """Follows all tenants by the order across them; begins again with snapshots when it must."""

    def __init__(self, api, tenants, *, limit):
        self.api = api
        self.tenants = [str(tenant_id) for tenant_id in tenants]
        self.limit = limit
        self.cursor = None
        self.begun = 0
        self.parts = {}

    async def begin(self):
        """The end of the log first, then the snapshots: what lies between is heard of twice and skipped."""
        cursor = (await self.api.get("/v1/events", params={"limit": 1})).json()["last"]
        parts = {}
        for tenant_id in self.tenants:
            part = HttpFollower(self.api, tenant_id)
            await part.begin()
            parts[tenant_id] = part
        self.parts, self.cursor = parts, cursor
        self.begun += 1

    async def step(self, *, wait=0):
        if self.cursor is None:
            await self.begin()
        query = {"after": self.cursor, "limit": self.limit, "wait": wait}
        answer = await self.api.get("/v1/events", params=query)
        if answer.status_code == 410:
            await self.begin()
            return 1
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for event in page["items"]:
            part = self.parts.get(event["tenant_id"])
            if part and event["number"] > part.follower.number:
                part.follower.hear({name: value for name, value in event.items() if name != "tenant_id"})
        self.cursor = page["next"]
        return len(page["items"])

    async def is_right(self):
        await catch_up(self)
        for part in self.parts.values():
            assert part.follower.differs_from(await part.snapshot()) == []


async def read_while_killed(reader, begin, done, dice):
    """Read on until all is written; every now and then the reader dies in the middle of a request."""
    await begin.wait()
    killed = 0
    while not done.is_set():
        step = asyncio.create_task(reader.step(wait=0.5))
        await asyncio.wait({step}, timeout=dice.choice((0.005, 0.02, 0.1, 2)))
        if step.done():
            await step
        else:
            step.cancel()
            killed += 1
            with contextlib.suppress(asyncio.CancelledError):
                await step
    return killed


async def write(worlds, seed):
    async def live(world):
        dice = random.Random(f"{seed}{world.external_id}")
        for _ in range(CHANGES):
            await change(world, dice)

    await asyncio.gather(*(live(world) for world in worlds))


async def run(readers, worlds, *beside):
    """Let all write while all read, once what goes on beside it lets them; how often each was killed."""
    begin, done = asyncio.Event(), asyncio.Event()
    if not beside:
        begin.set()
    reading = [
        asyncio.create_task(read_while_killed(reader, begin, done, random.Random(number)))
        for number, reader in enumerate(readers)
    ]
    others = [asyncio.create_task(job(begin, done)) for job in beside]
    await write(worlds, "a")
    done.set()
    await asyncio.gather(*others)
    return await asyncio.gather(*reading)


async def test_nothing_is_missed_repeated_or_out_of_order_whoever_reads_is_killed(worlds, api):
    readers = [HttpFollower(api, world.tenant_id, limit=7) for world in worlds]
    for reader in readers:
        # From the first event on, without a snapshot.
        await reader.begin()
        reader.follower = Follower(reader.follower.types)
    everyone = EveryoneFollower(api, [world.tenant_id for world in worlds], limit=5)
    impatient = EveryoneFollower(api, [world.tenant_id for world in worlds], limit=1000)
    killed = await run([*readers, everyone, impatient], worlds)
    assert all(killed)
    for reader in (*readers, everyone, impatient):
        await reader.is_right()
    assert everyone.begun >= 1


async def test_events_that_are_removed_before_they_are_read_lead_to_a_fresh_snapshot(worlds, api):
    begun = {"own": 0}

    class Counting(HttpFollower):
        async def begin(self):
            await super().begin()
            begun["own"] += 1

    readers = [Counting(api, world.tenant_id, limit=2) for world in worlds]
    for reader in readers:
        await reader.begin()
    everyone = EveryoneFollower(api, [world.tenant_id for world in worlds], limit=2)
    await everyone.begin()
    await write(worlds, "b")

    async def forget(begin, done):
        while not done.is_set():
            await asyncio.sleep(0.05)
            while await remove_old_events(before=datetime.now(UTC) - timedelta(milliseconds=50), limit=50):
                continue
            begin.set()

    await run([*readers, everyone], worlds, forget)
    for reader in (*readers, everyone):
        await reader.is_right()
    assert begun["own"] > len(readers)
    assert everyone.begun > 1


async def test_a_place_in_the_order_is_not_filled_after_a_later_one_was_read(worlds, api):
    """A feeder has given its places and is about to commit, when another tenant's change is read."""
    first, second = worlds[:2]
    everyone, feeding = EveryoneFollower(api, [first.tenant_id, second.tenant_id], limit=10), asyncio.Event()
    await everyone.begin()

    async def read():
        await feeding.wait()
        act = Act(actor="test", at=datetime.now(UTC))
        await put_group(second.tenant_id, "later", name="G", expected_revision=None, act=act)
        await everyone.step()

    # A task that is started inside of a transaction would be part of it.
    reading = asyncio.create_task(read())
    await put_group(first.tenant_id, "sooner", name="G", expected_revision=None, act=first.act())
    async with system_scope() as db:
        await lock_feed(db)
        await db.fetchval(_FEED, datetime.now(UTC), 1000)
        feeding.set()
        await asyncio.wait({reading}, timeout=0.5)
    await reading
    await everyone.is_right()
