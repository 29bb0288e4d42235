"""Several workers: each stream is told by one at a time, and what one leaves another takes up."""

import asyncio
import itertools
import os
import random
import subprocess
import sys
from datetime import timedelta

import pytest

from service.serve import serving_environment
from service.webhooks import recorder
from tenancy.attempts import Attempt, Step, give_back, record_steps
from tenancy.claims import claim_streams
from tenancy.errors import DatabaseUnavailable
from tenancy.failures import record_failure
from tenancy.feed import feed_events
from tests.receivers import answer, hang, open_receiver
from tests.repository import ROOT
from tests.service.webhooks.deliveries import (
    attempts_of,
    deliver_due,
    delivering,
    endpoint_row,
    new_tenant,
    numbers,
    open_delivery,
    streams_of,
    told,
    write_events,
)

LEASE = timedelta(seconds=60)


async def claim(clock, *, held=None, most=64):
    found = await claim_streams(
        held=held or {},
        most_per_endpoint=8,
        most_healthy=most,
        most_failing=64,
        now=clock(),
        duration=LEASE,
    )
    return found.leases


def accepted(lease, number, clock, *, is_end=False):
    attempt = Attempt(number=number, at=clock(), duration_ms=1, status=200, answer="", error=None)
    return Step(lease=lease, position=number, is_end=is_end, attempt=attempt)


@pytest.fixture
async def waiting(endpoints, tenant, frozen):
    """An endpoint with three events to tell; its id."""
    endpoint = await endpoints.make("http://127.0.0.1:9/", tenants=[tenant])
    await write_events(tenant, 3, frozen)
    await feed_events(now=frozen())
    return endpoint


async def everything_told(*endpoint_ids):
    for _ in range(1200):
        rows = [row for one in endpoint_ids for row in (await streams_of(one)).values()]
        if all(row["position"] == row["target"] and row["lease"] is None for row in rows):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(rows)


async def test_a_stream_is_held_by_one_worker_until_its_lease_runs_out(waiting, tenant, frozen):
    [first] = await claim(frozen)
    assert [event.number for event in first.events] == [1, 2, 3]
    frozen.freeze(frozen() + LEASE - timedelta(microseconds=1))
    assert await claim(frozen) == []
    frozen.freeze(frozen() + timedelta(microseconds=1))
    [second] = await claim(frozen)
    assert second.id != first.id


async def test_a_worker_that_has_lost_its_lease_changes_nothing(waiting, tenant, frozen):
    [lost] = await claim(frozen)
    frozen.freeze(frozen() + LEASE)
    [held] = await claim(frozen)
    before = (await streams_of(waiting))[tenant]
    [standing] = await record_steps([accepted(lost, 1, frozen, is_end=True)], now=frozen())
    assert not standing.is_held
    refused = Attempt(number=1, at=frozen(), duration_ms=1, status=410, answer="", error="No.")
    assert await record_failure(lost, refused, now=frozen(), jitter=0) is None
    await give_back([lost], now=frozen())
    assert (await streams_of(waiting))[tenant] == before
    assert await attempts_of(waiting) == []
    assert (await endpoint_row(waiting))["enabled"]
    [standing] = await record_steps([accepted(held, 1, frozen)], now=frozen())
    assert standing.is_held


async def test_a_replay_is_not_undone_by_an_attempt_that_was_under_way(endpoints, waiting, tenant, frozen):
    [lease] = await claim(frozen)
    await record_steps([accepted(lease, 1, frozen)], now=frozen())
    assert (await endpoints.replay(waiting, tenant, 0)).status_code == 204
    await record_steps([accepted(lease, 2, frozen)], now=frozen())
    assert (await streams_of(waiting))[tenant]["position"] == 0
    [again] = await claim(frozen)
    assert [event.number for event in again.events] == [1, 2, 3]


async def test_events_that_come_while_a_stream_is_told_are_not_overlooked(waiting, tenant, frozen):
    [lease] = await claim(frozen)
    await write_events(tenant, 1, frozen)
    await feed_events(now=frozen())
    await record_steps([accepted(lease, 3, frozen, is_end=True)], now=frozen())
    [next_lease] = await claim(frozen)
    assert [event.number for event in next_lease.events] == [4]


async def test_an_edit_takes_effect_with_the_next_event(endpoints, waiting, tenant, frozen):
    [lease] = await claim(frozen)
    await endpoints.change(waiting, url="http://127.0.0.1:9/new")
    [standing] = await record_steps([accepted(lease, 1, frozen)], now=frozen())
    assert not standing.is_held
    await give_back([lease], now=frozen())
    [fresh] = await claim(frozen)
    assert (fresh.url, fresh.events[0].number) == ("http://127.0.0.1:9/new", 2)


async def test_a_turn_ends_with_the_attempt_during_which_its_endpoint_was_edited(
    endpoints, wide_app, tenant, clock
):
    async with open_receiver(answer(delay=0.3)) as former, open_receiver() as new:
        endpoint = await endpoints.make(former.url, tenants=[tenant])
        await write_events(tenant, 3, clock)
        async with delivering(wide_app.state.runtime, limits={"total": 30.0}):
            await former.wait_for(1)
            await endpoints.change(endpoint, url=new.url)
            await new.wait_for(2)
        assert (numbers(former, tenant), numbers(new, tenant)) == ([1], [2, 3])


async def test_workers_that_claim_at_once_never_take_the_same_stream(endpoints, frozen):
    tenants = [await new_tenant(frozen) for _ in range(40)]
    for number in range(5):
        await endpoints.make(f"http://127.0.0.1:9/{number}", tenants=tenants)
    for tenant in tenants:
        await write_events(tenant, 1, frozen)
    await feed_events(now=frozen())
    taken = await asyncio.gather(*(claim(frozen) for _ in range(5)))
    held = [(lease.endpoint_id, lease.tenant_id) for leases in taken for lease in leases]
    assert len(held) == len(set(held))
    # Eight of each endpoint for each worker at the most; each endpoint's first before any one's second.
    assert all(len(leases) <= 40 for leases in taken)
    assert len(held) >= 5 * 8


