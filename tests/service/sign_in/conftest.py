"""An enterprise with its auth centre, and a client of the product."""

import pytest

from service.simulator.auth_centre import open_auth_centre
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import Relying
from tests.service.sign_in.centres import Centre

PEOPLE = ("ann", "ben", "eve")


@pytest.fixture(scope="session")
async def auth_centre():
    async with open_auth_centre() as centre:
        yield centre


@pytest.fixture
async def centre(auth_centre, office, product):
    """The office's auth centre; ann may use the app, ben and eve have accounts only."""
    await office.authorise("ann")
    return await Centre(auth_centre, office, product, *PEOPLE).announce()


@pytest.fixture
async def relying(api, http, product):
    return await Relying.register(api, http, product)


@pytest.fixture
def browser(app):
    return Browser(app)
