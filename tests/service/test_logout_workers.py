"""Several workers, and what becomes of duties when one of them stops, is killed or cannot reach Redis."""

import asyncio
import os
import signal
import sys
from datetime import timedelta

import pytest

from service.logouts import Bounds, Telling
from service.serve import serving_environment
from sso.errors import SessionsUnavailable
from tests.receivers import answer, hang, open_receiver
from tests.repository import ROOT
from tests.service.oauth2.relying import Relying, sign_in
from tests.service.telling import (
    begin_following,
    end_all,
    everything_told,
    receipts,
    signed_in_at,
    tell_due,
    telling,
)
from tests.service.webhooks.senders import opened


@pytest.fixture
async def receiver():
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture
async def signed_in(app, api, http, product, office, runtime, receiver):
    return await signed_in_at(receiver.url, app, api, http, product, office, runtime)


async def test_two_workers_tell_each_client_once(app, api, http, product, office, runtime, receiver):
    await office.authorise("ann")
    await begin_following(runtime)
    relying = await Relying.register(api, http, product, backchannel_logout_uri=receiver.url)
    for _ in range(30):
        await relying.tokens(await sign_in(app, office, "ann"))
    async with telling(runtime), telling(runtime):
        await office.authorise("ann", flag=3)
        await receiver.wait_for(30)
        await everything_told()
    assert receiver.count == 30
    assert {receipt["attempts"] for receipt in await receipts(office)} == {1}


async def test_what_a_killed_worker_held_is_told_when_its_lease_is_over(
    office, runtime, clock, receiver, signed_in
):
    clock.freeze(clock())
    await end_all(office)
    receiver.plan = hang()
    async with opened() as sender:
        worker = Telling(runtime, sender, Bounds())
        await worker._begin()
        await receiver.wait_for(1)
        for task in worker._tasks:
            task.cancel()
    receiver.plan = answer()
    await tell_due(runtime)
    assert receiver.count == 1
    clock.freeze(clock() + timedelta(seconds=60))
    await tell_due(runtime)
    assert receiver.count == 2
    [receipt] = await receipts(office)
    assert receipt["acknowledged_at"] is not None


async def test_a_worker_that_stops_leaves_the_rest_to_others_at_once(
    office, runtime, clock, receiver, signed_in
):
    await end_all(office)
    receiver.plan = hang()
    async with telling(runtime, drain=0.0):
        await receiver.wait_for(1)
    receiver.plan = answer()
    await tell_due(runtime)
    [receipt] = await receipts(office)
    assert (receipt["attempts"], receipt["status"]) == (1, 200)


async def test_who_was_killed_before_redis_was_reached_leaves_nothing_alive(
    app, api, http, product, office, runtime, receiver, monkeypatch
):
    await office.authorise("ann")
    await begin_following(runtime)
    relying = await Relying.register(api, http, product, backchannel_logout_uri=receiver.url)
    tokens = await relying.tokens(await sign_in(app, office, "ann"))
    [session] = await office.everything("/sessions")

    async def be_killed(tenant_id, sessions):
        raise SessionsUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(runtime.sessions, "forget", be_killed)
        answered = await office.ask("DELETE", f"/sessions/{session['id']}")
        assert answered.status_code == 503
        assert len(await office.everything("/sessions")) == 1
        await tell_due(runtime)
        assert receiver.count == 0
    async with telling(runtime):
        await everything_told()
    assert receiver.count == 1
    assert await office.everything("/sessions") == []
    assert await relying.introspect(tokens["refresh_token"]) == {"active": False}
    [receipt] = await receipts(office)
    assert (receipt["attempts"], receipt["reason"]) == (1, "ended_by_admin")


async def test_a_worker_killed_between_the_commit_and_redis_leaves_nothing_alive(
    office, runtime, receiver, signed_in, monkeypatch
):
    await office.authorise("ann", flag=3)
    forget = runtime.sessions.forget

    async def be_killed(tenant_id, sessions):
        monkeypatch.setattr(runtime.sessions, "forget", forget)
        raise SessionsUnavailable

    monkeypatch.setattr(runtime.sessions, "forget", be_killed)
    async with telling(runtime):
        await receiver.wait_for(1)
        await everything_told()
    assert await office.everything("/sessions") == []


async def test_work_tells_clients_too(migrated, servers, office, receiver, signed_in, runtime):
    environ = serving_environment(runtime.settings)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service",
        "work",
        cwd=ROOT,
        env={**os.environ, **environ, "TENON_SIGN_IN_HTTP": "on", "TENON_SIGN_IN_PRIVATE": "on"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await end_all(office)
        await receiver.wait_until(lambda: receiver.count, limit=30)
        await everything_told()
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    [receipt] = await receipts(office)
    assert receipt["status"] == 200