async def test_what_is_taken_is_shared_among_endpoints(endpoints, frozen):
    tenants = [await new_tenant(frozen) for _ in range(20)]
    ids = [await endpoints.make(f"http://127.0.0.1:9/{number}", tenants=tenants) for number in range(4)]
    for tenant in tenants:
        await write_events(tenant, 1, frozen)
    await feed_events(now=frozen())
    first = await claim(frozen, most=4)
    assert sorted(str(lease.endpoint_id) for lease in first) == sorted(ids)
    busy = first[0].endpoint_id
    later = await claim(frozen, held={busy: 6}, most=64)
    assert sum(lease.endpoint_id == busy for lease in later) == 2


async def test_two_workers_tell_everything_once_and_in_order(endpoints, wide_app, clock):
    runtime = wide_app.state.runtime
    tenants = [await new_tenant(clock) for _ in range(8)]
    async with open_receiver() as receiver, delivering(runtime), delivering(runtime):
        endpoint = await endpoints.make(receiver.url, tenants=tenants)
        for _ in range(15):
            await asyncio.gather(*(write_events(tenant, 3, clock) for tenant in tenants))
        await everything_told(endpoint)
        for tenant in tenants:
            assert numbers(receiver, tenant) == list(range(1, 46))


async def test_a_worker_that_stops_finishes_what_is_under_way_and_leaves_the_rest(
    endpoints, wide_app, tenant, clock
):
    hanging = await new_tenant(clock)
    slow = answer(delay=0.3)
    async with open_receiver(
        lambda request: slow if tenant.hex in request.headers["webhook-id"] else hang()
    ) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant, hanging])
        await write_events(tenant, 2, clock)
        await write_events(hanging, 1, clock)
        async with delivering(wide_app.state.runtime, limits={"total": 30.0}):
            await receiver.wait_for(2)
        streams = await streams_of(endpoint)
        assert (streams[tenant]["position"], streams[tenant]["lease"]) == (1, None)
        assert (streams[hanging]["position"], streams[hanging]["lease"]) == (0, None)
        receiver.plan = answer()
        async with open_delivery(wide_app.state.runtime) as delivery:
            await deliver_due(delivery, clock)
        assert numbers(receiver, tenant) == [1, 2]
        assert numbers(receiver, hanging) == [1, 1]


async def test_an_outage_of_the_database_delays_and_repeats_nothing(
    endpoints, wide_app, tenant, clock, monkeypatch
):
    faults = iter([True, False, True, True, False])

    async def record_sometimes(steps, *, now):
        if next(faults, False):
            raise DatabaseUnavailable
        return await record_steps(steps, now=now)

    monkeypatch.setattr(recorder, "record_steps", record_sometimes)
    monkeypatch.setattr(recorder, "_PAUSE_SECONDS", 0.01)
    async with open_receiver() as receiver, open_delivery(wide_app.state.runtime) as delivery:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 4, clock)
        await deliver_due(delivery, clock)
        assert numbers(receiver, tenant) == [1, 2, 3, 4]
        assert (await streams_of(endpoint))[tenant]["position"] == 4


class Workers:
    """Processes that deliver; any may be killed and is replaced."""

    def __init__(self, settings, count):
        self._environ = {
            **os.environ,
            **serving_environment(settings),
            "TENON_WEBHOOK_HTTP": "on",
            "TENON_WEBHOOK_PRIVATE": "on",
            "TENON_DATABASE_POOL": "4",
        }
        self._processes = [self._start() for _ in range(count)]

    def _start(self):
        command = [sys.executable, "-m", "tests.service.webhooks.worker", "4", "1"]
        return subprocess.Popen(command, cwd=ROOT, env=self._environ)

    def kill_one(self, chance):
        place = chance.randrange(len(self._processes))
        self._processes[place].kill()
        self._processes[place].wait()
        self._processes[place] = self._start()

    def kill_all(self):
        for process in self._processes:
            process.kill()
            process.wait()


async def test_workers_killed_at_random_lose_nothing_and_keep_the_order(endpoints, migrated, clock):
    chance = random.Random(20261123)
    tenants = [await new_tenant(clock) for _ in range(6)]
    kills = 6
    async with open_receiver(answer(delay=0.005)) as receiver:
        ids = [await endpoints.make(f"{receiver.url}{number}", tenants=tenants) for number in range(2)]
        workers = Workers(migrated, 3)
        try:
            await write_events(tenants[0], 1, clock)
            await receiver.wait_for(1)
            for _ in range(kills):
                for _ in range(2):
                    await asyncio.gather(*(write_events(tenant, 10, clock) for tenant in tenants))
                await asyncio.sleep(chance.uniform(0.1, 0.7))
                workers.kill_one(chance)
            await everything_told(*ids)
        finally:
            workers.kill_all()
        repeated = 0
        for number in range(2):
            for tenant in tenants:
                mine = [
                    one
                    for request, (owner, one) in zip(receiver.requests, told(receiver), strict=True)
                    if request.path == f"/{number}" and owner == tenant
                ]
                steps = [after - before for before, after in itertools.pairwise(mine)]
                # An event is repeated only when its worker was killed before it could write down the answer.
                assert set(steps) <= {0, 1}, mine
                assert set(mine) == set(range(1, kills * 20 + 1 + (tenant == tenants[0])))
                repeated += steps.count(0)
        assert repeated <= kills * len(tenants) * 2
