"""Serving processes to be restarted under load, on the servers that all tests share."""

from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from service.runtime import system_clock
from sso.keys import load_private_key, public_line
from tests.faults.processes import TOKEN, serving
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, Marketplace
from tests.rolling.pushes import Pushes, open_enterprises


@pytest.fixture
async def start(servers, migrated, tmp_path):
    """Starts serving processes, each on a port of its own; whatever is left of them at the end is killed."""
    async with AsyncExitStack() as stack:

        async def started(**environ):
            folder = tmp_path / uuid4().hex
            folder.mkdir()
            return await stack.enter_async_context(serving(servers, folder, **environ))

        yield started


@pytest.fixture
async def reach():
    """A client with the operator's token of what listens at an address."""
    async with AsyncExitStack() as stack:

        async def reached(address):
            headers = {"Authorization": f"Bearer {TOKEN}"}
            client = httpx2.AsyncClient(base_url=address, headers=headers, timeout=60)
            return await stack.enter_async_context(client)

        yield reached


@pytest.fixture
def prepare(reach, private_key):
    """Makes a product with enterprises at an address: a maker of pushes about them."""

    async def prepared(address, enterprises=8):
        client, slug = await reach(address), f"p-{uuid4().hex[:12]}"
        keys = {"base_keys": [BASE_KEY], "kit_keys": [KIT_KEY], "v1_keys": [V1_KEY]}
        body = {"name": "Demonstration", "rsa_private_keys": [private_key], **keys}
        answer = await client.put(f"/v1/products/{slug}", json=body)
        assert answer.status_code == 200, answer.text
        public_key = public_line(load_private_key(private_key))
        marketplace = Marketplace(client, f"/koogallery/{slug}", system_clock, public_key)
        return Pushes(slug, marketplace, await open_enterprises(marketplace, enterprises))

    return prepared


@pytest.fixture
async def look(servers):
    """Asks the database itself, as its superuser."""
    url = servers.postgres.superuser_url.rsplit("/", 1)[0] + "/tenon"
    connection = await asyncpg.connect(url, timeout=30)
    yield connection.fetch
    await connection.close()
