"""A full list that would hurt waits for an administrator; whatever else comes goes on."""

import pytest

from tests.marketplace import user

TOP = ("A", "Head office", "")
SIZE = 30


def tree(size=SIZE):
    """Head office with so many departments below it, one person's work each."""
    return [TOP, *((f"D{number}", f"Unit {number}", "A") for number in range(size - 1))]


@pytest.fixture
async def firm(office):
    """Thirty departments, somebody in each, all of them granted the app through the head office."""
    assert (await office.enterprise.departments(tree())).code == "000000"
    people = [user(f"p{number}", orgCode=f"D{number}") for number in range(SIZE - 1)]
    assert (await office.enterprise.application(appId="app-other")).code == "000000"
    assert (await office.enterprise.members(people, appId="app-other")).code == "000000"
    await office.grant("department", "A")
    return office


async def held(firm, listed, **fields):
    """Push a list that must be held; its review."""
    answer = await firm.enterprise.departments(listed, **fields)
    assert answer.code == "000000"
    assert "held for review" in answer.body["resultMsg"]
    [review] = (await firm.get("/reviews", state="held"))["items"]
    return review


async def picture(firm):
    """The tree and everybody who may use the app."""
    nodes = (await firm.get("/tree"))["items"]
    return {(node["code"], node["name"], node["parent_code"]) for node in nodes}, await firm.everyone()


async def decide(firm, review, how, status=200, **body):
    answer = await firm.ask("POST", f"/pushes/{review['push_id']}/{how}", json=body or None)
    assert answer.status_code == status, answer.text
    return answer.json()


async def events_of(firm, after=0):
    page = await firm.get("/events", after=after, limit=1000)
    return page["items"]


async def newest_number(firm):
    return (await events_of(firm))[-1]["number"]


async def test_a_list_that_removes_too_much_is_held_and_nobody_loses_anything(firm):
    before, number = await picture(firm), await newest_number(firm)
    review = await held(firm, tree(5))
    assert await picture(firm) == before
    assert review["reason"] == "The list would remove 25 of 30 departments."
    assert review["counts"] == {"department.removed": 25, "access.lost": 25}
    [told] = await events_of(firm, number)
    assert (told["type"], told["subject"]) == ("sync.held", review["push_id"])
    assert told["data"] == {"reason": review["reason"], "counts": review["counts"]}
    push = await firm.get(f"/pushes/{review['push_id']}")
    assert (push["verdict"], push["result_code"], push["review"]) == ("held", "000000", review)


async def test_a_list_within_the_policy_is_applied_at_once(firm):
    assert (await firm.enterprise.departments(tree(10))).body["resultMsg"] == "success."
    assert len(await firm.everyone()) == 9
    assert (await firm.get("/reviews"))["items"] == []


async def test_an_empty_list_is_always_held(office):
    before = await picture(office)
    review = await held(office, [])
    assert review["reason"] == "The list is empty and would remove all 4 departments."
    assert await picture(office) == before


async def test_a_list_that_takes_the_app_from_too_many_people_is_held(firm):
    await firm.put("/sync-policy", {"max_losing": 3})
    alone = [TOP, *((code, name, "A" if code > "D3" else "") for code, name, _ in tree()[1:])]
    moved = sum(parent == "" for _, _, parent in alone) - 1
    review = await held(firm, alone)
    assert review["reason"] == f"The list would take an app from {moved} people."
    assert review["counts"] == {"department.moved": moved, "access.lost": moved}
    assert len(await firm.everyone()) == SIZE - 1


async def test_an_approved_list_is_applied_whole_and_tells_so(firm):
    review, number = await held(firm, tree(5)), await newest_number(firm)
    decided = await decide(firm, review, "approve")
    assert (decided["state"], decided["by"]) == ("approved", {"actor": "operator:bootstrap"})
    assert len(await firm.everyone()) == 4
    told = await events_of(firm, number)
    assert [event["type"] for event in told].count("access.lost") == 25
    assert (told[0]["type"], told[0]["subject"]) == ("sync.approved", review["push_id"])
    [entry] = await firm.audit(action="sync.approved")
    assert entry["counts"] == {"sync.approved": 1, "department.removed": 25, "access.lost": 25}
    assert [event["number"] for event in told] == list(range(number + 1, number + len(told) + 1))


async def test_a_rejected_list_changes_nothing_and_the_next_one_is_judged_anew(firm):
    before = await picture(firm)
    review = await held(firm, tree(5))
    assert (await decide(firm, review, "reject"))["state"] == "rejected"
    assert await picture(firm) == before
    assert (await decide(firm, review, "approve", 409))["code"] == "push_not_held"
    assert (await decide(firm, review, "reject", 409))["detail"] == "It is rejected."
    assert (await firm.enterprise.departments(tree(29))).body["resultMsg"] == "success."
    again = await held(firm, tree(5))
    assert again["push_id"] != review["push_id"]


async def test_later_pushes_go_on_while_a_list_waits(firm):
    review = await held(firm, tree(5))
    assert (await firm.enterprise.department("E", "New", "A")).code == "000000"
    assert (await firm.enterprise.department("D7", flag=0)).code == "000000"
    assert (await firm.enterprise.members([user("new", orgCode="E")], flag=1)).code == "000000"
    assert "new" in await firm.everyone()
    assert "p7" not in await firm.everyone()
    assert (await firm.get(f"/pushes/{review['push_id']}"))["review"]["state"] == "held"


