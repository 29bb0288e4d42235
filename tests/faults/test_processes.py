"""Serving processes: several at once, and an end that breaks no promise."""

import asyncio
import contextlib
import json

import httpx2
import pytest

from tests.faults.processes import PATIENCE, TOKEN, eventually, serving

pytestmark = pytest.mark.xdist_group("faults")


async def test_requests_that_were_accepted_are_answered_before_the_end(server, client, far_marketplace):
    body = b'{"activity":"queryInstance"}'
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = (
        f"POST {far_marketplace.address} HTTP/1.1\r\nHost: tenon.test\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:5])
    await writer.drain()
    # The service has accepted the request once it answers another one that was sent later.
    assert (await client.get("/health/live")).status_code == 200
    server.terminate()

    async def refuses():
        with contextlib.suppress(OSError):
            _, probe = await asyncio.open_connection("127.0.0.1", server.port)
            probe.close()
            return False
        return True

    await eventually(refuses, "the end of listening")
    assert server.process.poll() is None
    writer.write(body[5:])
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["resultCode"] == "000002"
    await asyncio.to_thread(server.process.wait, PATIENCE)
    assert not [event for event in server.events() if event["level"] in {"error", "critical"}]


async def test_requests_that_wait_for_events_do_not_hold_up_the_end(server, client, far_marketplace):
    enterprise = await far_marketplace.open_enterprise()
    listed = await client.get("/v1/tenants", params={"external_id": enterprise.tenant})
    home = f"/v1/tenants/{listed.json()['items'][0]['id']}"
    last = (await client.get(f"{home}/events")).json()["last"]
    cursor = (await client.get("/v1/events")).json()["last"]
    waiting = [
        asyncio.create_task(client.get(path, params={"after": after, "wait": 60}))
        for path, after in ((f"{home}/events", last), ("/v1/events", cursor))
    ]
    assert (await client.get("/health/live")).status_code == 200
    await asyncio.sleep(0.2)
    begun = asyncio.get_running_loop().time()
    server.terminate()
    assert [(await task).json()["items"] for task in waiting] == [[], []]
    assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
    assert asyncio.get_running_loop().time() - begun < 10


async def test_two_serving_processes_share_replay_protection_and_directories(
    own_servers, own_database, tmp_path_factory, far_marketplace
):
    enterprise = await far_marketplace.open_enterprise()
    async with serving(own_servers, tmp_path_factory.mktemp("two"), TENON_WORKERS="2") as two:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        # A connection for each call, so that the kernel hands them to both processes.
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncClient(
            base_url=two.address, headers=headers, limits=limits, timeout=60
        ) as client:
            far_marketplace.http = client
            answers = await asyncio.gather(*(enterprise.department(f"D{number}") for number in range(40)))
            assert {answer.code for answer in answers} == {"000000"}
            nonce, stamp = "one-nonce-for-all", far_marketplace.stamp()
            body = {"activity": "queryInstance", "instanceId": enterprise.instance}
            answers = await asyncio.gather(
                *(far_marketplace.base(body, nonce=nonce, timestamp=stamp) for _ in range(20))
            )
            assert sorted(answer.code for answer in answers) == ["000000"] + ["000001"] * 19
            listed = await client.get("/v1/tenants", params={"external_id": enterprise.tenant})
            [tenant] = listed.json()["items"]
            tree = (await client.get(f"/v1/tenants/{tenant['id']}/tree")).json()["items"]
            assert {node["code"] for node in tree} == {f"D{number}" for number in range(40)}
        two.terminate()
        assert await asyncio.to_thread(two.process.wait, PATIENCE) == 0
        assert sum(event["event"].startswith("Started server process") for event in two.events()) == 2
