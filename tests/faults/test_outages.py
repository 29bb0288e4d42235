"""Valkey and PostgreSQL go away under load and come back; the service stays."""

import asyncio
import os
import secrets
import signal
import time
from contextlib import asynccontextmanager

import asyncpg
import pytest

from service.koogallery.nonces import NonceStore
from service.local_process import _list_processes
from service.redis_clients import make_redis
from tests.faults.processes import eventually

pytestmark = pytest.mark.xdist_group("faults")

CALLERS = 4


class Load:
    """Callers that push one department after another until the block is left."""

    def __init__(self, enterprise):
        self.enterprise = enterprise
        self.answers = []  # (when it came, how long it took, result code)

    @asynccontextmanager
    async def running(self):
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for caller in range(CALLERS):
                group.create_task(self._call(caller, stopped))
            try:
                yield self
            finally:
                stopped.set()

    async def _call(self, caller, stopped):
        number = 0
        while not stopped.is_set():
            number += 1
            started = time.perf_counter()
            answer = await self.enterprise.department(f"D{caller}-{number}")
            ended = time.perf_counter()
            assert answer.response.status_code == 200
            self.answers.append((ended, ended - started, answer.code))
            await asyncio.sleep(0.01)

    def codes(self):
        return {code for _, _, code in self.answers}

    async def more(self, count, code):
        """Wait until so many more pushes were answered with the code."""

        def have():
            return sum(one == code for _, _, one in self.answers)

        wanted = have() + count

        async def enough():
            return have() >= wanted

        await eventually(enough, f"{count} more answers {code}; came {self.codes()}")


async def replay(marketplace, enterprise):
    """Send one signed call twice; the two result codes."""
    nonce, stamp = secrets.token_hex(8), marketplace.stamp()
    body = {
        "instanceId": enterprise.instance,
        "tenantId": enterprise.tenant,
        "flag": 1,
        "orgCode": "R",
        "orgName": "Replayed",
        "timeStamp": marketplace.time(),
    }
    answers = [await marketplace.kit("singleOrgSync", body, nonce=nonce, timestamp=stamp) for _ in range(2)]
    return [answer.code for answer in answers]


async def unchecked(client):
    return (await client.get("/health/ready")).json()["unchecked_nonces"]


@pytest.mark.parametrize("way", ["killed", "frozen"])
async def test_pushes_go_on_while_valkey_is_away(own_servers, server, client, far_marketplace, way):
    enterprise = await far_marketplace.open_enterprise()
    assert await replay(far_marketplace, enterprise) == ["000000", "000001"]
    assert await unchecked(client) == 0
    valkey = own_servers.valkey
    async with Load(enterprise).running() as load:
        await load.more(20, "000000")
        if way == "killed":
            valkey.kill()
        else:
            pid = valkey._find_process()
            os.kill(pid, signal.SIGSTOP)
        try:
            # Longer than the pause after which the store is tried again, so that several tries fail.
            away = time.perf_counter()
            while time.perf_counter() < away + 2.5:
                await load.more(20, "000000")
            assert await replay(far_marketplace, enterprise) == ["000000", "000000"]
            gaps = await unchecked(client)
            assert gaps > 0
        finally:
            if way == "killed":
                valkey.start()
            else:
                os.kill(pid, signal.SIGCONT)

        async def protected():
            return (await replay(far_marketplace, enterprise))[1] == "000001"

        await eventually(protected, "replay protection", patience=5)
        counted = await unchecked(client)
        await load.more(20, "000000")
        assert await unchecked(client) == counted
    assert load.codes() == {"000000"}
    assert max(duration for _, duration, _ in load.answers) < 1
    warnings = [event for event in server.events() if event["event"] == "nonce_store_away"]
    assert warnings
    assert all(event["level"] == "warning" for event in warnings)
    assert warnings[-1]["gaps"] <= counted
    assert not [event for event in server.events() if event["level"] == "error"]


