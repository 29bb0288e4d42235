"""Assertions are remembered in a real Valkey for as long as they are valid."""

from datetime import timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sso.errors import SessionsUnavailable
from sso.replays import AssertionReplays


@pytest.fixture
async def redis(settings):
    async with Redis.from_url(settings.redis_url) as client:
        yield client


@pytest.fixture
def client_id():
    return f"app-{uuid4().hex}"


async def test_an_assertion_is_new_once_for_each_client(redis, client_id, clock):
    replays, until = AssertionReplays(redis, clock), clock() + timedelta(minutes=5)
    assert await replays.is_new_jti(client_id, "1", until)
    assert not await replays.is_new_jti(client_id, "1", until)
    assert await replays.is_new_jti(client_id, "2", until)
    assert await replays.is_new_jti(f"{client_id}-other", "1", until)
    assert await replays.is_new_jti(client_id, "\ud800", until)


async def test_an_assertion_is_remembered_until_it_is_not_valid_any_more(redis, client_id, clock):
    clock.freeze(clock() - timedelta(days=100))
    before = {*await redis.keys("tenon:assertion:*")}
    await AssertionReplays(redis, clock).is_new_jti(client_id, "1", clock() + timedelta(seconds=400))
    [name] = {*await redis.keys("tenon:assertion:*")} - before
    assert 399 <= await redis.ttl(name) <= 401
    assert client_id.encode() not in name


async def test_without_redis_nobody_can_tell(client_id, clock):
    async with Redis.from_url(
        "redis://127.0.0.1:1", socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0)
    ) as nobody:
        with pytest.raises(SessionsUnavailable):
            await AssertionReplays(nobody, clock).is_new_jti(client_id, "1", clock())
