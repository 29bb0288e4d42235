"""Groups over HTTP: named, nested, paged, and never in themselves."""

import pytest

from tests.marketplace import user


async def test_a_group_is_made_renamed_and_shown(office):
    made = await office.put("/groups/fitters", {"name": "Fitters"})
    assert (made["id"], made["name"], made["revision"]) == ("fitters", "Fitters", 1)
    renamed = await office.put("/groups/fitters", {"name": "  装配工 👩‍🔧 "})
    assert (renamed["name"], renamed["revision"]) == ("装配工 👩‍🔧", 2)
    assert renamed["created_at"] == made["created_at"] < renamed["updated_at"]
    assert await office.get("/groups/fitters") == renamed


async def test_writing_the_same_name_again_changes_nothing(office):
    made = await office.put("/groups/fitters", {"name": "Fitters"})
    await office.news()
    assert await office.put("/groups/fitters", {"name": "Fitters"}) == made
    assert await office.news() == []


async def test_whoever_has_not_seen_the_latest_name_does_not_overwrite_it(office):
    async def write(name, tag):
        return await office.ask("PUT", "/groups/fitters", json={"name": name}, headers={"If-Match": tag})

    refused = await write("Fitters", '"1"')
    assert (refused.status_code, refused.json()["code"]) == (409, "group_changed")
    assert (await office.ask("GET", "/groups/fitters")).status_code == 404
    made = await write("Fitters", '"0"')
    assert made.headers["etag"] == '"1"'
    assert (await write("Fitters", '"0"')).json()["code"] == "group_changed"
    renamed = await write("Assembly", made.headers["etag"])
    assert renamed.headers["etag"] == (await office.ask("GET", "/groups/fitters")).headers["etag"] == '"2"'
    for stale in ('"1"', '"3"', "*", "fitters"):
        assert (await write("Lost", stale)).json()["code"] == "group_changed", stale
    assert (await office.get("/groups/fitters"))["name"] == "Assembly"


async def test_groups_and_their_contents_are_listed_in_pages(office):
    await office.employ("ann", "bob")
    await office.group("g-2", ("member", "bob"), ("department", "B"), ("member", "ann"))
    await office.group("g-1", ("group", "g-2"))
    await office.group("g-3")
    assert [group["id"] for group in await office.everything("/groups")] == ["g-1", "g-2", "g-3"]
    contents = await office.everything("/groups/g-2/members")
    assert [(one["type"], one["id"]) for one in contents] == [
        ("department", "B"),
        ("member", "ann"),
        ("member", "bob"),
    ]
    assert all(one["by"] == {"actor": "operator:bootstrap"} and one["since"] for one in contents)
    assert await office.everything("/groups/g-3/members") == []


async def test_effective_members_are_found_through_groups_and_departments_below(office):
    await office.employ("ann", department="A")
    await office.employ("cleo", department="C")
    await office.employ("dora", "emil", "zoe")
    await office.group("inner", ("department", "B"), ("member", "dora"))
    await office.group("outer", ("group", "inner"), ("member", "emil"), ("member", "dora"))
    effective = await office.everything("/groups/outer/effective-members")
    assert [one["user_name"] for one in effective] == ["cleo", "dora", "emil"]
    assert [one["name"] for one in effective] == ["Cleo", "Dora", "Emil"]

    await office.enterprise.department("B", "Plant", "")
    await office.enterprise.department("X", "Branch", "B")
    effective = await office.everything("/groups/inner/effective-members")
    assert [one["user_name"] for one in effective] == ["cleo", "dora", "emil", "zoe"]


async def test_effective_members_leave_out_the_removed_and_mark_the_disabled(office):
    await office.authorise("ann", "bob")
    await office.group("all", ("department", "X"))
    await office.authorise("ann", enable="false")
    await office.authorise("bob", flag=0)
    effective = await office.everything("/groups/all/effective-members")
    assert [(one["user_name"], one["enabled"]) for one in effective] == [("ann", False)]


@pytest.mark.parametrize("length", [1, 2, 3, 6])
async def test_a_group_never_comes_to_contain_itself(office, length):
    for number in range(length):
        await office.group(f"g{number}", *([("group", f"g{number - 1}")] if number else []))
    await office.news()
    answer = await office.ask("PUT", f"/groups/g0/members/group/g{length - 1}")
    assert (answer.status_code, answer.json()["code"]) == (409, "group_loop")
    assert await office.everything("/groups/g0/members") == []
    assert await office.news() == []


