"""An enterprise with people, and a client of its product."""

import pytest

from tests.service.oauth2.relying import Relying, sign_in


@pytest.fixture
async def relying(api, http, product):
    return await Relying.register(api, http, product)


@pytest.fixture
async def ann(app, office):
    """A browser in which ann has signed in, who may use the app."""
    await office.authorise("ann")
    return await sign_in(app, office, "ann")
