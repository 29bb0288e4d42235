"""Two enterprises that have bought one product, and clients that have nothing to do with each other."""

from uuid import uuid4

import pytest

from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY
from tests.service.conftest import office
from tests.service.oauth2.relying import Relying, sign_in
from tests.service.offices import Office

__all__ = ["office"]

SECOND_APP = "app-2"


@pytest.fixture
async def relying(api, http, product):
    return await Relying.register(api, http, product)


@pytest.fixture
async def sister(api, http, product):
    """Another client of the same product."""
    return await Relying.register(api, http, product)


@pytest.fixture
async def public(api, http, product):
    """A client without a secret, as native apps are."""
    return await Relying.register(api, http, product, token_endpoint_auth_method="none")


@pytest.fixture
async def stranger(api, http, private_key):
    """A client of another product."""
    slug = f"p-{uuid4().hex[:12]}"
    keys = {"base_keys": [BASE_KEY], "kit_keys": [KIT_KEY], "v1_keys": [V1_KEY]}
    answer = await api.put(
        f"/v1/products/{slug}", json={"name": "Other", "rsa_private_keys": [private_key], **keys}
    )
    assert answer.status_code == 200, answer.text
    return await Relying.register(api, http, slug)


@pytest.fixture
async def ann(app, office):
    """A browser in which ann has signed in, who may use the app."""
    await office.authorise("ann")
    return await sign_in(app, office, "ann")


@pytest.fixture
async def neighbour(api, marketplace, office):
    """Another enterprise that has bought the product; its code is another too."""
    enterprise = await marketplace.open_enterprise()
    assert (await enterprise.bind(tenantCode="neighbour.example", name="邻居")).code == "000000"
    assert (await enterprise.departments([("X", "Branch", "")])).code == "000000"
    listed = await api.get("/v1/tenants", params={"external_id": enterprise.tenant})
    [tenant] = listed.json()["items"]
    return Office(api, enterprise, tenant["id"])


@pytest.fixture
async def two_apps(office, ann):
    """Ann may use a second app of the product too."""
    assert (await office.enterprise.application(appId=SECOND_APP)).code == "000000"
    people = [{"userName": "ann", "name": "Ann", "orgCode": "X", "role": "user", "enable": "true"}]
    assert (await office.enterprise.members(people, appId=SECOND_APP)).code == "000000"
    return ann