async def test_a_group_may_lie_in_another_in_two_ways(office):
    await office.group("bottom")
    await office.group("left", ("group", "bottom"))
    await office.group("right", ("group", "bottom"))
    await office.group("top", ("group", "left"), ("group", "right"), ("group", "bottom"))
    assert len(await office.everything("/groups/top/members")) == 3


async def test_putting_in_and_taking_out_may_be_repeated(office):
    await office.employ("ann")
    await office.group("fitters", ("member", "ann"))
    [first] = await office.everything("/groups/fitters/members")
    await office.news()
    await office.put("/groups/fitters/members/member/ann")
    assert await office.everything("/groups/fitters/members") == [first]
    assert await office.news() == []

    await office.delete("/groups/fitters/members/member/ann")
    assert await office.everything("/groups/fitters/members") == []
    assert [entry["action"] for entry in await office.news()] == ["group_member.removed"]
    await office.delete("/groups/fitters/members/member/ann")
    assert await office.news() == []


async def test_contents_do_not_count_as_a_version_of_the_group(office):
    await office.employ("ann")
    await office.group("fitters", ("member", "ann"))
    assert (await office.get("/groups/fitters"))["revision"] == 1


async def test_a_removed_group_is_gone_from_groups_and_grants(office):
    await office.employ("ann", "bob")
    await office.group("inner", ("member", "ann"))
    await office.group("outer", ("group", "inner"), ("member", "bob"))
    await office.grant("group", "inner")
    await office.grant("group", "outer")
    await office.delete("/groups/inner")
    assert [group["id"] for group in await office.everything("/groups")] == ["outer"]
    assert [one["id"] for one in await office.everything("/groups/outer/members")] == ["bob"]
    assert [grant["id"] for grant in await office.everything(f"/apps/{office.app}/grants")] == ["outer"]
    assert await office.everyone() == ["bob"]

    await office.group("inner")
    assert await office.everything("/groups/inner/members") == []
    assert (await office.ask("GET", office.grant_path("group", "inner"))).json()["code"] == "grant_unknown"


async def test_what_is_not_there_cannot_be_in_a_group_nor_a_group(office):
    await office.authorise("gone")
    await office.authorise("gone", flag=0)
    await office.enterprise.department("X", flag=0)
    await office.group("fitters")
    for path, code in (
        ("/groups/none", "group_unknown"),
        ("/groups/none/members", "group_unknown"),
        ("/groups/none/effective-members", "group_unknown"),
    ):
        answer = await office.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path
    for path, code in (
        ("/groups/none/members/department/A", "group_unknown"),
        ("/groups/fitters/members/department/none", "department_unknown"),
        ("/groups/fitters/members/department/X", "department_unknown"),
        ("/groups/fitters/members/member/none", "member_unknown"),
        ("/groups/fitters/members/member/gone", "member_unknown"),
        ("/groups/fitters/members/group/none", "group_unknown"),
    ):
        answer = await office.ask("PUT", path)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path
    assert (await office.ask("DELETE", "/groups/none")).json()["code"] == "group_unknown"
    assert await office.everything("/groups/fitters/members") == []


async def test_what_never_was_cannot_be_taken_out_but_what_has_gone_can(office):
    await office.authorise("ann", "bob")
    await office.group("fitters", ("member", "ann"), ("department", "C"))
    await office.delete("/groups/fitters/members/member/bob")
    await office.authorise("ann", flag=0)
    await office.enterprise.department("C", flag=0)
    for kind, identifier in (("member", "ann"), ("department", "C")) * 2:
        await office.delete(f"/groups/fitters/members/{kind}/{identifier}")
    assert await office.everything("/groups/fitters/members") == []
    for kind in ("member", "department", "group"):
        answer = await office.ask("DELETE", f"/groups/fitters/members/{kind}/never")
        assert (answer.status_code, answer.json()["code"]) == (404, f"{kind}_unknown")


async def test_subjects_may_hold_slashes_and_other_reserved_signs(office):
    for code in ("R/D", "50%", "a?b#c", "研发 部"):
        assert (await office.enterprise.department(code)).code == "000000"
        assert (
            await office.enterprise.members([user(code, orgCode=code)], appId=office.app)
        ).code == "000000"
    await office.group(
        "odd", ("department", "R/D"), ("member", "50%"), ("member", "a?b#c"), ("member", "R/D")
    )
    await office.put("/groups/odd/members/department/%E7%A0%94%E5%8F%91%20%E9%83%A8")
    found = {one["user_name"] for one in await office.everything("/groups/odd/effective-members")}
    assert found == {"R/D", "50%", "a?b#c", "研发 部"}
