"""A product with two bought instances, shared by the tests of one process; every test makes its own tenants."""

from uuid import uuid4

import pytest

from tenancy.products import ProductSecrets, ProductSettings, put_product
from tests.tenancy.directories import Directory
from tests.tenancy.histories import INSTANCES
from tests.tenancy.pushing import buy


@pytest.fixture(scope="session")
async def shared_product(app):
    runtime = app.state.runtime
    slug = f"shared-{uuid4().hex[:12]}"
    await put_product(
        slug,
        name="Shared",
        settings=ProductSettings(),
        secrets=ProductSecrets(),
        keyring=runtime.keyring,
        now=runtime.clock(),
    )
    return slug


@pytest.fixture(scope="session")
async def shared_instances(app, shared_product):
    return [await buy(shared_product, app.state.runtime) for _ in INSTANCES]


@pytest.fixture
def new_directory(runtime, shared_product, shared_instances):
    """Makes a fresh enterprise at each call."""
    return lambda: Directory(shared_product, shared_instances, runtime.keyring, runtime.clock)
