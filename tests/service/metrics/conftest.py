"""The application as its metrics show it at this moment, with products counted from none on."""

import msgspec
import pytest

from service.metrics import definitions
from service.metrics.state import StateReader
from tenancy.database import system_scope
from tests.service.webhooks.deliveries import Endpoints, forget_endpoints, opened_wide

QUEUES = ("client_session", "order_query", "held_push")


@pytest.fixture(autouse=True)
def first_products(monkeypatch):
    """Other tests of the process have used up the products that have a name of their own."""
    monkeypatch.setattr(definitions, "_products", set())


@pytest.fixture
def set_runtime(app):
    """Changes what the application holds, for one test."""
    before = app.state.runtime

    def change(**changes):
        app.state.runtime = msgspec.structs.replace(app.state.runtime, **changes)
        return app.state.runtime

    yield change
    app.state.runtime = before


@pytest.fixture
def fresh(set_runtime, clock, runtime):
    """Nothing is kept between two scrapes."""
    return set_runtime(metrics=StateReader(clock, runtime.health.reach_redis, kept_seconds=0.0))


@pytest.fixture
async def endpoints(set_runtime, runtime, api):
    """No endpoint is left, and new ones may be anywhere."""
    set_runtime(settings=opened_wide(runtime).settings)
    await forget_endpoints()
    yield Endpoints(api)
    await forget_endpoints()


@pytest.fixture
async def nothing_waits(app, settings):
    """What other tests of the process have left to be done is forgotten."""
    async with system_scope() as db:
        await db.execute("UPDATE event_counter SET fed = last")
        for table in QUEUES[:2]:
            await db.execute(f"DELETE FROM {table}")
    await forget_endpoints()
