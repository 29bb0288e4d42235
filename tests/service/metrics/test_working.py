"""What the worker does is counted, and each of its loops says that it turns."""

import asyncio
import contextlib
import itertools
import time

import httpx2
import pytest

from service.koogallery.orders import OrderAnswer
from service.metrics import heartbeats
from service.metrics.heartbeats import Heart, last_beats, oldest_beat
from service.worker import ask_for_order, run_worker
from tenancy.database import DB
from tests.faults.processes import Server
from tests.faults.processes import eventually as has_come
from tests.pools import pool_put_aside
from tests.ports import free_port
from tests.receivers import answer, in_turn, open_receiver, reset
from tests.service.metrics.scraping import scrape
from tests.service.telling import end_all, signed_in_at, tell_due
from tests.service.webhooks.deliveries import deliver_due, new_tenant, open_delivery, write_events
from tests.tenancy.pushing import buy

OUTCOMES = in_turn(answer(), answer(500), reset())


async def eventually(check):
    """Wait until the check holds."""
    async with asyncio.timeout(10):
        for pause in itertools.repeat(0.01):
            if check():
                return
            await asyncio.sleep(pause)


@pytest.fixture(autouse=True)
def no_beats(monkeypatch):
    monkeypatch.setattr(heartbeats, "_beats", {})


async def test_attempts_of_webhooks_are_counted_by_what_the_receiver_made_of_them(
    http, nothing_waits, endpoints, clock, app
):
    before = await scrape(http)
    async with open_receiver(OUTCOMES) as receiver, open_delivery(app.state.runtime) as delivery:
        for _ in range(3):
            tenant = await new_tenant(clock)
            await endpoints.make(receiver.url, tenants=[tenant])
            await write_events(tenant, 1, clock)
            await deliver_due(delivery, clock)
    after = await scrape(http)
    assert after.risen(before, "tenon_webhook_attempts_total") == {
        ("accepted",): 1,
        ("refused",): 1,
        ("unreachable",): 1,
    }
    assert after.risen(before, "tenon_webhook_attempt_seconds_count") == {(): 3}


async def test_attempts_to_tell_clients_of_a_logout_are_counted(
    http, nothing_waits, app, api, product, office, runtime, clock
):
    clock.freeze(clock())
    async with open_receiver(in_turn(answer(500), answer())) as receiver:
        await signed_in_at(receiver.url, app, api, http, product, office, runtime)
        before = await scrape(http)
        await end_all(office)
        for seconds in (0, 2):
            clock.freeze(clock.frozen.fromtimestamp(clock.frozen.timestamp() + seconds, clock.frozen.tzinfo))
            await tell_due(runtime)
    risen = (await scrape(http)).risen(before, "tenon_logout_attempts_total")
    assert risen == {("refused",): 1, ("accepted",): 1}


async def test_orders_that_were_asked_for_are_counted(
    http, nothing_waits, runtime, product, api, private_key, monkeypatch
):
    async def query(*values, **options):
        return OrderAnswer(details={}, expires_at=None)

    monkeypatch.setattr("service.worker.query_order", query)
    before = await scrape(http)
    await buy(product, runtime, ask_for_order=True)
    assert await ask_for_order(runtime, None)
    keys = {"order_access_key": "a", "order_secret_key": "s"}
    await api.put(f"/v1/products/{product}", json={"name": "X", "rsa_private_keys": [private_key], **keys})
    await buy(product, runtime, ask_for_order=True)
    assert await ask_for_order(runtime, None)
    risen = (await scrape(http)).risen(before, "tenon_order_queries_total")
    assert risen == {("failed",): 1, ("answered",): 1}


async def test_every_loop_of_a_worker_beats_until_it_is_told_to_stop(http, runtime):
    assert oldest_beat() is None
    began = time.time()
    async with run_worker(runtime):
        await eventually(lambda: len(heartbeats._beats) == 4)
        shown = await scrape(http)
        for loop in ("delivery", "departures", "settling"):
            assert shown.value("tenon_worker_heartbeat_timestamp_seconds", loop=loop) >= began - 1
        assert oldest_beat() < 5
    assert oldest_beat() is None
    assert not any("heartbeat" in name for name, _ in (await scrape(http)).samples)


async def test_an_outage_of_the_database_does_not_stop_the_beating(runtime):
    async with pool_put_aside():
        DB.config = {"dsn": "postgresql://nobody:x@127.0.0.1:1/nothing"}
        async with run_worker(runtime):
            await eventually(lambda: len(heartbeats._beats) == 4)
            first = dict(heartbeats._beats)
            await eventually(lambda: all(heartbeats._beats[part] > first[part] for part in first))


async def test_a_pass_that_waits_long_beats_in_between_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(heartbeats, "_APART_SECONDS", 0.01)
    with Heart("delivery", longest_pass=0.1):
        first = last_beats()["delivery"]
        await eventually(lambda: last_beats()["delivery"] > first)
        await eventually(lambda: oldest_beat() > 0.1)


async def test_a_loop_that_ended_by_an_error_is_missed_and_one_that_was_stopped_is_not():
    with pytest.raises(ZeroDivisionError), Heart("settling"):
        raise ZeroDivisionError
    with pytest.raises(asyncio.CancelledError), Heart("delivery"):
        raise asyncio.CancelledError
    assert last_beats().keys() == {"settling"}
    first = oldest_beat()
    await eventually(lambda: oldest_beat() > first)


def test_departures_are_as_old_as_the_older_of_their_two_loops(monkeypatch):
    monkeypatch.setattr(heartbeats, "_beats", {"following": (50.0, 150.0), "telling": (40.0, 140.0)})
    assert last_beats() == {"departures": 140.0}


async def test_a_process_whose_worker_is_silent_for_two_minutes_is_not_alive(http, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(heartbeats, "_beats", {"delivery": (now, 0.0), "settling": (now - 100, 0.0)})
    assert (await http.get("/health/live")).status_code == 200
    monkeypatch.setattr(heartbeats, "_beats", {"delivery": (now, 0.0), "settling": (now - 121, 0.0)})
    assert (await http.get("/health/live")).status_code == 503


async def test_a_worker_on_its_own_shows_its_heartbeats_and_its_health(servers, migrated, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    server = Server(servers, tmp_path, TENON_METRICS_BIND=address)
    async with (
        server.working() as process,
        httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as inside,
    ):

        async def beats():
            with contextlib.suppress(httpx2.TransportError):
                return "heartbeat_timestamp_seconds{" in (await inside.get("/metrics")).text
            return False

        await has_come(beats, f"heartbeats; log: {server.log_file.read_text()}")
        shown = await scrape(inside)
        assert shown.value("tenon_worker_heartbeat_timestamp_seconds", loop="departures") > time.time() - 60
        assert (await inside.get("/health/live")).status_code == 200
        process.terminate()
        assert await asyncio.to_thread(process.wait, 30) == 0
