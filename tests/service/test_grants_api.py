"""Grants over HTTP: to whom, from whom, and how long they keep."""

import pytest

from tests.service.offices import OTHER


@pytest.fixture
async def staffed(office):
    await office.employ("ann", department="A")
    await office.employ("bob", department="B")
    await office.employ("cleo", department="C")
    await office.employ("xaver")
    await office.group("chosen", ("member", "ann"), ("department", "C"))
    await office.told()
    return office


@pytest.mark.parametrize(
    ("kind", "identifier", "people"),
    [
        ("member", "ann", ["ann"]),
        ("department", "A", ["ann", "bob", "cleo"]),
        ("department", "C", ["cleo"]),
        ("group", "chosen", ["ann", "cleo"]),
        ("everyone", "*", ["ann", "bob", "cleo", "xaver"]),
    ],
)
async def test_a_grant_reaches_whom_it_names_until_it_is_revoked(staffed, kind, identifier, people):
    granted = await staffed.grant(kind, identifier)
    assert granted == await staffed.get(staffed.grant_path(kind, identifier))
    assert (granted["type"], granted["id"]) == (kind, identifier)
    assert (granted["source"], granted["instance_id"]) == ("local", None)
    assert granted["by"] == {"actor": "operator:bootstrap"}
    assert await staffed.told() == [(name, "gained", staffed.app) for name in people]
    for name in ("ann", "bob", "cleo", "xaver"):
        assert await staffed.allowed(name) == (name in people)

    assert await staffed.grant(kind, identifier) == granted
    assert await staffed.news() == []

    await staffed.revoke(kind, identifier)
    assert await staffed.told() == [(name, "lost", staffed.app) for name in people]
    assert await staffed.everyone() == []
    gone = await staffed.ask("GET", staffed.grant_path(kind, identifier))
    assert (gone.status_code, gone.json()["code"]) == (404, "grant_unknown")
    await staffed.revoke(kind, identifier)
    assert await staffed.news() == []


