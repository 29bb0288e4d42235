"""Each change tells exactly who has gained and who has lost which app, whichever door it came through."""

from datetime import UTC, datetime, timedelta

import pytest

from tenancy.gates import settle_expired
from tests.conformance.bodies import refresh, release, status
from tests.marketplace import user
from tests.service.offices import OTHER, gained, lost


@pytest.fixture
async def staffed(office):
    """`A` and the group are granted our app; `xaver` and `yves` of `X` have only the other one."""
    await office.employ("ann", department="A")
    await office.employ("cleo", department="C")
    await office.employ("xaver", "yves")
    await office.group("chosen", ("member", "yves"))
    await office.grant("department", "A")
    await office.grant("group", "chosen")
    assert await office.everyone() == ["ann", "cleo", "yves"]
    await office.told()
    return office


async def test_a_grant_beside_another_tells_only_those_who_had_none(staffed):
    await staffed.grant("everyone")
    assert await staffed.told() == gained(staffed, "xaver")
    await staffed.grant("member", "xaver")
    await staffed.revoke("department", "A")
    assert await staffed.told() == []
    await staffed.revoke("everyone")
    assert await staffed.told() == lost(staffed, "ann", "cleo")


async def test_a_push_tells_in_its_own_change_set(staffed):
    await staffed.enterprise.department("C", "Line 1", "X")
    [push] = (await staffed.get("/pushes", limit=1))["items"]
    assert push["counts"] == {"department.moved": 1, "access.lost": 1}
    changes = await staffed.everything(f"/pushes/{push['id']}/changes")
    assert [(change["type"], change["subject"]) for change in changes] == [
        ("department.moved", "C"),
        ("access.lost", "cleo"),
    ]
    assert [event["number"] for event in changes] == [changes[0]["number"], changes[0]["number"] + 1]
    assert {tuple(event["cause"].items()) for event in changes} == {(("push", push["id"]),)}
    lost_access = {"app": staffed.app, "user_name": "cleo"}
    assert (changes[1]["data"], changes[1]["previous"]) == (None, lost_access)


async def test_a_department_moved_alone_or_in_a_full_list_tells_the_same(staffed):
    await staffed.enterprise.department("X", "Branch", "C")
    assert await staffed.told() == gained(staffed, "xaver")
    await staffed.enterprise.department("X", "Branch", "")
    assert await staffed.told() == lost(staffed, "xaver")

    tree = [("A", "Head office", ""), ("B", "Plant", "A"), ("C", "Line 1", ""), ("X", "Branch", "B")]
    assert (await staffed.enterprise.departments(tree)).code == "000000"
    assert await staffed.told() == [*lost(staffed, "cleo"), *gained(staffed, "xaver")]
    assert await staffed.everyone() == ["ann", "xaver", "yves"]
    assert (await staffed.enterprise.departments([tree[0], tree[2]])).code == "000000"
    assert await staffed.told() == lost(staffed, "xaver")


async def test_a_renamed_department_tells_nobody(staffed):
    await staffed.enterprise.department("C", "Line one", "B")
    assert [entry["counts"] for entry in await staffed.news()] == [{"department.renamed": 1}]


async def test_changes_of_groups_tell_whom_they_concern(staffed):
    await staffed.put("/groups/chosen/members/member/ann")
    assert await staffed.told() == []
    await staffed.put("/groups/chosen/members/department/X")
    assert await staffed.told() == gained(staffed, "xaver")
    await staffed.group("outer", ("group", "chosen"))
    await staffed.grant("group", "outer")
    assert await staffed.told() == []
    await staffed.delete("/groups/outer/members/group/chosen")
    assert await staffed.told() == []
    await staffed.put("/groups/outer/members/group/chosen")
    await staffed.revoke("group", "chosen")
    assert await staffed.told() == []
    await staffed.delete("/groups/chosen")
    assert await staffed.told() == lost(staffed, "xaver", "yves")


