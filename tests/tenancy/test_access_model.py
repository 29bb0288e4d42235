"""After every step of any history, access is what the rules come to, however it is asked for."""

import time

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy.tree import Department
from tests.tenancy.access_histories import Deed
from tests.tenancy.access_model import EVERYONE
from tests.tenancy.access_strategies import (
    operations,
    the_arrivals,
    the_bindings,
    the_gates,
    the_grants,
    the_groups,
    the_people,
    the_tree,
)
from tests.tenancy.enterprises import Enterprise

ANN, BOB = ("member", "ann"), ("member", "bob")


@pytest.fixture
def opened(shared_product, runtime):
    """Opens a fresh enterprise at each call."""

    return lambda: Enterprise.found(shared_product, runtime)


async def live(enterprise, steps, *, settle=True):
    for name, arguments in steps:
        await enterprise.do(name, *arguments, settle=settle)
    await enterprise.check_groups()


@hypothesis_settings(max_examples=60)
@given(
    steps=operations(the_tree, the_people, the_gates, the_bindings, the_groups, the_grants, length=16),
    settle=st.booleans(),
)
async def test_access_is_what_the_rules_come_to_after_every_step(steps, settle, opened):
    await live(await opened(), steps, settle=settle)


@hypothesis_settings(max_examples=30)
@given(steps=operations(the_tree, the_grants, the_people, length=12))
async def test_a_grant_to_a_department_follows_every_change_of_the_tree(steps, opened):
    await live(await opened(), steps)


@hypothesis_settings(max_examples=30)
@given(steps=operations(the_groups, the_groups, the_grants, the_people, length=14))
async def test_a_grant_to_a_group_follows_every_change_of_the_groups(steps, opened):
    enterprise = await opened()
    await live(enterprise, steps)


