"""Starting and stopping apps over HTTP, and what keeps while they are stopped."""

import pytest

from tests.conformance.bodies import status
from tests.service.offices import OTHER

PEOPLE = ["ann", "bob", "cleo", "dora", "emil"]


@pytest.fixture
async def staffed(office):
    """Somebody has the app by each kind of grant; `fred` has none."""
    await office.employ("ann", "fred")
    await office.employ("bob", department="C")
    await office.employ("cleo", department="A")
    await office.authorise("dora")
    await office.authorise("emil", department="B")
    await office.group("chosen", ("member", "cleo"))
    await office.grant("member", "ann")
    await office.grant("department", "B")
    await office.grant("group", "chosen")
    await office.told()
    return office


async def test_stopping_shuts_everyone_out_and_starting_brings_the_same_people_back(staffed):
    assert await staffed.everyone() == PEOPLE
    stopped = await staffed.switch(enabled=False)
    assert (stopped["id"], stopped["enabled"]) == (staffed.app, False)
    assert stopped["by"] == {"actor": "operator:bootstrap"}
    assert await staffed.everyone() == []
    assert await staffed.told() == [(name, "lost", staffed.app) for name in PEOPLE]
    assert await staffed.blocks("ann") == ["app_stopped"]

    started = await staffed.switch(enabled=True)
    assert (started["enabled"], started["since"]) == (True, None)
    assert await staffed.everyone() == PEOPLE
    assert await staffed.told() == [(name, "gained", staffed.app) for name in PEOPLE]


async def test_stopping_keeps_all_grants_and_what_they_lead_to(staffed):
    grants = await staffed.everything(f"/apps/{staffed.app}/grants")
    explained = await staffed.access("bob")
    await staffed.switch(enabled=False)
    assert await staffed.everything(f"/apps/{staffed.app}/grants") == grants
    assert (await staffed.access("bob"))["paths"] == explained["paths"]
    await staffed.switch(enabled=True)
    assert await staffed.access("bob") == explained


async def test_switching_twice_changes_nothing_and_keeps_who_stopped_it_first(staffed):
    assert (await staffed.switch(enabled=True))["enabled"]
    assert await staffed.news() == []
    first = await staffed.switch(enabled=False)
    await staffed.news()
    assert await staffed.switch(enabled=False) == first
    assert await staffed.news() == []


async def test_the_marketplaces_word_is_heard_while_the_app_is_stopped(staffed):
    await staffed.switch(enabled=False)
    await staffed.told()
    await staffed.authorise("fred", "gus")
    await staffed.authorise("dora", flag=3)
    await staffed.authorise("emil", flag=0)
    assert await staffed.everyone() == []
    assert await staffed.told() == []
    await staffed.switch(enabled=True)
    back = ["ann", "bob", "cleo", "fred", "gus"]
    assert await staffed.everyone() == back
    assert await staffed.told() == [(name, "gained", staffed.app) for name in back]


async def test_grants_and_moves_while_the_app_is_stopped_count_once_it_is_started(staffed):
    await staffed.switch(enabled=False)
    await staffed.told()
    await staffed.grant("member", "fred")
    await staffed.revoke("member", "ann")
    await staffed.enterprise.department("C", "Line 1", "X")
    assert await staffed.told() == []
    await staffed.switch(enabled=True)
    assert await staffed.everyone() == ["cleo", "dora", "emil", "fred"]
    assert [name for name, *_ in await staffed.told()] == ["cleo", "dora", "emil", "fred"]


async def test_an_app_is_stopped_by_itself_alone(staffed):
    before = await staffed.everyone(OTHER)
    await staffed.switch(enabled=False)
    assert await staffed.everyone(OTHER) == before == ["ann", "bob", "cleo", "fred"]
    listed = {item["id"]: item["enabled"] for item in await staffed.everything("/apps")}
    assert listed == {staffed.app: False, OTHER: True}


async def test_the_switch_outlives_the_marketplaces_own_removal_of_the_app(staffed):
    await staffed.switch(enabled=False)
    assert (await staffed.enterprise.application(flag=0)).code == "000000"
    answer = await staffed.ask("PATCH", f"/apps/{staffed.app}", json={"enabled": True})
    assert (answer.status_code, answer.json()["code"]) == (404, "app_unknown")
    assert (await staffed.enterprise.application()).code == "000000"
    assert await staffed.everyone() == []
    await staffed.switch(enabled=True)
    assert await staffed.everyone() == PEOPLE


async def test_starting_an_app_of_a_frozen_instance_lets_nobody_in_yet(staffed):
    await staffed.base(status(staffed.enterprise.instance, "FREEZE"))
    await staffed.switch(enabled=False)
    await staffed.told()
    await staffed.switch(enabled=True)
    assert await staffed.everyone() == []
    assert await staffed.told() == []
    await staffed.base(status(staffed.enterprise.instance, "UNFREEZE"))
    assert [name for name, change, app in await staffed.told() if app == staffed.app] == PEOPLE


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"enabled": None},
        {"enabled": 2},
        {"enabled": "maybe"},
        {"enabled": [True]},
        {"enabled": False, "reason": "holiday"},
        {"Enabled": False},
        [],
        None,
        "false",
    ],
)
async def test_a_switch_that_is_neither_on_nor_off_changes_nothing(office, body):
    await office.news()
    answer = await office.ask("PATCH", f"/apps/{office.app}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [item["enabled"] for item in await office.everything("/apps")] == [True]
    assert await office.news() == []


async def test_an_app_that_is_not_there_cannot_be_switched(office):
    answer = await office.ask("PATCH", "/apps/none", json={"enabled": False})
    assert (answer.status_code, answer.json()["code"]) == (404, "app_unknown")
