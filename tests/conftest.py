"""A real PostgreSQL, a real Valkey and the application on them, once per test process."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx2
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings

from service.app import create_app
from service.embedded import complete_settings, start_embedded
from service.migrate import migrate
from service.settings import read_settings
from service.wiring import open_runtime
from sso.keys import load_private_key, make_private_key, public_line
from tests.folders import short_folder
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, Marketplace

OPERATOR_TOKEN = "operator-token-for-tests-0123456789"

# Timing depends on the machine; suites that keep one database share function-scoped state knowingly.
# Explaining a failure takes longer than a test may.
hypothesis_settings.register_profile(
    "tenon",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
hypothesis_settings.load_profile("tenon")


class TestClock:
    """The application's clock: the real one until a test freezes it."""

    __test__ = False

    def __init__(self):
        self.frozen = None

    def __call__(self):
        return self.frozen or datetime.now(UTC)

    def freeze(self, moment):
        self.frozen = moment


@pytest.fixture(scope="session")
def servers():
    with short_folder() as folder, start_embedded(folder / "data") as embedded:
        yield embedded


@pytest.fixture(scope="session")
def settings(servers):
    environ = {"TENON_OPERATOR_TOKEN": OPERATOR_TOKEN, "TENON_WORKER": "off", "TENON_DATABASE_POOL": "6"}
    environ |= {"TENON_SIGN_IN_HTTP": "on", "TENON_SIGN_IN_PRIVATE": "on"}
    return complete_settings(read_settings(environ), servers)


@pytest.fixture(scope="session")
async def migrated(settings):
    await migrate(settings.migration_database_url, serving_url=settings.database_url)
    return settings


@pytest.fixture(scope="session")
def session_clock():
    return TestClock()


@pytest.fixture(scope="session")
async def app(migrated, session_clock):
    # Fixtures end in another task than they began in, which the lifespan's task group refuses.
    async with open_runtime(migrated, clock=session_clock) as runtime:
        application = create_app(migrated, clock=session_clock)
        application.state.runtime = runtime
        yield application


@pytest.fixture
def clock(session_clock):
    yield session_clock
    session_clock.freeze(None)


@pytest.fixture
def runtime(app):
    return app.state.runtime


@pytest.fixture(scope="session")
async def http(app):
    """A client without a token, straight into the application."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tenon.test", timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
async def api(app):
    """A client with the operator's token."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://tenon.test", timeout=60, headers=headers
    ) as client:
        yield client


@pytest.fixture(scope="session")
def private_key():
    """One RSA key for all tests: making one takes a third of a second."""
    return make_private_key()


@pytest.fixture
async def product(api, private_key):
    """A fresh product with the demonstration keys; its slug."""
    slug = f"p-{uuid4().hex[:12]}"
    answer = await api.put(
        f"/v1/products/{slug}",
        json={
            "name": "Demonstration",
            "base_keys": [BASE_KEY],
            "kit_keys": [KIT_KEY],
            "v1_keys": [V1_KEY],
            "rsa_private_keys": [private_key],
            "front_end_url": "https://saas.example.com",
        },
    )
    assert answer.status_code == 200, answer.text
    return slug


@pytest.fixture
def marketplace(http, product, clock, private_key):
    """Signs and sends calls to the fresh product as the marketplace would."""
    return Marketplace(http, f"/koogallery/{product}", clock, public_line(load_private_key(private_key)))
