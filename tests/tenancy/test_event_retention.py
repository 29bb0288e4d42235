"""What is kept of the log: the newest events of each tenant without a gap, and no silence about the rest."""

import asyncio
import contextvars
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy import feed_pages
from tenancy.acts import Act, record_act
from tenancy.database import system_scope, tenant_scope
from tenancy.event_objects import GroupObject
from tenancy.event_pages import EventsRemoved, list_changes, read_events
from tenancy.events import Event
from tenancy.feed import feed_events
from tenancy.feed_pages import read_feed
from tenancy.push_pages import list_pushes, read_push
from tenancy.retention import remove_old_events
from tests.tenancy.histories import Message

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def tenant_id(new_directory):
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    return await directory.tenant_id()


async def tell(tenant_id, at, *, events=1):
    """One act with so many events, as of this time; its id."""
    act = Act(actor="test", at=at)
    told = [
        Event(type="group.added", subject=f"g{n}", data=GroupObject(id=f"g{n}", name="G"))
        for n in range(events)
    ]
    async with tenant_scope(tenant_id, changing=True) as db:
        await record_act(db, act, told, tenant_id=tenant_id)
    return act.id


async def forget(before, *, limit=100):
    while await remove_old_events(before=before, limit=limit):
        continue


async def kept(tenant_id):
    async with tenant_scope(tenant_id) as db:
        numbers = [row["number"] for row in await db.fetch("SELECT number FROM event ORDER BY number")]
        change_sets = await db.fetch("SELECT number, last FROM change_set ORDER BY number")
        last = await db.fetchval("SELECT last FROM event_counter")
    return numbers, [(row["number"], row["last"]) for row in change_sets], last


async def everything():
    """How many events there are in the order across tenants, by tenant, as a reader finds them."""
    cursor, found = None, {}
    while True:
        page = json.loads((await read_feed(cursor, limit=1000, now=datetime.now(UTC))).body)
        for event in page["items"]:
            found.setdefault(event["tenant_id"], []).append(event["number"])
        cursor = page["next"]
        if cursor == page["last"]:
            return found


@hypothesis_settings(max_examples=20)
@given(
    ages=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), min_size=1, max_size=8),
    border=st.integers(0, 10),
    limit=st.integers(1, 5),
)
async def test_the_newest_events_are_kept_without_a_gap_whatever_the_times(
    ages, border, limit, new_directory
):
    """Times need not be in the order of the numbers: a push is dated when it came in."""
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    tenant_id = await directory.tenant_id()
    await forget(datetime.now(UTC) + timedelta(seconds=1))
    [*_], _, first = await kept(tenant_id)
    ends, number = [], first
    for age, events in ages:
        await tell(tenant_id, LONG_AGO + timedelta(seconds=age), events=events)
        number += events
        ends.append(number)
    await forget(LONG_AGO + timedelta(seconds=border), limit=limit)
    old = [end for end, (age, _) in zip(ends, ages, strict=True) if age < border]
    gone = max(old, default=first)
    numbers, change_sets, last = await kept(tenant_id)
    assert numbers == list(range(gone + 1, number + 1))
    assert [number for _, number in change_sets] == [end for end in ends if end > gone]
    assert last == number


async def test_whoever_is_behind_is_told_and_whoever_is_not_goes_on(tenant_id):
    await tell(tenant_id, LONG_AGO)
    _, _, gone = await kept(tenant_id)
    await tell(tenant_id, datetime.now(UTC), events=2)
    await forget(LONG_AGO + timedelta(seconds=1))
    for after in (0, gone - 1):
        with pytest.raises(EventsRemoved):
            await read_events(tenant_id, after=after, limit=10)
    for after, found in ((gone, 2), (gone + 1, 1), (gone + 2, 0)):
        assert (await read_events(tenant_id, after=after, limit=10)).found == found


async def test_events_within_their_time_stay_in_both_logs(tenant_id):
    # The common order is read from after the newest place with a gap; those that other tests' old events
    # leave behind come before ours.
    await feed_events(now=datetime.now(UTC))
    await forget(datetime.now(UTC) - timedelta(days=1))
    for _ in range(3):
        await tell(tenant_id, datetime.now(UTC))
        await feed_events(now=datetime.now(UTC))
    before, found = await kept(tenant_id), await everything()
    await forget(datetime.now(UTC) - timedelta(days=1))
    assert await kept(tenant_id) == before
    assert await everything() == found


async def test_whoever_begins_is_not_told_that_something_has_gone_when_it_goes_meanwhile(
    tenant_id, monkeypatch
):
    places = feed_pages._next_parts

    async def forget_first(*args, **others):
        # A task of its own: the reader's transaction is not to be part of it.
        await asyncio.create_task(forget(datetime.now(UTC)), context=contextvars.Context())
        return await places(*args, **others)

    async def begin():
        page = json.loads((await read_feed(None, limit=1000, now=datetime.now(UTC))).body)
        return {event["tenant_id"] for event in page["items"]}

    # What other tests have left would fill the first page.
    await feed_events(now=datetime.now(UTC))
    await forget(datetime(9000, 1, 1, tzinfo=UTC))
    await tell(tenant_id, LONG_AGO)
    monkeypatch.setattr(feed_pages, "_next_parts", forget_first)
    assert str(tenant_id) in await begin()
    monkeypatch.undo()
    assert str(tenant_id) not in await begin()


async def test_the_order_across_tenants_is_shortened_from_its_old_end_only(new_directory):
    tenants = []
    for _ in range(3):
        directory = new_directory()
        await directory.deliver(Message("bind", 0, 0, "one"))
        tenants.append(await directory.tenant_id())
    # Whatever other tests have left, however far ahead their clocks were.
    await forget(datetime(9000, 1, 1, tzinfo=UTC))
    old, new = LONG_AGO, datetime.now(UTC) + timedelta(days=1)
    for tenant_id, at in (*((tenant_id, old) for tenant_id in tenants), (tenants[1], new), (tenants[0], old)):
        await tell(tenant_id, at)
        await feed_events(now=at)
    async with system_scope() as db:
        before = [row["position"] for row in await db.fetch("SELECT position FROM feed ORDER BY position")]
    await forget(LONG_AGO + timedelta(seconds=1))
    async with system_scope() as db:
        after = [row["position"] for row in await db.fetch("SELECT position FROM feed ORDER BY position")]
    assert after == before[-2:]
    # A new reader begins where nothing is missing any more.
    assert await everything() == {}
    await tell(tenants[2], new)
    assert {tenant: len(numbers) for tenant, numbers in (await everything()).items()} == {str(tenants[2]): 1}
    await forget(new + timedelta(seconds=1))
    async with system_scope() as db:
        assert await db.fetchval("SELECT count(*) FROM feed WHERE position > $1", before[-1]) == 1
        assert await db.fetchval("SELECT count(*) FROM feed") == 1


async def test_an_act_and_a_push_are_still_known_when_what_they_changed_is_not(tenant_id):
    act_id = await tell(tenant_id, LONG_AGO, events=3)
    push = (await list_pushes(tenant_id, cursor=None, limit=1)).items[0]
    assert (await list_changes(tenant_id, act_id, cursor=None, limit=10)).items
    await forget(datetime.now(UTC) + timedelta(seconds=1))
    assert (await list_changes(tenant_id, act_id, cursor=None, limit=10)).items == []
    shown = await read_push(tenant_id, push.id)
    assert (shown.counts, shown.changes.items) == (push.counts, [])
    assert push.counts
