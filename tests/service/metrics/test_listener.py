"""The second listener, for the inside of a cluster."""

import signal

import httpx2
import msgspec
import pytest

from service.metrics.listener import ListenerUnavailable, open_listener
from tests.ports import free_port
from tests.service.metrics.scraping import Scrape


@pytest.fixture
def bound(runtime):
    settings = msgspec.structs.replace(
        runtime.settings,
        metrics_bind=("127.0.0.1", free_port()),
        metrics_token="a-token-for-the-public-door-only-00",
        public_url="https://tenon.example.com",
    )
    return msgspec.structs.replace(runtime, settings=settings)


@pytest.fixture
def address(bound):
    return f"http://127.0.0.1:{bound.settings.metrics_bind[1]}"


async def test_metrics_and_health_are_shown_there_to_whoever_gets_there(bound, address, http):
    async with open_listener(bound), httpx2.AsyncClient(base_url=address, timeout=10) as inside:
        answer = await inside.get("/metrics")
        assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
        assert Scrape(answer.text).value("tenon_database_up") == 1.0
        for path in ("/health/live", "/health/ready"):
            here, there = await inside.get(path), await http.get(path)
            assert (here.status_code, here.json()) == (there.status_code, there.json()) == (200, here.json())
            assert here.headers["content-type"] == "application/json"


async def test_there_is_nothing_else(bound, address):
    async with open_listener(bound), httpx2.AsyncClient(base_url=address, timeout=10) as inside:
        for path in ("/", "/v1/tenants", "/koogallery/p", "/metrics/", "/health"):
            assert (await inside.get(path)).status_code == 404
        assert (await inside.post("/metrics")).status_code == 405
        answer = await inside.head("/metrics")
        assert (answer.status_code, answer.content) == (200, b"")


async def test_it_goes_with_its_block_and_leaves_signals_alone(bound, address):
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    for _ in range(2):
        async with open_listener(bound), httpx2.AsyncClient(base_url=address, timeout=10) as inside:
            assert (await inside.get("/health/live")).status_code == 200
            assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before
    async with httpx2.AsyncClient(timeout=10) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"{address}/health/live")


async def test_an_address_that_is_taken_says_what_to_do(bound):
    async with open_listener(bound):
        with pytest.raises(ListenerUnavailable, match="TENON_METRICS_BIND"):
            async with open_listener(bound):
                pytest.fail("two listen")


async def test_without_an_address_nothing_listens(runtime):
    assert runtime.settings.metrics_bind is None
    async with open_listener(runtime):
        pass
