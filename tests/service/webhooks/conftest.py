"""A database without endpoints, an application that lets them be on loopback, and a tenant to tell of."""

import pytest

from tests.service.webhooks.deliveries import (
    Endpoints,
    forget_endpoints,
    new_tenant,
    open_delivery,
    opened_wide,
)


@pytest.fixture
async def wide_app(app):
    """Endpoints may be anywhere."""
    runtime = app.state.runtime
    app.state.runtime = opened_wide(runtime)
    yield app
    app.state.runtime = runtime


@pytest.fixture
async def endpoints(wide_app, api):
    await forget_endpoints()
    yield Endpoints(api)
    await forget_endpoints()


@pytest.fixture
async def tenant(app, clock):
    return await new_tenant(clock)


@pytest.fixture
async def frozen(clock):
    """The clock stands still until the test moves it."""
    clock.freeze(clock().replace(microsecond=0))
    return clock


@pytest.fixture
async def delivery(endpoints, wide_app):
    async with open_delivery(wide_app.state.runtime) as opened:
        yield opened
