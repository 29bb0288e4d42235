"""Undoing over HTTP what a push did to people: attributes, departments, the marketplace's word."""

import pytest

from tests.marketplace import user
from tests.service.offices import gained
from tests.service.undoing import newest, person, reasons, staff, undo


@pytest.fixture
async def staffed(office):
    return await staff(office)


async def test_removed_people_come_back_as_they_were_with_their_access(staffed):
    await staffed.authorise("dora", "eve", department="B", mobile="100", role="admin")
    before = [await person(staffed, name) for name in ("dora", "eve")]
    await staffed.authorise("dora", "eve", "fay", flag=0)
    await staffed.told()
    undone = await undo(staffed)
    assert undone["counts"] == {
        "member.restored": 1,
        "membership.added": 1,
        "authorisation.granted": 2,
        "authorisation.unsaid": 1,
        "access.gained": 2,
    }
    assert undone["left"] == []
    assert [await person(staffed, name) for name in ("dora", "eve")] == before
    assert await staffed.told() == gained(staffed, "dora", "eve")
    explained = await staffed.access("eve")
    assert [(path["kind"], path["by"]) for path in explained["paths"]] == [
        ("marketplace", {"actor": "operator:bootstrap"}),
        ("department", {"actor": "operator:bootstrap"}),
    ]
    granted = await staffed.get(f"/apps/{staffed.app}/grants", source="marketplace")
    assert {grant["by"]["actor"] for grant in granted["items"]} == {"operator:bootstrap"}


async def test_a_cancelled_authorisation_is_given_back_and_the_same_push_does_not_take_it_again(staffed):
    await staffed.authorise("dora")
    sent = staffed.marketplace.time()
    people = [user("dora")]
    assert (await staffed.enterprise.members(people, flag=3, at=sent)).code == "000000"
    assert await staffed.blocks("dora") == ["authorisation_cancelled"]
    assert (await undo(staffed))["counts"] == {"authorisation.granted": 1, "access.gained": 1}
    assert await staffed.allowed("dora")
    assert (await staffed.enterprise.members(people, flag=3, at=sent)).code == "000000"
    assert await staffed.allowed("dora")
    assert (await staffed.enterprise.members(people, flag=3, at=1)).code == "000000"
    assert not await staffed.allowed("dora")


async def test_a_cancellation_where_nothing_had_been_said_leaves_local_grants_their_effect(staffed):
    people = [user("cleo")]
    sent = staffed.marketplace.time()
    assert (await staffed.enterprise.members(people, flag=3, at=sent)).code == "000000"
    assert not await staffed.allowed("cleo")
    assert (await undo(staffed))["counts"] == {"authorisation.unsaid": 1, "access.gained": 1}
    assert await staffed.allowed("cleo")
    assert (await staffed.enterprise.members(people, flag=3, at=sent)).code == "000000"
    assert await staffed.allowed("cleo")
    await staffed.revoke("department", "A")
    assert not await staffed.allowed("cleo")
    await staffed.authorise("cleo", flag=2, department="C")
    assert await staffed.allowed("cleo")


async def test_changed_attributes_and_departments_go_back(staffed):
    await staffed.authorise("cleo", department="C", mobile="100")
    before = await person(staffed, "cleo")
    await staffed.authorise("cleo", department="X", mobile="200", role="admin", enable="false")
    assert await staffed.everyone() == []
    undone = await undo(staffed)
    assert undone["counts"] == {
        "member.changed": 1,
        "membership.removed": 1,
        "membership.added": 1,
        "access.gained": 2,
    }
    assert await person(staffed, "cleo") == before


async def test_a_person_who_has_changed_since_is_left_alone(staffed):
    await staffed.authorise("cleo", department="X", mobile="200")
    push = await newest(staffed)
    await staffed.authorise("cleo", department="X", mobile="300")
    later = await newest(staffed)
    undone = await undo(staffed, push)
    assert undone["counts"] == {}
    newer = "A newer message says that it is as the push left it."
    assert reasons(undone) == {
        ("member.changed", "cleo"): f"It has changed since by push {later}.",
        ("membership.removed", "cleo"): newer,
        ("membership.added", "cleo"): newer,
        ("authorisation.granted", "cleo"): "The push added it; there is nothing to bring back.",
    }
    assert (await person(staffed, "cleo"))["mobile"] == "300"
    assert (await person(staffed, "cleo"))["department_codes"] == ["X"]


async def test_the_end_of_a_binding_comes_back_only_through_the_marketplace(staffed):
    await staffed.authorise("eve")
    await staffed.authorise("eve", flag=0)
    removal = await newest(staffed)
    assert (await staffed.enterprise.unbind()).code == "000000"
    undone = await undo(staffed)
    assert undone["counts"] == {}
    assert {reason.partition(";")[2] for reason in reasons(undone).values()} == {
        "",
        " the marketplace has to send them again.",
    }
    undone = await undo(staffed, removal)
    assert undone["counts"] == {}
    assert set(reasons(undone).values()) == {
        "The binding has ended; it comes back only through the marketplace."
    }
