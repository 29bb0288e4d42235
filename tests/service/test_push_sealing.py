"""The bodies of pushes at rest: sealed each for its own push, and sealed anew under another key."""

import asyncio
import os
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy import push_bodies
from tenancy.push_bodies import MOST_BYTES, open_body, reseal_bodies, seal_body
from tenancy.secrets import Keyring
from tests.service.offices import newest


@given(plain=st.binary(max_size=2000) | st.integers(500, 520).map(lambda size: b"{" * size))
def test_what_is_sealed_opens_as_it_was(runtime, plain):
    push_id = uuid4()
    sealed = seal_body(push_id, plain, keyring=runtime.keyring)
    assert open_body(push_id, sealed, keyring=runtime.keyring) == plain


def test_what_is_too_large_even_when_compressed_is_not_kept(runtime):
    push_id = uuid4()
    spread = bytes(range(256)) * (MOST_BYTES // 256 + 1)
    sealed = seal_body(push_id, spread, keyring=runtime.keyring)
    assert len(sealed) < len(spread) / 10
    assert open_body(push_id, sealed, keyring=runtime.keyring) == spread
    assert seal_body(push_id, os.urandom(MOST_BYTES + 1), keyring=runtime.keyring) is None


async def test_a_stored_body_shows_nothing_and_opens_for_its_own_push_only(office, database, runtime):
    await office.authorise("ann", mobile="13900000001")
    first = await newest(office)
    stored = await database.fetchval("SELECT body FROM push WHERE id = $1", first["id"])
    assert b"139" not in stored
    assert b"ann" not in stored
    await office.authorise("bob")
    second = await newest(office)
    own = await database.fetchval("SELECT body FROM push WHERE id = $1", second["id"])
    await database.execute("UPDATE push SET body = $2 WHERE id = $1", second["id"], stored)
    shown = await office.ask("GET", f"/pushes/{second['id']}/body")
    assert (shown.status_code, shown.json()["code"]) == (503, "secret_undecryptable")
    await database.execute("UPDATE push SET body = $2 WHERE id = $1", second["id"], own)


@pytest.mark.parametrize("bound", ["_PAGE", "_PAGE_BYTES"])
async def test_all_bodies_are_sealed_anew_page_by_page(office, database, runtime, clock, monkeypatch, bound):
    """Whichever bound ends a page, though all came at once; afterwards the new key alone opens them."""
    clock.freeze(clock())
    monkeypatch.setattr(push_bodies, bound, 3 if bound == "_PAGE" else 1000)
    for number in range(5):
        assert (await office.enterprise.department(f"N{number}")).code == "000000"
    kept = "SELECT id, body FROM push WHERE body IS NOT NULL"
    before = {row["id"]: row["body"] for row in await database.fetch(kept)}
    old = [(key.id, key.key) for key in runtime.settings.encryption_keys]
    new = ("new", os.urandom(32))
    try:
        assert await reseal_bodies(keyring=Keyring([new, *old])) == len(before) > 5
        after = {row["id"]: row["body"] for row in await database.fetch(kept)}
        opened = {push: open_body(push, sealed, keyring=Keyring([new])) for push, sealed in after.items()}
    finally:
        assert await reseal_bodies(keyring=Keyring([*old, new])) == len(before)
    assert opened == {
        push: open_body(push, sealed, keyring=runtime.keyring) for push, sealed in before.items()
    }


async def test_a_body_that_is_forgotten_while_all_are_sealed_anew_does_not_come_back(
    office, database, runtime
):
    push = await newest(office)

    class Forgetting(Keyring):
        """Between reading and writing of a page retention takes the body away."""

        def seal(self, plain, *, purpose):
            if purpose == f"push:{push['id']}":
                read.set()
            return super().seal(plain, purpose=purpose)

    read = asyncio.Event()
    keyring = Forgetting([(key.id, key.key) for key in runtime.settings.encryption_keys])
    async with database.transaction():
        await database.execute("UPDATE push SET body = NULL WHERE id = $1", push["id"])
        sealing = asyncio.create_task(reseal_bodies(keyring=keyring))
        async with asyncio.timeout(20):
            await read.wait()
    async with asyncio.timeout(20):
        await sealing
    assert not (await newest(office))["has_body"]
