"""Undoing a push over HTTP: what comes back, what is left alone, and what it says about that."""

from uuid import uuid4

import pytest

from tests.service.offices import gained
from tests.service.undoing import TREE, newest, reasons, staff, tree, undo


@pytest.fixture
async def staffed(office):
    return await staff(office)


async def test_a_wrong_list_is_undone_with_everybodys_access(staffed):
    assert (await staffed.enterprise.departments([("X", "Office", "")])).code == "000000"
    push = await newest(staffed)
    await staffed.told()
    assert await staffed.everyone() == []
    undone = await undo(staffed, push)
    assert undone["counts"] == {"department.restored": 3, "department.renamed": 1, "access.gained": 1}
    assert (undone["left"], undone["left_total"]) == ([], 0)
    assert await tree(staffed) == TREE
    assert await staffed.told() == gained(staffed, "cleo")
    assert await staffed.everyone() == ["cleo"]


async def test_an_undo_is_an_act_of_its_own_with_its_change_set(staffed):
    assert (await staffed.enterprise.department("C", flag=0)).code == "000000"
    push = await newest(staffed)
    await staffed.news()
    undone = await undo(staffed, push)
    [entry] = await staffed.news()
    assert entry["id"] == undone["id"]
    assert (entry["action"], entry["subject"]) == ("push.undone", push)
    assert entry["after"] == {"counts": undone["counts"], "left": 0}
    changes = await staffed.everything(f"/audit/{undone['id']}/changes")
    assert [(event["type"], event["subject"]) for event in changes] == [
        ("push.undone", push),
        ("department.restored", "C"),
        ("access.gained", "cleo"),
    ]
    assert changes[1]["data"] == {"code": "C", "name": "Line 1", "parent_code": "B"}
    assert {event["cause"]["actor"] for event in changes} == {"operator:bootstrap"}


async def test_undoing_twice_finds_nothing_to_do_and_leaves_no_trace(staffed):
    await staffed.enterprise.departments([("X", "Office", "")])
    push = await newest(staffed)
    await undo(staffed, push)
    await staffed.news()
    again = await undo(staffed, push)
    assert (again["id"], again["counts"], again["left_total"]) == (None, {}, 4)
    assert set(reasons(again).values()) == {"It is as before the push already."}
    assert await staffed.news() == []


async def test_the_same_wrong_list_again_does_not_undo_the_undo_but_a_later_list_counts(staffed):
    sent = staffed.marketplace.time()
    assert (await staffed.enterprise.departments([("X", "Office", "")], at=sent)).code == "000000"
    await undo(staffed)
    assert (await staffed.enterprise.departments([("X", "Office", "")], at=sent)).code == "000000"
    assert await tree(staffed) == TREE
    assert await staffed.everyone() == ["cleo"]
    assert (await staffed.enterprise.departments(TREE[:2], at=1)).code == "000000"
    assert await tree(staffed) == TREE[:2]


async def test_an_undo_stands_against_the_same_push_from_a_clock_that_is_ahead(staffed):
    ahead = staffed.marketplace.time(200)
    await staffed.enterprise.department("B", "Plant", "X", at=ahead)
    await undo(staffed)
    assert await tree(staffed) == TREE
    await staffed.enterprise.department("B", "Plant", "X", at=ahead)
    assert await tree(staffed) == TREE


async def test_what_has_changed_since_is_left_alone_with_the_name_of_who_did_it(staffed):
    await staffed.enterprise.departments([TREE[3]])
    push = await newest(staffed)
    await staffed.enterprise.department("B", "Works", "", at=1)
    later = await newest(staffed)
    undone = await undo(staffed, push)
    assert undone["counts"] == {"department.restored": 2}
    assert reasons(undone) == {("department.removed", "B"): f"It has come back since by push {later}."}
    assert await tree(staffed) == [TREE[0], ("B", "Works", ""), TREE[2], TREE[3]]


async def test_a_newer_list_that_says_the_same_is_not_contradicted(staffed):
    await staffed.enterprise.departments([TREE[3]])
    push = await newest(staffed)
    await staffed.enterprise.departments([TREE[3]], at=1)
    undone = await undo(staffed, push)
    assert (undone["counts"], undone["left_total"]) == ({}, 3)
    assert set(reasons(undone).values()) == {"A newer message says that it is as the push left it."}


async def test_what_the_push_added_is_not_removed(staffed):
    await staffed.enterprise.departments([*TREE[:2], ("N", "New", "A")])
    undone = await undo(staffed)
    assert undone["counts"] == {"department.restored": 2, "access.gained": 1}
    reason = "The push added it; there is nothing to bring back."
    assert reasons(undone) == {("department.added", "N"): reason}
    assert await tree(staffed) == [*TREE[:3], ("N", "New", "A"), TREE[3]]


async def test_what_would_close_a_loop_is_left_alone(staffed):
    await staffed.enterprise.department("C", "Line 1", "X")
    push = await newest(staffed)
    await staffed.enterprise.department("B", "Plant", "C", at=1)
    undone = await undo(staffed, push)
    assert reasons(undone) == {("department.moved", "C"): "A department would become its own ancestor."}
    assert await tree(staffed) == [TREE[0], ("B", "Plant", "C"), ("C", "Line 1", "X"), TREE[3]]


async def test_a_department_whose_parent_is_gone_comes_back_as_an_orphan(staffed):
    await staffed.enterprise.department("C", flag=0)
    push = await newest(staffed)
    await staffed.enterprise.department("B", flag=0, at=1)
    assert (await undo(staffed, push))["counts"] == {"department.restored": 1}
    found = await staffed.get("/departments/C")
    assert (found["parent_code"], found["orphan"]) == ("B", True)


async def test_a_removed_app_is_not_invented_anew(staffed):
    assert (await staffed.enterprise.application(flag=0)).code == "000000"
    undone = await undo(staffed)
    assert (undone["id"], undone["counts"]) == (None, {})
    assert reasons(undone) == {
        (
            "app.removed",
            staffed.app,
        ): "The credentials of an app are not kept; the marketplace has to send them again."
    }


async def test_an_approved_push_is_undone_with_its_approval(staffed):
    answer = await staffed.ask("PUT", "/sync-policy", json={"max_losing": 0})
    assert answer.status_code == 200, answer.text
    await staffed.enterprise.departments([TREE[3]])
    push = await newest(staffed)
    assert await tree(staffed) == TREE
    assert (await undo(staffed, push))["left_total"] == 0
    answer = await staffed.ask("POST", f"/pushes/{push}/approve", json={})
    assert answer.status_code == 200, answer.text
    assert await tree(staffed) == [TREE[3]]
    assert (await undo(staffed, push))["counts"] == {"department.restored": 3, "access.gained": 1}
    assert await tree(staffed) == TREE


async def test_a_push_that_changed_nothing_leaves_nothing_to_undo(staffed):
    await staffed.enterprise.departments(TREE)
    assert await undo(staffed) == {"id": None, "counts": {}, "left": [], "left_total": 0}


async def test_an_unknown_push_is_not_found_and_no_other_tenants_either(staffed):
    for push in (uuid4(), (await staffed.api.get("/v1/pushes")).json()["items"][0]["id"]):
        answer = await staffed.ask("POST", f"/pushes/{push}/undo")
        assert (answer.status_code, answer.json()["code"]) == (404, "push_unknown")
    answer = await staffed.api.post(f"/v1/tenants/{uuid4()}/pushes/{uuid4()}/undo")
    assert (answer.status_code, answer.json()["code"]) == (404, "tenant_unknown")