async def test_the_words_of_the_marketplace_tell_whom_they_concern(staffed):
    await staffed.authorise("xaver")
    assert await staffed.told() == gained(staffed, "xaver")
    await staffed.authorise("ann", department="A")
    assert await staffed.told() == []
    await staffed.authorise("ann", "xaver", flag=3)
    assert await staffed.told() == lost(staffed, "ann", "xaver")
    await staffed.authorise("ann", department="A")
    assert await staffed.told() == gained(staffed, "ann")
    await staffed.authorise("ann", flag=0)
    assert await staffed.told() == lost(staffed, "ann")


async def test_a_person_who_is_disabled_or_moves_is_told_of_for_each_app(staffed):
    cleo = user("cleo", orgCode="C")
    assert (await staffed.enterprise.members([{**cleo, "enable": "false"}], appId=OTHER)).code == "000000"
    assert await staffed.told() == [("cleo", "lost", staffed.app), ("cleo", "lost", OTHER)]
    assert (await staffed.enterprise.members([cleo], appId=OTHER)).code == "000000"
    assert await staffed.told() == [("cleo", "gained", staffed.app), ("cleo", "gained", OTHER)]
    moved = [user("cleo", orgCode="X"), user("xaver", orgCode="B")]
    assert (await staffed.enterprise.members(moved, flag=2, appId=OTHER)).code == "000000"
    assert await staffed.told() == [*lost(staffed, "cleo"), *gained(staffed, "xaver")]


async def test_a_freeze_and_its_end_tell_everyone_by_the_push_that_brought_them(staffed):
    await staffed.base(status(staffed.enterprise.instance, "FREEZE"))
    [entry] = await staffed.news()
    assert (entry["action"], entry["subject"]) == ("binding.closed", staffed.enterprise.instance)
    author, _ = await staffed.newest_purchase_push()
    assert entry["by"] == author
    assert entry["counts"] == {"binding.closed": 1, "access.lost": 7}
    staffed.known.discard(entry["id"])
    everyone = [(name, app) for name in ("ann", "cleo", "xaver", "yves") for app in (staffed.app, OTHER)]
    everyone.remove(("xaver", staffed.app))
    assert await staffed.told() == sorted((name, "lost", app) for name, app in everyone)
    await staffed.base(status(staffed.enterprise.instance, "UNFREEZE"))
    assert await staffed.told() == sorted((name, "gained", app) for name, app in everyone)


async def test_an_expiry_is_told_once_and_a_renewal_tells_the_reverse(staffed, clock):
    end = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    await staffed.base(refresh(staffed.enterprise.instance, end.strftime("%Y%m%d%H%M%S")))
    assert await staffed.told() == []
    assert await settle_expired(now=end - timedelta(microseconds=1)) == 0
    clock.freeze(end)
    assert await staffed.everyone() == []
    assert await settle_expired(now=end) == 1
    assert await settle_expired(now=end) == 0
    [entry] = await staffed.news()
    assert (entry["action"], entry["by"]) == ("binding.closed", {"actor": "system"})
    assert entry["counts"]["access.lost"] == 7
    later = (end + timedelta(hours=1)).strftime("%Y%m%d%H%M%S")
    await staffed.base(refresh(staffed.enterprise.instance, later))
    assert [name for name, word, app in await staffed.told() if app == staffed.app] == ["ann", "cleo", "yves"]


@pytest.mark.parametrize("ending", ["release", "unbind"])
async def test_the_end_of_an_instance_tells_everyone(staffed, ending):
    if ending == "release":
        await staffed.base(release(staffed.enterprise.instance))
    else:
        assert (await staffed.enterprise.unbind()).code == "000000"
    mine = [one for one in await staffed.told() if one[2] == staffed.app]
    assert mine == lost(staffed, "ann", "cleo", "yves")


async def test_an_app_that_goes_and_returns_tells_the_same_people(staffed):
    assert (await staffed.enterprise.application(flag=0)).code == "000000"
    assert await staffed.told() == lost(staffed, "ann", "cleo", "yves")
    assert (await staffed.enterprise.application()).code == "000000"
    assert await staffed.told() == gained(staffed, "ann", "cleo", "yves")
    assert (await staffed.enterprise.unbind()).code == "000000"
    await staffed.told()
    assert (await staffed.enterprise.bind()).code == "000000"
    assert await staffed.told() == []
    assert (await staffed.enterprise.application()).code == "000000"
    assert await staffed.told() == gained(staffed, "ann", "cleo", "yves")
