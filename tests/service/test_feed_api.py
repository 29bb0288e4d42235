"""The log across tenants over HTTP: everything once, in one order, whoever writes meanwhile."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from service.worker import sweep
from tenancy.bindings import Place, find_tenant
from tenancy.database import system_scope
from tenancy.departments import put_department
from tenancy.paging import encode_cursor
from tenancy.retention import remove_old_events
from tenancy.tree import Department
from tests.followers import check_shapes
from tests.tenancy.pushing import a_push, moment


async def ask(api, **query):
    return await api.get("/v1/events", params=query)


async def head(api):
    """The cursor after which nothing has come yet."""
    return (await ask(api, limit=1)).json()["last"]


async def read_from(api, cursor, **query):
    """Everything after a cursor, page by page."""
    found = []
    while True:
        answer = await ask(api, **({"after": cursor} if cursor else {}), **query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        cursor = page["next"]
        if cursor == page["last"]:
            return found


async def other_office(office):
    """The id of another tenant of the same product, and its enterprise."""
    enterprise = await office.marketplace.open_enterprise()
    listed = (await office.api.get("/v1/tenants", params={"external_id": enterprise.tenant})).json()
    return listed["items"][0]["id"], enterprise


async def test_events_of_all_tenants_come_in_one_order_with_their_tenant(office):
    cursor = await head(office.api)
    await office.group("g")
    other, enterprise = await other_office(office)
    await office.group("h")
    for limit in (1, 2, 1000):
        found = await read_from(office.api, cursor, limit=limit)
        ours = [event["subject"] for event in found if event["tenant_id"] == office.tenant_id]
        assert ours == ["g", "h"]
        theirs = [event["number"] for event in found if event["tenant_id"] == other]
        assert theirs == list(range(1, len(theirs) + 1))
        bought = [event for event in found if event["tenant_id"] is None]
        assert [event["type"] for event in bought] == ["instance.opened"]
        assert bought[0]["subject"] == enterprise.instance
        assert len(found) == 3 + len(theirs)
        for event in found:
            check_shapes(event)


async def test_an_event_reads_the_same_in_both_logs(office):
    cursor = await head(office.api)
    await office.employ("ann")
    both = await office.get("/events", limit=1000)
    numbers = {event["number"]: event for event in both["items"]}
    for event in await read_from(office.api, cursor):
        assert event.pop("tenant_id") == office.tenant_id
        assert numbers[event["number"]] == event


async def test_only_the_types_that_are_asked_for_are_shown(office):
    cursor = await head(office.api)
    await office.employ("ann", "bob")
    for number in range(30):
        await office.group(f"g{number}", ("member", "ann"))
    named = await read_from(office.api, cursor, types="group.added", limit=1)
    assert [event["subject"] for event in named] == [f"g{number}" for number in range(30)]
    both = await read_from(office.api, cursor, types=["membership.*", "member.added"], limit=2)
    assert {event["type"] for event in both} == {"member.added", "membership.added"}
    assert len(both) == 4
    assert await read_from(office.api, cursor, types="tenant.*") == []


@pytest.mark.parametrize("types", ["group", "group.exploded", "*", "gro*", "nothing.*"])
async def test_a_type_that_is_never_told_is_refused(types, api):
    answer = await ask(api, types=types)
    assert (answer.status_code, answer.json()["code"]) == (422, "event_type_unknown")
    assert types in answer.json()["detail"]


async def test_shadow_tenants_are_shown_apart(office):
    cursor = await head(office.api)
    place = Place(
        product="p", instance_id="debug", external_id=office.tenant_id, is_test=True, source="koogallery"
    )
    await put_department(place, Department("S", "Shadow"), at=moment(0), push=a_push(moment(0)))
    await office.group("g")
    shadow = str(await find_tenant(place))
    assert [event["subject"] for event in await read_from(office.api, cursor)] == ["g"]
    found = await read_from(office.api, cursor, test=True)
    assert [(event["tenant_id"], event["subject"]) for event in found] == [(shadow, "S")]


async def test_who_waits_is_told_of_any_tenant_and_not_of_other_types(office):
    cursor = await head(office.api)
    waiting = asyncio.create_task(ask(office.api, after=cursor, wait=30, types="group.removed"))
    await asyncio.sleep(0.1)
    await office.group("g")
    await other_office(office)
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await office.delete("/groups/g")
    begun = time.perf_counter()
    page = (await waiting).json()
    assert time.perf_counter() - begun < 1
    assert [event["type"] for event in page["items"]] == ["group.removed"]
    assert await read_from(office.api, page["next"]) == []


async def test_who_waits_in_vain_is_led_past_what_it_did_not_ask_for(office):
    cursor = await head(office.api)
    await office.group("g")
    page = (await ask(office.api, after=cursor, wait=0.2, types="tenant.*")).json()
    assert page["items"] == []
    assert page["next"] == page["last"] != cursor


@pytest.mark.parametrize("cursor", ["x", "W10", encode_cursor("x"), encode_cursor([1]), "é"])
async def test_a_cursor_that_was_not_given_out_is_refused(cursor, api):
    answer = await ask(api, after=cursor)
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


async def test_a_cursor_beyond_the_newest_event_is_of_another_database(office):
    await office.group("g")
    answer = await ask(office.api, after=encode_cursor([2**40, 1]))
    assert (answer.status_code, answer.json()["code"]) == (422, "events_ahead")


async def forget_all_events():
    while await remove_old_events(before=datetime.now(UTC) + timedelta(seconds=1)):
        continue


async def test_a_cursor_older_than_what_is_kept_is_refused_and_the_way_out_is_told(office):
    cursor = await head(office.api)
    await office.group("g")
    reached = await head(office.api)
    await forget_all_events()
    answer = await ask(office.api, after=cursor)
    assert (answer.status_code, answer.json()["code"]) == (410, "events_removed")
    assert "snapshot" in answer.json()["title"]
    assert await read_from(office.api, reached) == []
    await office.group("h")
    assert [event["subject"] for event in await read_from(office.api, reached)] == ["h"]
    assert [event["subject"] for event in await read_from(office.api, None)] == ["h"]
    assert (await ask(office.api, after=cursor)).status_code == 410


async def test_whoever_has_missed_a_part_of_it_is_told_although_more_was_kept(office):
    """One tenant's events go, another's of the same time are still there."""
    _, enterprise = await other_office(office)
    cursor = await head(office.api)
    await office.group("g")
    await head(office.api)
    assert (await enterprise.department("D9")).code == "000000"
    await head(office.api)
    await office.group("h")
    last = await head(office.api)
    async with system_scope() as db:
        # As the retention does it, but for one tenant only.
        for table in ("event", "change_set"):
            await db.execute(f"DELETE FROM {table} WHERE tenant_id = $1", UUID(office.tenant_id))
    assert (await ask(office.api, after=cursor)).status_code == 410
    assert (await ask(office.api, after=last)).json()["items"] == []


async def test_the_end_of_a_tenants_data_is_told_across_tenants(office, runtime, clock):
    cursor = await head(office.api)
    await office.group("g")
    assert (await office.enterprise.unbind()).code == "000000"
    clock.freeze(datetime.now(UTC) + timedelta(days=runtime.settings.retention_days, seconds=60))
    await sweep(runtime)
    told = await read_from(office.api, cursor, types="tenant.erased")
    erased = [event["data"] for event in told]
    assert {"tenant_id": office.tenant_id, "external_id": office.enterprise.tenant} in erased
    assert all(event["tenant_id"] is None for event in told)
    assert (await office.ask("GET", "/snapshot")).status_code == 404