async def test_approval_after_changes_needs_a_look_at_what_it_would_do_now(firm):
    review = await held(firm, tree(5))
    assert (await firm.enterprise.department("D7", flag=0)).code == "000000"
    before = await picture(firm)
    refused = await decide(firm, review, "approve", 409)
    assert refused["code"] == "plan_changed"
    assert await picture(firm) == before
    plan = await firm.get(f"/pushes/{review['push_id']}/plan", type="access.lost", limit=1000)
    assert plan["counts"] == {"department.removed": 24, "access.lost": 24}
    assert "p7" not in {change["subject"] for change in plan["changes"]}
    assert plan["digest"] in refused["detail"]
    assert await picture(firm) == before
    assert (await decide(firm, review, "approve", digest=plan["digest"]))["counts"] == plan["counts"]
    assert await firm.everyone() == ["p0", "p1", "p2", "p3"]


async def test_what_came_after_the_list_stays_when_it_is_approved(firm):
    review = await held(firm, tree(5))
    assert (await firm.enterprise.department("D20", "Newer name", "A", at=1)).code == "000000"
    plan = await firm.get(f"/pushes/{review['push_id']}/plan")
    await decide(firm, review, "approve", digest=plan["digest"])
    nodes, people = await picture(firm)
    assert ("D20", "Newer name", "A") in nodes
    assert people == ["p0", "p1", "p2", "p20", "p3"]


async def test_a_newer_list_makes_one_that_waits_void(firm):
    review = await held(firm, tree(5))
    newer = await held(firm, tree(6), at=1)
    states = {item["push_id"]: item["state"] for item in (await firm.get("/reviews"))["items"]}
    assert states == {review["push_id"]: "superseded", newer["push_id"]: "held"}
    assert (await firm.enterprise.departments(tree(29), at=2)).code == "000000"
    assert [item["state"] for item in (await firm.get("/reviews"))["items"]] == ["superseded"] * 2
    assert (await decide(firm, newer, "approve", 409))["code"] == "push_not_held"
    told = [event["type"] for event in await events_of(firm)]
    assert (told.count("sync.held"), told.count("sync.superseded")) == (2, 2)


async def test_a_list_of_an_enterprise_that_has_left_cannot_be_approved(firm):
    review = await held(firm, tree(5))
    assert (await firm.enterprise.unbind(at=1)).code == "000000"
    before = await firm.get("/tree")
    assert (await decide(firm, review, "approve", 404))["code"] == "tenant_unknown"
    assert await firm.get("/tree") == before


async def test_explicit_removals_are_never_held(firm):
    await firm.put("/sync-policy", {"max_removed": 0, "max_removed_percent": 0, "max_losing": 0})
    assert (await firm.enterprise.department("A", flag=0)).body["resultMsg"] == "success."
    assert await firm.everyone() == []
    assert (await firm.get("/reviews"))["items"] == []


async def test_a_dry_run_tells_all_and_writes_nothing(firm):
    before, number = await picture(firm), await newest_number(firm)
    listed = [{"code": code, "name": name, "parent_code": parent or None} for code, name, parent in tree(5)]
    listed.append({"code": "N", "name": "New"})
    answer = await firm.ask("POST", "/departments:plan?limit=3", json={"departments": listed})
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert plan["counts"] == {"department.added": 1, "department.removed": 25, "access.lost": 25}
    assert plan["held"] == "The list would remove 25 of 30 departments."
    assert len(plan["changes"]) == 3
    losing = await firm.ask(
        "POST", "/departments:plan?type=access.lost&limit=100", json={"departments": listed}
    )
    assert {change["subject"] for change in losing.json()["changes"]} == {f"p{n}" for n in range(4, 29)}
    assert losing.json()["digest"] == plan["digest"]
    assert await picture(firm) == before
    assert await newest_number(firm) == number
    assert (await firm.get("/pushes", limit=1))["items"][0]["interface"] == "authSync"


async def test_bad_lists_are_refused_with_a_code(firm):
    for departments, status, code in (
        ([{"code": "A", "name": "A", "parent_code": "A"}], 409, "department_loop"),
        ([{"code": "", "name": "A"}], 422, "invalid_request"),
        ([{"code": "A"}], 422, "invalid_request"),
        ([{"code": "A", "name": "A", "parent": "B"}], 422, "invalid_request"),
        ([{"code": "\x00", "name": "A"}], 422, "value_unstorable"),
    ):
        answer = await firm.ask("POST", "/departments:plan", json={"departments": departments})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_the_policy_is_read_set_and_told(firm):
    assert await firm.get("/sync-policy") == {"max_removed": 20, "max_removed_percent": 20, "max_losing": 50}
    number = await newest_number(firm)
    policy = {"max_removed": 5, "max_removed_percent": 10, "max_losing": 7}
    assert await firm.put("/sync-policy", policy) == policy
    assert await firm.put("/sync-policy", policy) == policy
    assert await firm.get("/sync-policy") == policy
    [told] = await events_of(firm, number)
    assert (told["type"], told["data"]["max_losing"]) == ("sync_policy.changed", 7)
    for bad in ({"max_removed": -1}, {"max_removed_percent": 101}, {"max_losing": "x"}, {"most": 1}):
        answer = await firm.ask("PUT", "/sync-policy", json=bad)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), bad


async def test_a_truncated_list_of_ten_thousand_departments_is_held_and_nobody_loses_access(office):
    listed = [
        TOP,
        *((f"D{number}", "Unit", f"D{(number - 1) // 8}" if number else "A") for number in range(9999)),
    ]
    assert (await office.enterprise.departments(listed)).code == "000000"
    await office.employ("ann", department="D9998")
    await office.grant("department", "A")
    review = await held(office, listed[:4321])
    assert review["reason"] == "The list would remove 5679 of 10000 departments."
    assert await office.allowed("ann")
    assert (await office.enterprise.departments(listed, at=1)).body["resultMsg"] == "success."
    assert await office.allowed("ann")
