"""Directories of absurd shape over HTTP: answered within seconds, and right."""

import time

import pytest

from tenancy.database import tenant_scope
from tests.marketplace import user

DEPTH = 10_000
SECONDS = 20  # generous: what must not happen is an answer after minutes


class Watch:
    """Each lap must be within seconds."""

    def __init__(self):
        self.started = time.monotonic()

    def lap(self):
        taken, self.started = time.monotonic() - self.started, time.monotonic()
        assert taken < SECONDS


async def test_a_grant_at_the_top_of_a_very_deep_tree_reaches_its_bottom(office):
    chain = [("L0", "Level 0", "")] + [(f"L{n}", f"Level {n}", f"L{n - 1}") for n in range(1, DEPTH)]
    assert (await office.enterprise.departments(chain)).code == "000000"
    people = [user("deep", orgCode=f"L{DEPTH - 1}"), user("middle", orgCode=f"L{DEPTH // 2}")]
    await office.employ("nobody")
    assert (await office.enterprise.members(people, appId="app-other")).code == "000000"
    await office.told()
    watch = Watch()
    await office.grant("department", "L0")
    watch.lap()
    assert await office.told() == [("deep", "gained", office.app), ("middle", "gained", office.app)]
    watch.lap()
    explained = await office.access("deep")
    watch.lap()
    [path] = explained["paths"]
    assert [step["id"] for step in path["via"]] == [f"L{n}" for n in range(DEPTH)]
    assert await office.allowed("deep")
    watch.lap()
    await office.enterprise.department("L1", "Level 1", "")
    watch.lap()
    assert await office.everyone() == []
    await office.enterprise.department("L1", "Level 1", "L0")
    watch.lap()
    await office.group("all", ("department", "L0"))
    watch.lap()
    effective = await office.everything("/groups/all/effective-members")
    assert [one["user_name"] for one in effective] == ["deep", "middle"]
    watch.lap()
    await office.revoke("department", "L0")
    watch.lap()
    assert await office.everyone() == []


@pytest.fixture
async def nested(office):
    """Groups `n0` in `n1` in `n2` …; written at one go, one request each would take minutes."""
    await office.employ("ann")
    await office.group("n0", ("member", "ann"))
    async with tenant_scope(office.tenant_id, changing=True) as db:
        await db.execute(
            "INSERT INTO group_ (tenant_id, id, name, revision, created_at, updated_at)"
            " SELECT $1, 'n' || n, 'N', 1, now(), now() FROM generate_series(1, $2::int - 1) AS n",
            office.tenant_id,
            DEPTH,
        )
        await db.execute(
            "INSERT INTO group_member (tenant_id, group_id, subject_type, subject, added_at, added_by)"
            " SELECT $1, 'n' || n, 'group', 'n' || n - 1, now(), 'system'"
            " FROM generate_series(1, $2::int - 1) AS n",
            office.tenant_id,
            DEPTH,
        )
    return office


async def test_very_many_nested_groups_lead_to_the_innermost_and_never_in_a_circle(nested):
    outermost = f"n{DEPTH - 1}"
    watch = Watch()
    refused = await nested.ask("PUT", f"/groups/n0/members/group/{outermost}")
    assert (refused.status_code, refused.json()["code"]) == (409, "group_loop")
    watch.lap()
    await nested.grant("group", outermost)
    watch.lap()
    assert await nested.allowed("ann")
    watch.lap()
    [path] = (await nested.access("ann"))["paths"]
    assert len(path["via"]) == DEPTH
    watch.lap()
    effective = await nested.everything(f"/groups/{outermost}/effective-members")
    assert [one["user_name"] for one in effective] == ["ann"]
    watch.lap()
    await nested.delete(f"/groups/n{DEPTH // 2}")
    watch.lap()
    assert await nested.everyone() == []


async def test_a_lattice_of_groups_with_endless_paths_is_explained_all_the_same(office):
    """Each layer of two groups doubles the paths: 2 to the power of 20 of them."""
    await office.employ("ann")
    await office.group("a0", ("member", "ann"))
    await office.group("b0", ("member", "ann"))
    for n in range(1, 20):
        for side in "ab":
            await office.group(f"{side}{n}", ("group", f"a{n - 1}"), ("group", f"b{n - 1}"))
    await office.grant("group", "a19")
    watch = Watch()
    explained = await office.access("ann")
    watch.lap()
    assert explained["allowed"]
    assert len(explained["paths"]) == 1000
