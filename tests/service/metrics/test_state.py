"""What waits is shown as it is, and nothing at all where it could not be read."""

import asyncio
import contextlib
from datetime import timedelta

import asyncpg
import pytest

from service.metrics import state
from service.metrics.exposition import GAUGES
from service.metrics.state import StateReader
from tenancy.database import DB, system_scope, tenant_scope
from tenancy.feed import feed_events
from tests.pools import pool_put_aside
from tests.service.metrics.scraping import scrape
from tests.service.telling import end_all, signed_in_at
from tests.service.webhooks.deliveries import new_tenant, write_events
from tests.tenancy.locks import held
from tests.tenancy.pushing import buy

# What is left out when the database cannot be read.
READ = {
    name
    for name in GAUGES
    if name.split("_")[1] not in {"redis", "worker"} and not name.startswith("tenon_database")
}
NOBODY = "postgresql://nobody:x@127.0.0.1:1/nothing"


def later(clock, seconds):
    clock.freeze(clock() + timedelta(seconds=seconds))


@pytest.fixture
def frozen(clock):
    clock.freeze(clock().replace(microsecond=0))
    return clock


async def test_when_nothing_waits_all_is_zero(http, fresh, nothing_waits):
    shown = await scrape(http)
    assert {name for name, _ in shown.samples} >= READ
    for name in READ - {"tenon_webhook_endpoints", "tenon_held_syncs", "tenon_held_sync_oldest_seconds"}:
        assert shown.value(name) == 0.0, name
    assert (shown.value("tenon_database_up"), shown.value("tenon_redis_up")) == (1.0, 1.0)


async def test_a_held_list_is_shown_until_somebody_decides(http, fresh, office, frozen):
    before = await scrape(http)
    later(frozen, 1)
    assert (await office.enterprise.departments([])).code == "000000"
    later(frozen, 100)
    shown = await scrape(http)
    assert shown.risen(before, "tenon_held_syncs") == {(): 1}
    assert shown.value("tenon_held_sync_oldest_seconds") >= 100
    [review] = (await office.get("/reviews", state="held"))["items"]
    assert (await office.ask("POST", f"/pushes/{review['push_id']}/reject")).status_code == 200
    assert (await scrape(http)).risen(before, "tenon_held_syncs") == {}


async def test_events_without_a_place_in_the_feed_are_as_late_as_the_first_of_them(
    http, fresh, nothing_waits, frozen
):
    tenants = [await new_tenant(frozen) for _ in range(2)]
    await write_events(tenants[0], 3, frozen)
    await feed_events(now=frozen())
    later(frozen, 1000)
    await write_events(tenants[0], 3, frozen)
    later(frozen, 20)
    await write_events(tenants[0], 1, frozen)
    await write_events(tenants[1], 1, frozen)
    later(frozen, 10)
    shown = await scrape(http)
    assert (shown.value("tenon_events_unfed"), shown.value("tenon_event_lag_seconds")) == (2, 30)
    await feed_events(now=frozen())
    shown = await scrape(http)
    assert (shown.value("tenon_events_unfed"), shown.value("tenon_event_lag_seconds")) == (0, 0)


async def test_streams_of_enabled_endpoints_are_shown_from_when_they_are_due(
    http, fresh, nothing_waits, endpoints, frozen
):
    tenants = [await new_tenant(frozen) for _ in range(2)]
    url = "https://hooks.example.com/in"
    made = [await endpoints.make(url, tenants=tenants), await endpoints.make(url, tenants=tenants)]
    for tenant in tenants:
        await write_events(tenant, 1, frozen)
        await feed_events(now=frozen())
        later(frozen, 60)
    shown = await scrape(http)
    assert shown.value("tenon_webhook_streams_due") == 4
    assert shown.value("tenon_webhook_lag_seconds") == 120
    assert shown.value("tenon_webhook_endpoints", state="healthy") == 2
    await endpoints.change(made[0], enabled=False)
    async with system_scope() as db:
        await db.execute("UPDATE endpoint SET failures = 5 WHERE enabled")
    shown = await scrape(http)
    assert shown.value("tenon_webhook_streams_due") == 2
    states = ("healthy", "failing", "disabled")
    assert [shown.value("tenon_webhook_endpoints", state=state) for state in states] == [0, 1, 1]


async def test_logouts_and_parts_of_clients_are_shown(
    http, fresh, nothing_waits, app, api, product, office, runtime, frozen
):
    await signed_in_at("https://crm.example.com/out", app, api, http, product, office, runtime)
    assert (await scrape(http)).value("tenon_client_sessions") == 1
    await end_all(office)
    later(frozen, 7)
    shown = await scrape(http)
    assert (shown.value("tenon_logouts_due"), shown.value("tenon_logout_lag_seconds")) == (1, 7)
    assert shown.value("tenon_client_sessions") == 0


async def test_sessions_that_have_run_out_are_not_counted(
    http, fresh, nothing_waits, app, api, product, office, runtime, frozen
):
    await signed_in_at("https://crm.example.com/out", app, api, http, product, office, runtime)
    later(frozen, 13 * 3600)
    assert (await scrape(http)).value("tenon_client_sessions") == 0


async def test_orders_to_be_asked_for_are_shown(http, fresh, nothing_waits, runtime, product, frozen):
    await buy(product, runtime, ask_for_order=True)
    later(frozen, 42)
    shown = await scrape(http)
    assert (shown.value("tenon_order_queries_due"), shown.value("tenon_order_query_lag_seconds")) == (1, 42)