async def test_grants_of_both_sources_are_listed_in_pages_and_apart(staffed):
    await staffed.authorise("ann", department="A")
    await staffed.authorise("zoe")
    for kind, identifier in (("member", "ann"), ("department", "B"), ("group", "chosen"), ("everyone", "*")):
        await staffed.grant(kind, identifier)
    path = f"/apps/{staffed.app}/grants"
    listed = [(grant["type"], grant["id"], grant["source"]) for grant in await staffed.everything(path)]
    local = [("department", "B"), ("everyone", "*"), ("group", "chosen"), ("member", "ann")]
    marketplace = [("member", "ann"), ("member", "zoe")]
    assert sorted(listed) == sorted(
        [(*one, "local") for one in local] + [(*one, "marketplace") for one in marketplace]
    )
    for source, expected in (("local", local), ("marketplace", marketplace)):
        found = await staffed.everything(path, source=source)
        assert [(grant["type"], grant["id"]) for grant in found] == expected
    by_marketplace = await staffed.get(staffed.grant_path("member", "zoe"))
    [push] = (await staffed.get("/pushes", limit=1))["items"]
    assert by_marketplace["by"] == {"push": push["id"]}
    assert by_marketplace["instance_id"] == staffed.enterprise.instance
    assert (await staffed.get(staffed.grant_path("member", "ann")))["source"] == "local"
    answer = await staffed.ask("GET", path, params={"source": "elsewhere"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_what_the_marketplace_has_granted_only_the_marketplace_withdraws(staffed):
    await staffed.authorise("zoe")
    await staffed.news()
    refused = await staffed.ask("DELETE", staffed.grant_path("member", "zoe"))
    assert (refused.status_code, refused.json()["code"]) == (409, "granted_by_marketplace")
    assert await staffed.news() == []
    assert await staffed.allowed("zoe")
    await staffed.grant("member", "zoe")
    await staffed.revoke("member", "zoe")
    assert await staffed.allowed("zoe")
    await staffed.authorise("zoe", flag=3)
    await staffed.revoke("member", "zoe")


async def test_a_department_that_arrives_or_moves_below_later_is_reached_too(staffed):
    await staffed.grant("department", "A")
    await staffed.employ("nora", department="N")
    await staffed.enterprise.department("M", "Shift", "N")
    await staffed.employ("mia", department="M")
    await staffed.told()
    assert await staffed.everyone() == ["ann", "bob", "cleo"]
    await staffed.enterprise.department("N", "New plant", "B")
    assert await staffed.told() == [("mia", "gained", staffed.app), ("nora", "gained", staffed.app)]
    await staffed.enterprise.department("X", "Branch", "N")
    assert await staffed.told() == [("xaver", "gained", staffed.app)]
    await staffed.enterprise.department("N", "New plant", "")
    assert [name for name, *_ in await staffed.told()] == ["mia", "nora", "xaver"]
    assert await staffed.everyone() == ["ann", "bob", "cleo"]


async def test_a_grant_sleeps_while_its_department_is_removed_and_wakes_with_it(staffed):
    await staffed.grant("department", "B")
    await staffed.told()
    await staffed.enterprise.department("B", flag=0)
    assert await staffed.everyone() == []
    assert await staffed.told() == [("bob", "lost", staffed.app), ("cleo", "lost", staffed.app)]
    assert [grant["id"] for grant in await staffed.everything(f"/apps/{staffed.app}/grants")] == ["B"]
    await staffed.enterprise.department("B", "Plant", "A")
    assert await staffed.everyone() == ["bob", "cleo"]
    assert await staffed.told() == [("bob", "gained", staffed.app), ("cleo", "gained", staffed.app)]
    await staffed.enterprise.department("B", flag=0)
    await staffed.revoke("department", "B")
    await staffed.revoke("department", "B")
    await staffed.enterprise.department("B", "Plant", "A")
    assert await staffed.everyone() == []


async def test_a_grant_to_a_member_sleeps_until_the_member_returns(staffed):
    await staffed.grant("member", "xaver")
    withdrawn = await staffed.enterprise.members([{"userName": "xaver"}], flag=0, appId=OTHER)
    assert withdrawn.code == "000000"
    assert await staffed.everyone() == []
    await staffed.employ("xaver")
    assert await staffed.everyone() == ["xaver"]


async def test_grants_outlive_the_end_of_a_binding_and_the_removal_of_the_app(staffed):
    await staffed.grant("department", "B")
    grants = await staffed.everything(f"/apps/{staffed.app}/grants")
    assert (await staffed.enterprise.application(flag=0)).code == "000000"
    listing = await staffed.ask("GET", f"/apps/{staffed.app}/grants")
    assert (listing.status_code, listing.json()["code"]) == (404, "app_unknown")
    assert (await staffed.enterprise.application()).code == "000000"
    assert (await staffed.enterprise.unbind()).code == "000000"
    assert (await staffed.enterprise.bind()).code == "000000"
    assert (await staffed.enterprise.application()).code == "000000"
    assert await staffed.everything(f"/apps/{staffed.app}/grants") == grants
    assert await staffed.everyone() == ["bob", "cleo"]


async def test_what_is_not_there_is_granted_nothing(staffed):
    await staffed.authorise("gone")
    await staffed.authorise("gone", flag=0)
    await staffed.enterprise.department("X", flag=0)
    await staffed.news()
    for path, code in (
        (staffed.grant_path("department", "none"), "department_unknown"),
        (staffed.grant_path("department", "X"), "department_unknown"),
        (staffed.grant_path("member", "none"), "member_unknown"),
        (staffed.grant_path("member", "gone"), "member_unknown"),
        (staffed.grant_path("group", "none"), "group_unknown"),
        (staffed.grant_path("everyone", app="none"), "app_unknown"),
    ):
        answer = await staffed.ask("PUT", path)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path
    for kind in ("department", "member", "group"):
        answer = await staffed.ask("DELETE", staffed.grant_path(kind, "never"))
        assert (answer.status_code, answer.json()["code"]) == (404, f"{kind}_unknown")
    assert await staffed.news() == []
    assert await staffed.everything(f"/apps/{staffed.app}/grants") == []
