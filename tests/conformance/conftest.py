import pytest

from tests.conformance.directory import Directory, Purchases
from tests.conformance.vectors import APP, FROZEN, INSTANCE, TENANT, Vectors, forget_all
from tests.marketplace import Enterprise


@pytest.fixture(autouse=True)
def frozen(clock):
    """The vectors were signed at this moment."""
    clock.freeze(FROZEN)


@pytest.fixture
async def vectors(http, product):
    """A store that knows nothing of what the vectors speak about."""
    await forget_all()
    return Vectors(http, f"/koogallery/{product}")


@pytest.fixture
async def demo(vectors, marketplace):
    """The enterprise of the vectors, bought and bound by vectors, its application announced."""
    answer = await vectors.base("base-newInstance")
    assert answer.body == {"resultCode": "000000", "resultMsg": "success.", "instanceId": INSTANCE}
    assert (await vectors.kit("kit-tenantSync")).code == "000000"
    enterprise = Enterprise(marketplace, INSTANCE, TENANT, APP)
    assert (await enterprise.application()).code == "000000"
    return enterprise


@pytest.fixture
async def enterprise(marketplace):
    """A fresh enterprise, bound and with its application."""
    return await marketplace.open_enterprise()


@pytest.fixture
def directory(enterprise, api):
    return Directory(api, enterprise.tenant)


@pytest.fixture
def purchases(api, product):
    return Purchases(api, product)
