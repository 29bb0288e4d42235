"""`tenon work` as a process of its own: it tells what happens, and ends in order."""

import asyncio
import json

import pytest

from tests.faults.processes import PATIENCE, eventually, serving
from tests.receivers import answer, open_receiver, verified

pytestmark = pytest.mark.xdist_group("faults")


@pytest.fixture
async def server(own_servers, own_database, tmp_path):
    """Serves, and lets a worker beside it call receivers on this machine."""
    allowed = {"TENON_WEBHOOK_HTTP": "on", "TENON_WEBHOOK_PRIVATE": "on"}
    async with serving(own_servers, tmp_path, **allowed) as process:
        yield process


async def test_a_worker_tells_endpoints_what_the_marketplace_pushed_and_ends_in_order(
    server, client, far_marketplace
):
    async with open_receiver() as receiver, server.working() as worker:
        made = (await client.post("/v1/endpoints", json={"url": receiver.url})).json()
        receiver.plan = verified(made["secret"], answer())
        enterprise = await far_marketplace.open_enterprise()
        assert (await enterprise.department("D1")).code == "000000"

        def told():
            messages = [json.loads(request.body) for request in receiver.requests]
            return "department.added" in {message["type"] for message in messages}

        async with asyncio.timeout(PATIENCE):
            await receiver.wait_until(told)

        async def is_recorded():
            streams = (await client.get(f"/v1/endpoints/{made['id']}/streams")).json()["items"]
            return all(stream["position"] == stream["target"] for stream in streams)

        await eventually(is_recorded, "everything told is recorded")
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, PATIENCE) == 0
    assert not [event for event in server.events() if event["level"] in {"error", "critical"}]
