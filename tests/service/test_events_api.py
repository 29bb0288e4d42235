"""Following one tenant over HTTP: pages, waiting, what is gone, and the snapshot to begin with."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from service.event_waits import EventWaits
from tenancy.acts import Act
from tenancy.database import DB
from tenancy.event_types import EVENT_TYPES
from tenancy.retention import remove_old_events
from tenancy.tokens import make_token
from tests.followers import HttpFollower


async def ask(office, **query):
    return await office.api.get(f"{office.home}/events", params=query)


async def newest(office):
    return (await ask(office, limit=1)).json()["last"]


async def forget_all_events():
    while await remove_old_events(before=datetime.now(UTC) + timedelta(seconds=1)):
        continue


async def test_a_snapshot_and_the_events_after_it_are_the_present(office):
    follower = HttpFollower(office.api, office.tenant_id, limit=3)
    await follower.begin()
    await office.employ("ann", "bob", department="B")
    await office.group("g", ("department", "A"))
    await office.grant("group", "g")
    await follower.is_right()
    await office.switch(enabled=False)
    await office.authorise("ann", flag=0)
    assert (await office.enterprise.department("B", flag=0)).code == "000000"
    assert (await office.enterprise.unbind()).code == "000000"
    await follower.is_right()


async def test_an_event_tells_what_why_and_when(office, clock):
    after = await newest(office)
    moment = datetime.now(UTC) + timedelta(hours=1)
    clock.freeze(moment)
    await office.group("g")
    page = (await ask(office, after=after)).json()
    group = {"id": "g", "name": "G"}
    [event] = page["items"]
    assert event == {
        "number": after + 1,
        "type": "group.added",
        "at": msgspec.to_builtins(moment),
        "subject": "g",
        "data": group,
        "previous": None,
        "cause": {"actor": "operator:bootstrap"},
    }
    assert (page["next"], page["last"]) == (after + 1, after + 1)


async def test_pages_are_as_long_as_asked_for_and_an_empty_one_leads_nowhere_else(office):
    last = await newest(office)
    assert last > 5
    found, after = [], 0
    while after < last:
        page = (await ask(office, after=after, limit=2)).json()
        assert len(page["items"]) <= 2
        found += [event["number"] for event in page["items"]]
        after = page["next"]
    assert found == list(range(1, last + 1))
    assert (await ask(office, after=last)).json() == {"items": [], "next": last, "last": last}


@pytest.mark.parametrize(
    "query", [{"limit": 1001}, {"limit": 0}, {"after": -1}, {"after": "x"}, {"wait": 61}, {"wait": -1}]
)
async def test_what_cannot_be_asked_is_refused(query, office):
    assert (await ask(office, **query)).status_code == 422


async def test_a_number_that_has_not_been_told_yet_is_of_another_log(office):
    answer = await ask(office, after=await newest(office) + 1)
    assert (answer.status_code, answer.json()["code"]) == (422, "events_ahead")


async def test_events_that_are_not_kept_any_more_are_gone_and_the_way_out_is_told(office):
    follower = HttpFollower(office.api, office.tenant_id)
    await follower.begin()
    await office.group("g")
    await forget_all_events()
    answer = await ask(office, after=follower.follower.number)
    assert (answer.status_code, answer.json()["code"]) == (410, "events_removed")
    assert "snapshot" in answer.json()["title"]
    assert f"{office.home}/snapshot" in answer.json()["detail"]
    assert (await ask(office)).status_code == 410
    # Who has heard everything misses nothing.
    assert (await ask(office, after=follower.follower.number + 1)).json()["items"] == []
    await office.group("h")
    await follower.is_right()


async def test_who_waits_is_answered_within_a_tenth_of_a_second_of_the_change(office):
    follower = HttpFollower(office.api, office.tenant_id)
    await follower.begin()
    delays = []
    for number in range(9):
        waiting = asyncio.create_task(follower.step(wait=30))
        await asyncio.sleep(0.06)
        assert not waiting.done()
        await office.group(f"g{number}")
        begun = time.perf_counter()
        assert await waiting == 1
        delays.append(time.perf_counter() - begun)
    assert sorted(delays)[len(delays) // 2] < 0.1, delays


async def test_who_waits_in_vain_gets_an_empty_page_in_time(office):
    last = await newest(office)
    begun = time.perf_counter()
    answer = await ask(office, after=last, wait=0.3)
    assert answer.json() == {"items": [], "next": last, "last": last}
    assert 0.3 <= time.perf_counter() - begun < 3


async def all_wait(runtime, count):
    """So many have looked once, however long that takes here, and wait now."""
    async with asyncio.timeout(20):
        while len(runtime.waits._waiting) < count:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def test_waiting_holds_no_connection_however_many_wait(office, runtime):
    last = await newest(office)
    waiting = [asyncio.create_task(ask(office, after=last, wait=30)) for _ in range(50)]
    await all_wait(runtime, 50)
    assert DB.pool.get_size() - DB.pool.get_idle_size() <= 1
    assert not any(task.done() for task in waiting)
    await office.group("g")
    assert {len((await task).json()["items"]) for task in waiting} == {1}


async def test_one_too_many_is_answered_at_once(office, runtime, monkeypatch):
    monkeypatch.setattr("service.event_waits._MOST_WAITING", 1)
    last = await newest(office)
    first = asyncio.create_task(ask(office, after=last, wait=30))
    await all_wait(runtime, 1)
    assert (await ask(office, after=last, wait=30)).json()["items"] == []
    assert not first.done()
    await office.group("g")
    assert len((await first).json()["items"]) == 1


async def test_nothing_looks_when_nobody_waits_and_closing_lets_everybody_go(office):
    waits = EventWaits()
    last = await newest(office)
    assert not await waits.wait(office.tenant_id, after=last, seconds=0.01)
    await asyncio.sleep(0.2)
    assert waits._looking is None
    waiting = asyncio.create_task(waits.wait(office.tenant_id, after=last, seconds=30))
    await asyncio.sleep(0.01)
    await waits.close()
    assert await waiting


async def test_a_tenants_token_reads_its_own_log_only(office, http, marketplace):
    token = await make_token(
        role="reader", tenant_id=office.tenant_id, act=Act(actor="test", at=datetime.now(UTC))
    )
    headers = {"Authorization": f"Bearer {token}"}
    stranger = await marketplace.open_enterprise()
    listed = (await office.api.get("/v1/tenants", params={"external_id": stranger.tenant})).json()
    other = f"/v1/tenants/{listed['items'][0]['id']}"
    statuses = {
        path: (await http.get(path, headers=headers)).status_code
        for path in (
            f"{office.home}/events",
            f"{office.home}/snapshot",
            f"{other}/events",
            f"{other}/snapshot",
            "/v1/events",
        )
    }
    assert list(statuses.values()) == [200, 200, 404, 404, 404]


async def test_the_types_tell_what_is_told_and_by_which_rule(office):
    told = (await office.api.get("/v1/event-types")).json()
    assert "previous" in told["rule"]
    assert {item["type"] for item in told["items"]} == EVENT_TYPES.keys()
    by_type = {item["type"]: item for item in told["items"]}
    moved = by_type["department.moved"]
    assert (moved["kind"], moved["key"]) == ("department", ["code"])
    shape = moved["schema"]["$defs"]["DepartmentObject"]
    assert shape["required"] == ["code", "name", "parent_code"]
    assert by_type["product.removed"]["schema"] is None
    assert all(item["meaning"] for item in told["items"])


async def test_the_description_of_the_api_shows_what_pages_are(api):
    document = json.loads((await api.get("/openapi.json")).content)
    for path, shape in (("/v1/tenants/{tenant_id}/events", "EventPage"), ("/v1/events", "FeedPage")):
        answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        assert answer["schema"]["$ref"].endswith(shape)
    snapshot = document["paths"]["/v1/tenants/{tenant_id}/snapshot"]["get"]["responses"]["200"]
    assert set(snapshot["content"]) == {"application/x-ndjson"}
