"""A serving process is told to go: what it has accepted it answers, and who may come back it sends away."""

import asyncio
import contextlib
import json
import time

import pytest

from service import health_checks
from tests.faults.processes import PATIENCE, eventually
from tests.ports import free_port
from tests.receivers import answer, open_receiver, verified
from tests.rolling.facts import Facts
from tests.rolling.lines import connecting
from tests.rolling.load import loading
from tests.rolling.wire import read_head

pytestmark = pytest.mark.xdist_group("faults")

# Their snapshot is larger than what the kernel takes from a server whose client does not read.
DEPARTMENTS = 20_000

TENANTS = "SELECT id, external_id FROM tenant WHERE external_id = ANY($1)"
COUNTS = """SELECT count(*) FROM department d JOIN tenant t ON t.id = d.tenant_id
    WHERE t.external_id = ANY($1) GROUP BY t.id"""


async def exit_code(server):
    return await asyncio.to_thread(server.process.wait, PATIENCE)


async def refuses(server):
    with contextlib.suppress(ConnectionRefusedError):
        async with connecting(server.port):
            return False
    return True


async def drains(port):
    async with connecting(port) as line:
        line.ask("/health/ready")
        answer = await line.answer()
        return answer.status == 503 and json.loads(answer.body)["draining"]


def faults(server):
    """What a process that goes in order never writes."""
    lines = [line for line in server.log_file.read_text().splitlines() if not line.startswith("{")]
    failed = [event for event in server.events() if event["level"] in {"error", "critical"}]
    # That it is not ready any more is what it shall say.
    return lines + [event for event in failed if event.get("route") != "/health/ready"]


async def test_while_it_drains_a_process_serves_and_sends_everybody_elsewhere(start, prepare):
    server = await start(TENON_DRAIN_SECONDS="2")
    pushes = await prepare(server.address, enterprises=1)
    async with contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(connecting(server.port)) for _ in range(6)]
        idle, *asking = lines
        idle.ask("/health/ready")
        before = await idle.answer()
        assert (before.status, json.loads(before.body)["draining"], before.is_last) == (200, False, False)

        server.terminate()
        began = time.monotonic()
        ready, live, api, unknown, pushing = asking
        await eventually(lambda: drains(server.port), "draining")
        server.terminate()
        for line, path in (
            (ready, "/health/ready"),
            (live, "/health/live"),
            (api, "/v1/tenants"),
            (unknown, "/x"),
        ):
            line.ask(path)
        pushing.send(pushes.make(0))
        answers = [await line.answer() for line in asking]
        assert [answer.status for answer in answers] == [503, 200, 200, 404, 200]
        assert all(answer.is_last for answer in answers)
        told = json.loads(answers[0].body)
        assert (told["draining"], told["database"]) == (True, True)
        assert json.loads(answers[1].body) == {"status": "live"}
        assert json.loads(answers[4].body)["resultCode"] == "000000"
        for line in asking:
            await line.ended()
        assert not await refuses(server)

        await idle.ended()
        assert await exit_code(server) == 0
        assert 2 <= time.monotonic() - began < 10
    assert await refuses(server)
    assert faults(server) == []


async def test_who_asks_hears_at_once_that_a_process_goes_however_slow_the_database_is(
    http, runtime, monkeypatch
):
    looking = asyncio.Event()

    async def hang():
        looking.set()
        await asyncio.Event().wait()

    await http.get("/health/ready")
    monkeypatch.setattr(health_checks, "inspect_role", hang)
    monkeypatch.setattr(runtime.health.look, "_kept_until", 0.0)
    asking = asyncio.create_task(http.get("/health/ready"))
    await asyncio.wait_for(looking.wait(), 5)
    runtime.draining.is_under_way = True
    try:
        told = await asyncio.wait_for(http.get("/health/ready"), 1)
    finally:
        runtime.draining.is_under_way = False
        await asyncio.wait([asking])
    assert (told.status_code, told.json()["draining"], told.json()["database"]) == (503, True, True)
    assert told.headers["connection"] == "close"


