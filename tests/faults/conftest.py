"""Servers of their own for the tests that kill them, and a marketplace that reaches them by socket."""

from functools import partial
from uuid import uuid4

import httpx2
import pytest

from service.embedded import start_embedded
from service.migrate import migrate
from service.runtime import system_clock
from sso.keys import load_private_key, public_line
from tests.faults.homes import fill_homes, list_operations, make_own_token, send
from tests.faults.processes import TOKEN, serving
from tests.folders import short_folder
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, Marketplace
from tests.pools import pool_put_aside


@pytest.fixture(scope="package")
def own_folder():
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="package")
def own_servers(own_folder):
    """PostgreSQL and Valkey that a test may kill, if it starts them again."""
    with start_embedded(own_folder / "data") as embedded:
        yield embedded


@pytest.fixture(scope="package")
async def own_database(own_servers):
    async with pool_put_aside():
        await migrate(own_servers.migration_database_url, serving_url=own_servers.database_url)


@pytest.fixture
async def server(own_servers, own_database, tmp_path):
    async with serving(own_servers, tmp_path) as process:
        yield process


@pytest.fixture
async def client(server):
    """A client of the serving process, with the operator's token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=server.address, headers=headers, timeout=60, limits=limits
    ) as session:
        yield session


@pytest.fixture
async def far_marketplace(client, private_key):
    """A marketplace that calls a fresh product in the serving process."""
    slug = f"p-{uuid4().hex[:12]}"
    keys = {"base_keys": [BASE_KEY], "kit_keys": [KIT_KEY], "v1_keys": [V1_KEY]}
    body = {"name": "Demonstration", "rsa_private_keys": [private_key], **keys}
    answer = await client.put(f"/v1/products/{slug}", json=body)
    assert answer.status_code == 200, answer.text
    public_key = public_line(load_private_key(private_key))
    return Marketplace(client, f"/koogallery/{slug}", system_clock, public_key)


@pytest.fixture
async def homes(api, product, marketplace):
    """Two tenants of one product with one of everything."""
    return await fill_homes(api, product, marketplace)


@pytest.fixture
async def operations(api):
    """Every (method, path) of the API."""
    return await list_operations(api)


@pytest.fixture
def ask(http):
    """Asks a route: token, method, path template, names."""
    return partial(send, http)


@pytest.fixture(params=["operator", "reader"])
async def own_token(request, homes, clock):
    """A token of the first of the two tenants."""
    return await make_own_token(homes, clock, request.param)