@hypothesis_settings(max_examples=20)
@given(steps=operations(the_arrivals, the_people, the_grants, the_bindings, length=14))
async def test_whoever_comes_to_be_by_signing_in_has_the_access_of_a_member(steps, opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", EVERYONE)
    await live(enterprise, steps)


@hypothesis_settings(max_examples=30)
@given(
    steps=operations(the_gates, the_gates, the_bindings, the_people, the_grants, length=12),
    settle=st.booleans(),
)
async def test_closing_and_opening_an_app_takes_and_returns_the_same_access(steps, settle, opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", ("department", "D0"))
    await live(enterprise, steps, settle=settle)


async def test_a_cancellation_beats_a_local_grant_until_the_marketplace_authorises_again(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", ANN)
    await enterprise.do("withdraw", 1, "app-1", {"ann"}, "cancelled")
    assert not await enterprise.may_use("app-1", "ann")
    await enterprise.do("authorise", 1, "app-1", {"ann": {}})
    assert await enterprise.everyone("app-1") == ["ann"]


async def test_a_cancellation_through_an_ended_binding_counts_for_the_binding_that_remains(opened):
    enterprise = await opened()
    await enterprise.do("unbind", 0)
    await enterprise.do("withdraw", 0, "app-1", {"ann"}, "cancelled")
    await enterprise.do("grant", "app-1", EVERYONE)
    assert await enterprise.everyone("app-1") == ["bob"]


async def test_a_grant_to_a_department_covers_departments_that_arrive_or_move_there_later(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", ("department", "D4"))
    assert await enterprise.everyone("app-1") == []
    await enterprise.do("put_department", 0, "D5", "D4")
    await enterprise.do("modify", 0, "app-2", {"cho": {"department_code": "D5"}})
    assert await enterprise.everyone("app-1") == ["cho"]
    await enterprise.do("put_department", 0, "D0", "D5")
    assert await enterprise.everyone("app-1") == ["ann", "bob", "cho"]
    await enterprise.do("put_department", 0, "D0", None)
    assert await enterprise.everyone("app-1") == ["cho"]


async def test_a_grant_to_everyone_covers_whoever_comes_to_be_by_signing_in(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", EVERYONE)
    await enterprise.do("sign_in", "cho")
    assert await enterprise.everyone("app-1") == ["ann", "bob", "cho"]
    await enterprise.do("withdraw", 0, "app-1", {"cho"}, "removed")
    await enterprise.do("sign_in", "cho")
    assert await enterprise.everyone("app-1") == ["ann", "bob"]


async def test_stopping_and_starting_brings_the_same_people_back_and_keeps_all_grants(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", ("department", "D0"))
    await enterprise.do("authorise", 0, "app-1", {"cho": {}})
    await enterprise.do("stop", "app-1")
    assert await enterprise.everyone("app-1") == []
    await enterprise.do("revoke", "app-1", BOB)
    await enterprise.do("grant", "app-1", BOB)
    await enterprise.do("start", "app-1")
    assert await enterprise.everyone("app-1") == ["ann", "bob", "cho"]
    assert len(await enterprise.real.rows("SELECT FROM grant_")) == 2


async def test_expiry_takes_effect_at_its_time_without_a_message(opened):
    enterprise = await opened()
    await enterprise.do("authorise", 0, "app-1", {"ann": {}})
    await enterprise.do("renew", 0, 10)
    enterprise.model.clock += 9
    assert await enterprise.may_use("app-1", "ann")
    enterprise.model.clock += 1
    await enterprise.check()
    assert not await enterprise.may_use("app-1", "ann")
    await enterprise.settle()
    await enterprise.do("renew", 0, 10)
    assert await enterprise.may_use("app-1", "ann")


async def test_one_of_two_instances_is_enough_and_a_local_grant_serves_through_either(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", EVERYONE)
    await enterprise.do("authorise", 0, "app-1", {"cho": {}})
    await enterprise.do("freeze", 0, True)
    assert await enterprise.everyone("app-1") == ["ann", "bob", "cho"]
    await enterprise.do("freeze", 1, True)
    assert await enterprise.everyone("app-1") == []


async def test_grants_survive_the_end_of_all_bindings_and_come_back_with_the_app(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", ANN)
    for instance in (0, 1):
        await enterprise.do("unbind", instance)
    await enterprise.do("bind", 1)
    await enterprise.do("put_app", 1, "app-1")
    assert await enterprise.everyone("app-1") == ["ann"]


async def test_everyone_on_and_below_a_loop_of_departments_is_reached_by_a_grant_to_any_of_them(opened):
    enterprise = await opened()
    await enterprise.do("put_department", 0, "D5", "D2")
    await enterprise.do("modify", 0, "app-2", {"cho": {"department_code": "D5"}})
    await enterprise.do("leave_loop", 0, "D1", "D4")
    assert [enterprise.model.departments[code][1] for code in ("D1", "D4")] == ["D4", "D1"]
    for code in ("D1", "D2", "D4"):
        await enterprise.do("grant", "app-1", ("department", code))
        await enterprise.do("revoke", "app-1", ("department", code))
    await enterprise.do("put_department", 0, "D4", None)


async def test_a_person_in_a_removed_department_waits_for_its_return(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", ("department", "D1"))
    await enterprise.do("remove_department", 0, "D2")
    assert await enterprise.everyone("app-1") == []
    await enterprise.do("put_department", 0, "D2", "D1")
    assert await enterprise.everyone("app-1") == ["ann"]
    await enterprise.do("remove_department", 0, "D1")
    await enterprise.do("put_department", 0, "D1", None)
    assert await enterprise.everyone("app-1") == ["ann"]


async def test_groups_may_share_a_group_but_never_contain_themselves(opened):
    enterprise = await opened()
    await enterprise.do("put_group", "g3")
    await enterprise.do("put_in_group", "g1", ("group", "g1"))
    for outer, inner in (("g1", "g2"), ("g2", "g3"), ("g1", "g3"), ("g3", "g1")):
        await enterprise.do("put_in_group", outer, ("group", inner))
    await enterprise.do("put_in_group", "g3", ("department", "D0"))
    await enterprise.do("grant", "app-1", ("group", "g1"))
    assert await enterprise.everyone("app-1") == ["ann", "bob"]
    await enterprise.do("remove_group", "g3")
    assert await enterprise.everyone("app-1") == []
    await enterprise.do("put_group", "g3")
    assert await enterprise.everyone("app-1") == []


async def test_a_removed_member_finds_its_grants_again_and_a_stranger_cannot_be_granted(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", ANN)
    await enterprise.do("withdraw", 0, "app-2", {"ann"}, "removed")
    await enterprise.do("grant", "app-1", ANN)
    await enterprise.do("modify", 0, "app-1", {"ann": {}})
    await enterprise.do("authorise", 0, "app-2", {"ann": {}})
    assert await enterprise.everyone("app-1") == ["ann"]
    await enterprise.do("grant", "app-1", ("member", "cho"))
    await enterprise.do("withdraw", 0, "app-1", {"cho"}, "cancelled")
    await enterprise.do("grant", "app-1", ("member", "cho"))


DEPTH = 10_000


async def test_a_tree_of_ten_thousand_levels_is_granted_moved_and_explained_in_seconds(opened):
    enterprise = await opened()
    tall = [Department("L0", "tall")]
    tall += [Department(f"L{level}", "tall", f"L{level - 1}") for level in range(1, DEPTH)]
    bottom = {"ann": {"department_code": f"L{DEPTH - 1}"}}
    await enterprise.do("modify", 0, "app-2", bottom)
    enterprise.model.clock += 1
    await enterprise.expect([Deed("list_departments", (0, tall), enterprise.model.clock)])

    async def timed(deed, *, allowed, length):
        enterprise.model.clock += 1
        begun = time.perf_counter()
        await enterprise.expect([deed])
        assert await enterprise.may_use("app-1", "ann") == allowed
        paths = (await enterprise.explain("app-1", "ann")).paths
        assert time.perf_counter() - begun < 5
        assert [len(path.via) for path in paths] == ([length] if allowed else [])
        assert await enterprise.everyone("app-1") == (["ann"] if allowed else [])

    at = enterprise.model.clock
    grant = Deed("grant_access", ("app-1", ("department", "L0")), at)
    await timed(grant, allowed=True, length=DEPTH)
    leave = Deed("put_department", (0, Department("L1", "tall")), at + 2)
    await timed(leave, allowed=False, length=0)
    back = Deed("put_department", (0, Department("L1", "tall", "L0")), at + 3)
    await timed(back, allowed=True, length=DEPTH)