@pytest.mark.parametrize("workers", [1, 2])
async def test_no_push_is_cut_off_when_a_process_goes_under_load(start, prepare, look, workers):
    server = await start(TENON_DRAIN_SECONDS="2", TENON_DATABASE_POOL="10", TENON_WORKERS=str(workers))
    pushes = await prepare(server.address)
    async with loading(server.port, pushes.make, 60) as load:
        await asyncio.sleep(0.5)
        server.terminate()
        # By then whoever distributes requests knows that this process takes no more.
        await asyncio.sleep(0.5)
    assert [outcome for outcome in load.outcomes if not outcome.is_success] == []
    assert await Facts(look, pushes).find_missing(load.outcomes) == []
    assert any(outcome.answer.is_last for outcome in load.outcomes)
    assert await exit_code(server) == 0
    assert faults(server) == []


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_under_way_is_finished_however_often_the_process_is_told_to_go(
    start, prepare, look, reach, workers
):
    # Several processes cannot share the second listener.
    watched = free_port() if workers == 1 else None
    more = {} if watched is None else {"TENON_METRICS_BIND": f"127.0.0.1:{watched}"}
    server = await start(TENON_WORKERS=str(workers), **more)
    pushes = await prepare(server.address, enterprises=3)
    client = await reach(server.address)
    tenants = [enterprise.tenant for enterprise in pushes.enterprises]
    found = {row["external_id"]: row["id"] for row in await look(TENANTS, tenants)}
    last = (await client.get(f"/v1/tenants/{found[tenants[2]]}/events")).json()["last"]
    async with contextlib.AsyncExitStack() as stack:
        waiting, pushing, idle = [await stack.enter_async_context(connecting(server.port)) for _ in range(3)]
        download = await stack.enter_async_context(connecting(server.port, window=4096))
        waiting.ask(f"/v1/tenants/{found[tenants[2]]}/events?after={last}&wait=60")
        idle.ask("/health/live")
        assert not (await idle.answer()).is_last
        pushing.send(pushes.make_large(DEPARTMENTS, 1))
        assert b'"000000"' in (await pushing.answer()).body
        download.ask(f"/v1/tenants/{found[tenants[1]]}/snapshot")
        _, headers = await asyncio.wait_for(read_head(download.reader), PATIENCE)
        await pushing.begin(pushes.make_large(DEPARTMENTS, 0))

        server.terminate()
        await eventually(lambda: refuses(server), "the end of listening")
        server.terminate()
        assert watched is None or await drains(watched)
        await idle.ended()
        assert json.loads((await waiting.answer()).body)["items"] == []
        assert b'"000000"' in (await pushing.answer()).body
        # Only the download is left, as slow as its reader.
        assert "/v1/tenants/{tenant_id}/snapshot" not in {event.get("route") for event in server.events()}
        body = await asyncio.wait_for(download.reader.read(), PATIENCE)
        assert len(body) == int(headers[b"content-length"])
        assert await exit_code(server) == 0
    assert [row["count"] for row in await look(COUNTS, tenants[:2])] == [DEPARTMENTS] * 2
    assert faults(server) == []


async def test_what_a_worker_is_telling_is_told_and_recorded_before_it_goes(start, prepare, reach):
    server = await start(TENON_WEBHOOK_HTTP="on", TENON_WEBHOOK_PRIVATE="on")
    client = await reach(server.address)
    async with open_receiver() as receiver, server.working() as worker:
        made = (await client.post("/v1/endpoints", json={"url": receiver.url})).json()
        receiver.plan = verified(made["secret"], answer(delay=1))
        pushes = await prepare(server.address, enterprises=1)
        tenant = pushes.enterprises[0].tenant

        def is_telling():
            return any(tenant.encode() in request.body for request in receiver.requests)

        await receiver.wait_until(is_telling, limit=PATIENCE)
        worker.terminate()
        # Two signals at once would be one.
        await asyncio.sleep(0.3)
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, PATIENCE) == 0
        told = receiver.count
        attempts = (await client.get(f"/v1/endpoints/{made['id']}/attempts")).json()["items"]
    assert [attempt["status"] for attempt in attempts] == [200] * told
    assert faults(server) == []
