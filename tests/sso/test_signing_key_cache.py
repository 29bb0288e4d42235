"""The signing keys as a process remembers them: known soon, read seldom and kept through an outage."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sso import signing_key_cache
from sso.signing_key_cache import SigningKeyCache, SigningKeyMissing, choose_signer
from sso.signing_keys import (
    ALGORITHMS,
    StoredSigningKey,
    ensure_signing_keys,
    list_signing_keys,
    rotate_signing_keys,
)
from tenancy.errors import DatabaseUnavailable
from tests.sso.key_rows import NOW, act, write


class Ticks:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def cache(keyring, ticks):
    return SigningKeyCache(keyring, ticks=ticks)


@pytest.fixture
def readings(monkeypatch):
    """How often the database was asked; with `away` set it does not answer."""

    class Readings:
        count = 0
        away = False

    async def counted():
        Readings.count += 1
        if Readings.away:
            raise DatabaseUnavailable
        return await list_signing_keys()

    monkeypatch.setattr(signing_key_cache, "list_signing_keys", counted)
    return Readings


async def published_ids(cache, now):
    return {jwk["kid"] for jwk in await cache.published(now)}


async def test_a_key_that_another_process_made_is_known_half_a_minute_later(keys, keyring, cache, ticks):
    old = await published_ids(cache, NOW)
    made = await rotate_signing_keys(keyring=keyring, act=act())
    ticks.seconds += 29.9
    assert await published_ids(cache, NOW) == old
    ticks.seconds += 0.1
    assert await published_ids(cache, NOW) == old | {fact.id for fact in made}


async def test_an_unknown_key_is_looked_for_at_once_but_no_more_than_once_a_second(
    keys, keyring, cache, ticks, readings
):
    await cache.load()
    ticks.seconds += 1
    [new, *_] = await rotate_signing_keys(keyring=keyring, act=act())
    assert new.id in await cache.verifiers(NOW, key_id=new.id)
    assert readings.count == 2
    for number in range(20):
        await cache.verifiers(NOW, key_id=f"made up {number}")
    assert readings.count == 2
    ticks.seconds += 1
    await asyncio.gather(*(cache.verifiers(NOW, key_id=f"made up {number}") for number in range(20)))
    assert readings.count == 3


async def test_however_many_ask_at_once_the_keys_are_read_and_opened_once(keys, cache, readings):
    found = await asyncio.gather(*(cache.signer("RS256", NOW) for _ in range(50)))
    assert readings.count == 1
    assert all(each is found[0] for each in found)


async def test_while_the_database_is_away_known_keys_go_on_and_it_is_asked_once_a_second(
    keys, cache, ticks, readings
):
    await cache.load()
    readings.away = True
    ticks.seconds += 60
    for _ in range(10):
        assert (await cache.signer("ES256", NOW)).id == keys["ES256"].id
        assert await published_ids(cache, NOW) == {stored.id for stored in keys.values()}
    assert readings.count == 2
    ticks.seconds += 1
    readings.away = False
    await cache.published(NOW)
    assert readings.count == 3


async def test_while_the_database_is_away_and_nothing_is_known_that_is_said(keys, cache, readings):
    readings.away = True
    with pytest.raises(DatabaseUnavailable):
        await cache.signer("RS256", NOW)


async def test_without_a_key_nothing_is_signed_until_there_is_one(no_keys, keyring, cache, ticks):
    with pytest.raises(SigningKeyMissing):
        await cache.signer("RS256", NOW)
    assert await cache.published(NOW) == []
    await ensure_signing_keys(keyring=keyring, now=NOW)
    ticks.seconds += 1
    assert (await cache.signer("RS256", NOW)).algorithm == "RS256"


async def test_a_key_that_was_removed_is_forgotten(keys, cache, ticks):
    signer = await cache.signer("ES256", NOW)
    await write("DELETE FROM signing_key WHERE id = $1", signer.id)
    ticks.seconds += 30
    assert signer.id not in await cache.verifiers(NOW)
    with pytest.raises(SigningKeyMissing):
        await cache.signer("ES256", NOW)
    assert cache._signers == {}


moments = st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours))
stored_keys = st.builds(
    StoredSigningKey,
    id=st.uuids().map(str),
    algorithm=st.sampled_from(ALGORITHMS),
    private_key=st.just(b""),
    public_key=st.just({}),
    active_at=moments,
    retired_at=st.none() | moments,
)


@given(keys=st.lists(stored_keys, max_size=6), algorithm=st.sampled_from(ALGORITHMS))
def test_what_signs_is_published_and_the_newest_that_may(keys, algorithm):
    usable = [
        key for key in keys if key.algorithm == algorithm and (not key.retired_at or key.retired_at > NOW)
    ]
    chosen = choose_signer(tuple(keys), algorithm, NOW)
    if not usable:
        assert chosen is None
        return
    assert chosen in usable
    if chosen.active_at > NOW:
        assert all(key.active_at >= chosen.active_at for key in usable), "the first to become active"
    else:
        assert all(key.active_at <= chosen.active_at or key.active_at > NOW for key in usable)
