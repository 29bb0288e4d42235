"""One serving Tenon and the relying parties, once per test process."""

import pytest

from tests.peers import node_program
from tests.relying.sites import open_site


@pytest.fixture(scope="session")
async def site(servers, migrated, private_key):
    async with open_site(servers, private_key) as site:
        yield site


@pytest.fixture(scope="session")
async def openid_client():
    """The address of the program on openid-client."""
    async with node_program("relying_openid_client.mjs", {}) as told:
        yield told["url"]


@pytest.fixture(scope="session")
async def oauth4webapi():
    """The address of the program on oauth4webapi."""
    async with node_program("relying_oauth4webapi.mjs", {}) as told:
        yield told["url"]


@pytest.fixture(scope="session")
async def office(site):
    """An enterprise for tests that leave it as it was."""
    return await site.open_office()


@pytest.fixture
async def ann(site, office):
    async with site.person(office, "ann") as person:
        yield person
