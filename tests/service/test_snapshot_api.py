"""The snapshot over HTTP: whole, consistent, recognisable when cut off, and bounded in number."""

import asyncio
import json
from uuid import uuid4

import pytest

from tenancy.database import DB
from tests.faults.processes import eventually
from tests.followers import Follower, HttpFollower
from tests.marketplace import user

ODD = 'a "quoted" \\ back\\\\slash, 王小明 \u0001\u0002\t\n\r\x7f \u2028 😀 \\. {}'


async def lines_of(office):
    answer = await office.api.get(f"{office.home}/snapshot")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.content.endswith(b"\n")
    return [json.loads(line) for line in answer.content.split(b"\n")[:-1]]


async def test_every_object_is_a_line_whatever_its_name_is(office):
    await office.employ("ann")
    people = [user("bob", name=ODD, orgCode="X"), user(ODD, orgCode="X")]
    assert (await office.enterprise.members(people)).code == "000000"
    lines = await lines_of(office)
    assert list(lines[0]) == ["as_of"]
    names = {line["user_name"]: line["name"] for line in lines[1:] if line["kind"] == "member"}
    assert names.keys() == {"ann", "bob", ODD}
    assert names["bob"] == ODD
    follower = HttpFollower(office.api, office.tenant_id)
    follower.follower = Follower()
    await follower.is_right()


async def test_a_snapshot_is_of_one_instant_while_changes_go_on(office):
    async def change():
        for number in range(30):
            await office.group(f"g{number}", ("department", "A"))
            await office.delete(f"/groups/g{number}")

    changing = asyncio.create_task(change())
    followers = []
    while not changing.done():
        follower = HttpFollower(office.api, office.tenant_id)
        await follower.begin()
        followers.append(follower)
    await changing
    assert len({follower.follower.number for follower in followers}) > 1
    for follower in followers:
        await follower.is_right()


async def test_an_unknown_tenant_has_none(api):
    answer = await api.get(f"/v1/tenants/{uuid4()}/snapshot")
    assert (answer.status_code, answer.json()["code"]) == (404, "tenant_unknown")


async def test_one_too_many_is_told_to_come_back_and_each_gives_its_place_back(office, runtime, monkeypatch):
    monkeypatch.setattr(runtime.spools, "most", 1)
    for _ in range(3):
        assert await lines_of(office)
    spool = runtime.spools.open()
    answer = await office.api.get(f"{office.home}/snapshot")
    assert (answer.status_code, answer.json()["code"]) == (503, "spools_busy")
    assert answer.headers["retry-after"]
    spool.close()
    assert (await office.api.get(f"/v1/tenants/{uuid4()}/snapshot")).status_code == 404
    assert await lines_of(office)
    assert runtime.spools.taken == 0


async def all_connections_idle():
    return DB.pool.get_size() == DB.pool.get_idle_size()


class Gone(Exception):
    pass


@pytest.mark.parametrize("pieces", [0, 1])
async def test_a_reader_that_goes_or_stalls_holds_neither_connection_nor_place(pieces, office, app, runtime):
    """The reader takes the head of the answer, and perhaps a piece, and no more."""
    messages = []
    stalled, ended = asyncio.Event(), asyncio.Event()

    async def receive():
        if not messages:
            return {"type": "http.request", "body": b"", "more_body": False}
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        messages.append(message)
        if len(messages) > pieces:
            stalled.set()
            await ended.wait()
            raise Gone

    path = f"{office.home}/snapshot"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"authorization", office.api.headers["authorization"].encode())],
        "client": ("127.0.0.1", 1),
        "server": ("tenon.test", 80),
        "state": {},
    }
    task = asyncio.create_task(app(scope, receive, send))
    await asyncio.wait_for(stalled.wait(), 30)
    # Somebody else may be looking something up just now; what the reader held would stay in use.
    await eventually(all_connections_idle, "all connections are idle")
    assert runtime.spools.taken == 1
    ended.set()
    await asyncio.wait({task}, timeout=30)
    if not task.cancelled():
        task.exception()
    del task
    for _ in range(20):
        await asyncio.sleep(0.01)
        if not runtime.spools.taken:
            break
    assert runtime.spools.taken == 0
