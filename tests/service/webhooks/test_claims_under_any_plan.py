"""A claim takes no more than it was allowed to, however the planner carries it out."""

import contextlib
from collections import Counter
from datetime import timedelta

import pytest

from tenancy import claims
from tenancy.claims import claim_streams
from tenancy.database import system_scope
from tenancy.feed import feed_events
from tests.service.webhooks.deliveries import new_tenant, write_events

HASHES = ["enable_hashjoin", "enable_hashagg"]
PLANS = {
    "as planned": [],
    "nested loops": [*HASHES, "enable_mergejoin", "enable_sort", "enable_material"],
    "nested loops without indexes": [*HASHES, "enable_mergejoin", "enable_material", "enable_indexscan"],
    "merge joins": [*HASHES, "enable_nestloop"],
}


@pytest.fixture(params=PLANS, ids=lambda name: name.replace(" ", "-"))
def planned(request, monkeypatch):
    @contextlib.asynccontextmanager
    async def scope():
        async with system_scope() as db:
            for setting in PLANS[request.param]:
                await db.execute("SELECT set_config($1, 'off', true)", setting)
            yield db

    monkeypatch.setattr(claims, "system_scope", scope)


@pytest.fixture
async def waiting(endpoints, frozen):
    """Six endpoints with four streams each that are due."""
    tenants = [await new_tenant(frozen) for _ in range(4)]
    for tenant in tenants:
        await write_events(tenant, 1, frozen)
    made = [await endpoints.make(f"http://127.0.0.1/{number}", tenants=tenants) for number in range(6)]
    for tenant in tenants:
        await write_events(tenant, 1, frozen)
    await feed_events(now=frozen())
    return made


async def claim(now, **limits):
    limits = {"most_per_endpoint": 8, "most_healthy": 8, "most_failing": 8} | limits
    claimed = await claim_streams(held={}, now=now, duration=timedelta(minutes=1), **limits)
    return claimed.leases


async def test_of_failing_endpoints_one_stream_is_taken_within_the_limit(planned, waiting, frozen):
    async with system_scope() as db:
        await db.execute("UPDATE endpoint SET failures = 5, paused_until = $1", frozen())
    for most in (1, 2, 3):
        leases = await claim(frozen(), most_failing=most)
        assert len({lease.endpoint_id for lease in leases}) == len(leases) == most
    assert await claim(frozen()) == []


async def test_streams_are_taken_within_the_limits(planned, waiting, frozen):
    leases = await claim(frozen(), most_healthy=7, most_per_endpoint=2)
    counts = Counter(lease.endpoint_id for lease in leases)
    assert (len(leases), len(counts), max(counts.values())) == (7, 6, 2)