async def test_one_pause_after_the_return_of_valkey_every_nonce_is_checked(own_servers):
    async with make_redis(own_servers.redis_url, seconds=0.25) as redis:
        store = NonceStore(redis)

        async def spend(nonces):
            """All at once, so that each needs a connection of its own."""
            return await asyncio.gather(*(store.spend("p", "key", nonce) for nonce in nonces))

        async def is_checked():
            before = store.gaps
            await store.spend("p", "key", secrets.token_hex(8))
            return store.gaps == before

        await spend([secrets.token_hex(8) for _ in range(8)])
        assert store.gaps == 0
        own_servers.valkey.kill()
        own_servers.valkey.start()
        assert not await is_checked()
        await eventually(is_checked, "a nonce checked again", patience=5)
        gaps = store.gaps
        nonces = [secrets.token_hex(8) for _ in range(8)]
        assert await spend(nonces) == [True] * 8
        assert await spend(nonces) == [False] * 8
        assert store.gaps == gaps


@pytest.mark.parametrize("way", ["stopped", "killed"])
async def test_the_service_survives_a_restart_of_postgresql(
    own_servers, server, client, far_marketplace, way
):
    enterprise = await far_marketplace.open_enterprise()
    postgres = own_servers.postgres
    async with Load(enterprise).running() as load:
        await load.more(20, "000000")
        if way == "stopped":
            await asyncio.to_thread(postgres.stop)
        else:
            postgres.kill()
        try:
            await load.more(10, "000005")
            # What health found is kept for a second.
            async with asyncio.timeout(3):
                while (health := await client.get("/health/ready")).status_code == 200:  # noqa: ASYNC110 - only asking tells
                    await asyncio.sleep(0.05)
            assert (health.status_code, health.json()["database"]) == (503, False)
            listed = await client.get("/v1/tenants")
            assert (listed.status_code, listed.json()["code"]) == (503, "database_unavailable")
            assert listed.headers["retry-after"]
        finally:
            await asyncio.to_thread(postgres.start)
        await server.wait_until_ready()
        back = time.perf_counter()
        await load.more(50, "000000")
    assert load.codes() == {"000000", "000005"}
    # What was asked before the server was back may still fail; what was asked after it may not.
    late = [code for ended, duration, code in load.answers if ended - duration > back]
    assert set(late) == {"000000"}
    assert not [event for event in server.events() if event["event"] == "unexpected_error"]
    await assert_pool_is_whole(own_servers, client)


async def test_a_silent_postgresql_makes_no_queue(own_servers, server, client, far_marketplace):
    enterprise = await far_marketplace.open_enterprise()
    family = processes_of(own_servers.postgres)
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        # As many as the pool has connections wait for it; the others are told within 15 s.
        pushes = [asyncio.create_task(enterprise.department(f"D{number}")) for number in range(12)]

        async def are_told():
            return sum(push.done() for push in pushes) >= len(pushes) - 4

        await eventually(are_told, "an answer to most pushes", patience=15)
        assert {push.result().code for push in pushes if push.done()} == {"000005"}
    finally:
        for pid in reversed(family):
            os.kill(pid, signal.SIGCONT)
    answers = await asyncio.wait_for(asyncio.gather(*pushes), 30)
    assert {answer.code for answer in answers} <= {"000000", "000005"}
    await server.wait_until_ready()
    await assert_pool_is_whole(own_servers, client)


def processes_of(postgres):
    """The postmaster first, then its children."""
    postmaster = postgres._find_postmaster()
    return [postmaster, *(pid for pid, parent, _ in _list_processes() if parent == postmaster)]


async def assert_pool_is_whole(servers, client):
    """As many requests at once as there are connections, and many more, are answered; none is leaked."""
    answers = await asyncio.gather(*(client.get("/v1/tenants") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    connection = await asyncpg.connect(servers.postgres.superuser_url, timeout=10)
    try:
        rows = await connection.fetch(
            "SELECT state FROM pg_stat_activity WHERE application_name = 'tenon' AND usename = 'tenon_app'"
        )
    finally:
        await connection.close()
    assert 1 <= len(rows) <= 4
    assert {row["state"] for row in rows} == {"idle"}
