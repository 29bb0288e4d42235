"""Clients are remembered for two seconds at the most, and strange names not at all."""

import asyncio
from uuid import uuid4

import pytest

from sso import client_cache
from sso.client_cache import ClientCache
from sso.client_changes import add_secret, put_client, remove_client
from sso.client_secrets import digest_secret
from sso.clients import ClientSettings
from tenancy.acts import Act

SETTINGS = ClientSettings(name="App", redirect_uris=("https://app.example/callback",))


@pytest.fixture
def act(clock):
    return lambda: Act(actor="operator:test", at=clock())


@pytest.fixture
async def client_id(product, act):
    made = await put_client(f"app-{uuid4().hex}", product, SETTINGS, secret="first", act=act())
    return made.client_id


@pytest.fixture
def seconds(monkeypatch):
    """The time that the cache goes by; a test moves it on."""
    passed = [0.0]
    monkeypatch.setattr(client_cache.time, "monotonic", lambda: passed[0])
    return passed


async def test_a_removed_secret_or_client_is_known_two_seconds_later(client_id, act, seconds):
    cache = ClientCache()
    before = await cache.find(client_id)
    await add_secret(client_id, secret="second", act=act())
    seconds[0] = 1.9
    assert await cache.find(client_id) is before
    seconds[0] = 2.0
    assert (await cache.find(client_id)).secrets == (digest_secret("second"), digest_secret("first"))
    await remove_client(client_id, act=act())
    seconds[0] = 4.0
    assert await cache.find(client_id) is None


async def test_a_client_that_was_changed_here_is_read_anew(client_id, act, seconds):
    cache = ClientCache()
    await cache.find(client_id)
    await remove_client(client_id, act=act())
    cache.forget(client_id)
    assert await cache.find(client_id) is None


async def test_that_there_is_none_is_remembered_and_names_that_cannot_be_are_not(seconds, monkeypatch):
    asked = []

    async def find(client_id):
        asked.append(client_id)

    monkeypatch.setattr(client_cache, "find_client", find)
    cache = ClientCache()
    for name in ("nobody", "nobody", "", ".", "..", "a/b", "ä", "x\0", "x" * 65, "\ud800", "x\n"):
        assert await cache.find(name) is None
    assert asked == ["nobody"]


async def test_the_cache_is_bounded(seconds, monkeypatch):
    async def find(client_id):
        await asyncio.sleep(0)
        return client_id

    monkeypatch.setattr(client_cache, "find_client", find)
    cache = ClientCache()
    for number in range(client_cache._MOST + 10):
        await cache.find(f"c-{number}")
    assert len(cache._entries) == client_cache._MOST
