"""A collector, and a marketplace that reaches a serving process of its own."""

from contextlib import asynccontextmanager

import httpx2
import pytest

from service.runtime import system_clock
from sso.keys import load_private_key, public_line
from tests.faults.processes import TOKEN, serving
from tests.marketplace import Marketplace
from tests.service.traces.collector import running_collector


@pytest.fixture
def collector():
    with running_collector() as running:
        yield running


@pytest.fixture
def site(servers, migrated, product, private_key, tmp_path):
    """Opens a serving process with some variables; gives it, a client and a marketplace that call it."""

    @asynccontextmanager
    async def opened(**environ):
        async with serving(servers, tmp_path, **environ) as server:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with httpx2.AsyncClient(base_url=server.address, headers=headers, timeout=60) as client:
                public_key = public_line(load_private_key(private_key))
                yield server, client, Marketplace(client, f"/koogallery/{product}", system_clock, public_key)

    return opened