async def test_waiting_for_the_lock_of_a_tenant_is_timed_and_other_scopes_are_not(http, clock):
    tenant = await new_tenant(clock)
    before = await scrape(http)
    async with tenant_scope(tenant):
        pass
    async with system_scope():
        pass
    async with held(tenant):
        waiting = asyncio.create_task(write_events(tenant, 1, clock))
        await asyncio.sleep(0.1)
    await waiting
    after = await scrape(http)
    assert after.risen(before, "tenon_tenant_lock_seconds_count") == {(): 2}
    assert 0.09 < after.risen(before, "tenon_tenant_lock_seconds_sum")[()] < 5


async def test_use_of_the_pool_and_waiting_for_it_are_shown(http, fresh, settings):
    may_end = asyncio.Event()
    # One is left for the scrape itself.
    busy = [asyncio.Event() for _ in range(settings.database_pool - 1)]

    async def use(begun):
        async with system_scope():
            begun.set()
            await may_end.wait()

    async with asyncio.TaskGroup() as group:
        for begun in busy:
            group.create_task(use(begun))
        for begun in busy:
            await begun.wait()
        shown = await scrape(http)
        may_end.set()
    assert shown.value("tenon_database_connections", state="busy") == settings.database_pool - 1
    assert shown.value("tenon_database_connections_limit") == settings.database_pool
    assert (await scrape(http)).value("tenon_database_connections", state="busy") == 0
    assert shown.value("tenon_database_wait_seconds_count") >= settings.database_pool


async def test_a_database_that_is_away_leaves_out_what_it_would_say(http, fresh):
    before = await scrape(http)
    async with pool_put_aside():
        DB.config = {"dsn": NOBODY}
        shown = await scrape(http)
    assert shown.value("tenon_database_up") == 0.0
    assert shown.value("tenon_redis_up") == 1.0
    assert {name for name, _ in shown.samples} & READ == set()
    assert shown.risen(before, "tenon_scrape_failures_total") == {(): 1}
    assert shown.value("tenon_pushes_total") is None or shown.series() >= before.series("tenon_pushes")
    assert (await scrape(http)).value("tenon_database_up") == 1.0


async def test_a_database_that_falls_silent_is_not_waited_for(http, set_runtime, clock, runtime):
    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()

    async def away():
        return False

    set_runtime(metrics=StateReader(clock, away, kept_seconds=0.0, time_limit=0.2))
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server, pool_put_aside():
        port = server.sockets[0].getsockname()[1]
        DB.config = {"dsn": f"postgresql://nobody:x@127.0.0.1:{port}/nothing", "ssl": False}
        async with asyncio.timeout(5):
            shown = await scrape(http)
    assert (shown.value("tenon_database_up"), shown.value("tenon_redis_up")) == (0.0, 0.0)


async def test_counting_that_takes_too_long_is_left_out_of_a_database_that_is_up(
    http, set_runtime, settings, clock, runtime
):
    set_runtime(metrics=StateReader(clock, runtime.health.reach_redis, kept_seconds=0.0, time_limit=0.5))
    owner = await asyncpg.connect(settings.migration_database_url)
    async with owner.transaction():
        await owner.execute("LOCK TABLE held_push IN ACCESS EXCLUSIVE MODE")
        shown = await scrape(http)
    await owner.close()
    assert shown.value("tenon_database_up") == 1.0
    assert {name for name, _ in shown.samples} & READ == set()


class Reads:
    """Stands for reading the database: each time waits until it is let go, and cannot be cancelled."""

    def __init__(self):
        self.count = 0
        self.may_end = asyncio.Event()

    async def __call__(self, *, now, time_limit):
        self.count += 1
        with contextlib.suppress(asyncio.CancelledError):
            await self.may_end.wait()
        await self.may_end.wait()


@pytest.fixture
def reads(monkeypatch):
    reads = Reads()
    monkeypatch.setattr(state, "read_backlog", reads)
    return reads


async def there():
    return True


async def test_scrapes_at_the_same_time_look_once_and_so_do_those_shortly_after(clock, reads):
    reader = StateReader(clock, there)
    asked = [asyncio.create_task(reader.read()) for _ in range(5)]
    await asyncio.sleep(0)
    asked[0].cancel()
    reads.may_end.set()
    found = await asyncio.gather(*asked[1:])
    assert found == [found[0]] * 4
    assert await reader.read() is found[0]
    assert reads.count == 1


async def test_a_look_that_was_given_up_is_not_joined_by_a_second_one_at_the_database(clock, reads):
    reader = StateReader(clock, there, kept_seconds=0.0, time_limit=0.02)
    assert not (await reader.read()).is_database_up
    assert not (await reader.read()).is_database_up
    assert reads.count == 1
    reads.may_end.set()
    await reader._reading
    await reader.read()
    assert reads.count == 2


async def test_a_fault_of_ours_fails_the_look_and_not_the_scrape(clock, monkeypatch):
    async def broken(**values):
        raise ZeroDivisionError

    monkeypatch.setattr(state, "read_backlog", broken)
    found = await StateReader(clock, there).read()
    assert (found.is_database_up, found.is_redis_up, found.backlog) == (False, True, None)
