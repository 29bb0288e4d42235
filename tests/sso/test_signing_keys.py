"""The keys that sign our tokens: made once, changed with notice and sealed."""

import asyncio
import base64
import hashlib
import json
import os
from datetime import timedelta

import msgspec
import pytest

from sso.signing_key_cache import SigningKeyCache
from sso.signing_keys import (
    ALGORITHMS,
    ensure_signing_keys,
    list_signing_keys,
    open_private_key,
    remove_retired_signing_keys,
    replace_signing_keys,
    reseal_signing_keys,
    rotate_signing_keys,
)
from tenancy.audit_pages import list_audit
from tenancy.errors import SecretUndecryptable
from tenancy.secrets import Keyring
from tests.sso.key_rows import NOTICE, NOW, act


@pytest.fixture
def cache(keyring):
    return SigningKeyCache(keyring)


async def published_ids(cache, now):
    return {jwk["kid"] for jwk in await cache.published(now)}


async def told_about(key_id):
    told = await list_audit(None, action="signing_key.added", source="api", cursor=None, limit=1000)
    [entry] = [entry for entry in told.items if entry.subject == key_id]
    return entry


async def test_the_first_keys_sign_at_once_and_are_told(keys):
    assert keys.keys() == set(ALGORITHMS)
    assert {(stored.active_at, stored.retired_at) for stored in keys.values()} == {(NOW, None)}
    first = keys["RS256"]
    entry = await told_about(first.id)
    assert (entry.by.actor, entry.counts) == ("system", {"signing_key.added": 2})
    assert entry.after == {"id": first.id, "algorithm": "RS256", "active_at": "2031-05-05T12:00:00Z"}


async def test_many_processes_that_start_at_once_make_one_key_of_each_algorithm(no_keys, keyring):
    await asyncio.gather(*(ensure_signing_keys(keyring=keyring, now=NOW) for _ in range(8)))
    assert sorted(stored.algorithm for stored in await list_signing_keys()) == sorted(ALGORITHMS)


async def test_a_key_is_named_by_its_thumbprint_and_shows_its_public_half_only(keys):
    members = {"RS256": ("e", "kty", "n"), "ES256": ("crv", "kty", "x", "y")}
    for algorithm, stored in keys.items():
        jwk = stored.public_key
        required = {name: jwk[name] for name in members[algorithm]}
        digest = hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).digest()
        assert stored.id == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert jwk == {**required, "kid": stored.id, "alg": algorithm, "use": "sig"}
    modulus = base64.urlsafe_b64decode(keys["RS256"].public_key["n"] + "==")
    assert len(modulus) * 8 == 2048
    assert keys["ES256"].public_key["crv"] == "P-256"


async def test_a_private_half_is_sealed_for_its_key_only(keys, keyring):
    one, other = keys.values()
    assert open_private_key(one, keyring=keyring).key_size in {256, 2048}
    with pytest.raises(SecretUndecryptable):
        open_private_key(msgspec.structs.replace(one, private_key=other.private_key), keyring=keyring)


async def test_new_keys_are_published_at_once_sign_an_hour_later_and_the_old_ones_verify_for_a_day(
    keys, keyring, cache
):
    made = await rotate_signing_keys(keyring=keyring, act=act())
    assert [fact.algorithm for fact in made] == list(ALGORITHMS)
    old, new = {stored.id for stored in keys.values()}, {fact.id for fact in made}
    active_at, retired_at = NOW + NOTICE, NOW + NOTICE + timedelta(hours=24)

    async def signing(now):
        return {(await cache.signer(algorithm, now)).id for algorithm in ALGORITHMS}

    second = timedelta(seconds=1)
    assert await published_ids(cache, NOW) == old | new
    assert await signing(NOW) == await signing(active_at - second) == old
    assert await signing(active_at) == await signing(retired_at) == new
    assert (await cache.verifiers(retired_at - second)).keys() == old | new
    assert (await cache.verifiers(retired_at)).keys() == await published_ids(cache, retired_at) == new

    assert await remove_retired_signing_keys(now=retired_at - second) == 0
    assert await remove_retired_signing_keys(now=retired_at) == len(ALGORITHMS)
    assert {stored.id for stored in await list_signing_keys()} == new
    assert (await told_about(made[0].id)).by.actor == "operator:test"


async def test_changing_again_before_the_new_keys_sign_adds_nothing(keys, keyring):
    assert await rotate_signing_keys(keyring=keyring, act=act())
    before = await list_signing_keys()
    assert await rotate_signing_keys(keyring=keyring, act=act(NOW + NOTICE - timedelta(seconds=1))) == []
    assert await list_signing_keys() == before
    at_once = [rotate_signing_keys(keyring=keyring, act=act(NOW + NOTICE)) for _ in range(4)]
    assert sorted(len(made) for made in await asyncio.gather(*at_once)) == [0, 0, 0, 2]
    await rotate_signing_keys(keyring=keyring, act=act(NOW + timedelta(days=3)))
    assert len(await list_signing_keys()) == 4, "the retired ones are gone"


async def test_keys_that_may_have_been_taken_are_dropped_and_new_ones_sign_at_once(keys, keyring, cache):
    old = {stored.id for stored in keys.values()}
    assert await published_ids(cache, NOW) == old
    made = await replace_signing_keys(keyring=keyring, act=act())
    new = {fact.id for fact in made}
    assert {stored.id for stored in await list_signing_keys()} == new
    assert new.isdisjoint(old)
    # Another process, or this one half a minute later.
    later = SigningKeyCache(keyring)
    assert await published_ids(later, NOW) == new
    assert {(await later.signer(algorithm, NOW)).id for algorithm in ALGORITHMS} == new
    assert (await told_about(made[0].id)).by.actor == "operator:test"


async def test_after_resealing_the_new_encryption_key_alone_opens_the_signing_keys(keys, runtime):
    old = [(key.id, key.key) for key in runtime.settings.encryption_keys]
    new = ("new", os.urandom(32))
    with pytest.raises(SecretUndecryptable):
        await reseal_signing_keys(keyring=Keyring([new]))
    assert {stored.algorithm: stored for stored in await list_signing_keys()} == keys
    assert await reseal_signing_keys(keyring=Keyring([new, *old])) == len(ALGORITHMS)
    for stored in await list_signing_keys():
        assert open_private_key(stored, keyring=Keyring([new]))
        with pytest.raises(SecretUndecryptable):
            open_private_key(stored, keyring=Keyring(old))
