"""A product with two bought instances for all tests of a process; each test makes its own tenants."""

from uuid import uuid4

import pytest

from tenancy.database import open_database
from tests.pools import pool_put_aside
from tests.tenancy.directories import Directory
from tests.tenancy.histories import INSTANCES
from tests.tenancy.pushing import buy


@pytest.fixture(scope="session")
async def shared_product(api, private_key):
    slug = f"shared-{uuid4().hex[:12]}"
    answer = await api.put(f"/v1/products/{slug}", json={"name": "Shared", "rsa_private_keys": [private_key]})
    assert answer.status_code == 200, answer.text
    return slug


@pytest.fixture(scope="session")
async def shared_instances(app, shared_product):
    return [await buy(shared_product, app.state.runtime) for _ in INSTANCES]


@pytest.fixture
def new_directory(runtime, shared_product, shared_instances):
    """Makes a fresh enterprise at each call."""
    return lambda: Directory(shared_product, shared_instances, runtime.keyring, runtime.clock)


@pytest.fixture
async def without_pool(app):
    """The test may open the engine anew."""
    async with pool_put_aside():
        yield


@pytest.fixture
async def pool_of_two(without_pool, migrated):
    """The engine with two connections only."""
    await open_database(migrated.database_url, pool_size=2)
