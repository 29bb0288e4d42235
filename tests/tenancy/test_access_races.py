"""Changes of access at the same moment: the outcome is that of one after the other, in the logs as well."""

import asyncio
import copy
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy.database import tenant_scope
from tests.tenancy.access_model import EVERYONE
from tests.tenancy.access_strategies import the_gates, the_grants, the_groups, the_people, the_tree
from tests.tenancy.enterprises import Enterprise
from tests.tenancy.locks import held

ANN, BOB = ("member", "ann"), ("member", "bob")
UPPER, OTHER = ("department", "D0"), ("department", "D4")
TO_OTHER, TO_UPPER = ("grant", "app-1", OTHER), ("grant", "app-1", UPPER)
MOVE_UPPER = ("put_department", 0, "D0", "D4")

_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def opened(shared_product, runtime):
    """Opens a fresh enterprise at each call."""

    return lambda: Enterprise.found(shared_product, runtime)


async def count_waiting(tenant_id):
    async with tenant_scope(tenant_id) as db:
        return await db.fetchval(_WAITING)


async def start_in_line(tenant_id, calls):
    """Start the calls one by one while the tenant's lock is held, then let them all go."""
    tasks = []
    async with held(tenant_id):
        for call in calls:
            before = await count_waiting(tenant_id)
            tasks.append(asyncio.create_task(call))
            while not tasks[-1].done() and await count_waiting(tenant_id) == before:
                pass
    return await asyncio.gather(*tasks)


def outcomes_of(history, operations):
    """For each order of the operations: what it comes to, with what was done for each operation."""
    for order in permutations(range(len(operations))):
        known, deeds = copy.deepcopy(history), {}
        for number in order:
            name, *arguments = operations[number]
            deeds[number] = getattr(known, name)(*arguments)
        yield known, [deeds[number] for number in range(len(operations))]


async def race(enterprise, *operations):
    """Carry out operations of one deed each at once; their refusals, if all agrees with one of the orders.

    None when the operations ask for different deeds in different orders, so that nothing was done.
    """
    await enterprise.settle()
    enterprise.model.clock += 1
    orders = list(outcomes_of(enterprise.history, operations))
    told = [deed for deeds in orders[0][1] for deed in deeds]
    if not all(alike(deeds, told) for _, deeds in orders):
        return None
    calls = [enterprise.real.carry_out(deed, clock=enterprise.model.clock) for deed in told]
    results = await start_in_line(await enterprise.real.tenant_id(), calls)
    refusals = [refusal for _, refusal in results]
    shown = await enterprise.shown()
    for history, deeds in orders:
        fits = all(deed.may_end_in(refusal) for (deed,), refusal in zip(deeds, refusals, strict=True))
        if fits and history.model.shown() == shown:
            enterprise.history = history
            await enterprise.settle()
            await enterprise.check()
            return refusals
    pytest.fail(f"no order of {operations} comes to {shown} with {refusals}")


def alike(deeds, told):
    """Whether the operations ask for the same deeds, one each, in another order too."""
    return [len(some) for some in deeds] == [1] * len(told) and all(
        (deed.kind, deed.arguments, deed.at) == (known.kind, known.arguments, known.at)
        for (deed,), known in zip(deeds, told, strict=True)
    )


async def in_both_orders(opened, first, second, *, before=()):
    """Race two operations in two fresh enterprises, each time another one in front."""
    results = []
    for pair in ((first, second), (second, first)):
        enterprise = await opened()
        for operation in before:
            await enterprise.do(*operation)
        results.append((enterprise, await race(enterprise, *pair)))
    return results


async def test_a_grant_and_a_move_below_the_granted_department_give_access_in_any_order(opened):
    for enterprise, refusals in await in_both_orders(opened, TO_OTHER, MOVE_UPPER):
        assert refusals == [None, None]
        assert await enterprise.everyone("app-1") == ["ann", "bob"]


async def test_a_grant_and_a_move_away_from_the_granted_department_give_no_access_in_any_order(opened):
    for enterprise, refusals in await in_both_orders(
        opened, TO_OTHER, ("put_department", 0, "D0", None), before=[MOVE_UPPER]
    ):
        assert refusals == [None, None]
        assert await enterprise.everyone("app-1") == []


async def test_a_revocation_and_a_move_leave_nobody_with_access(opened):
    for enterprise, _ in await in_both_orders(
        opened, ("revoke", "app-1", OTHER), MOVE_UPPER, before=[TO_OTHER]
    ):
        assert await enterprise.everyone("app-1") == []


async def test_a_grant_to_a_department_that_is_being_removed_is_dormant_or_refused(opened):
    for enterprise, refusals in await in_both_orders(opened, TO_UPPER, ("remove_department", 0, "D0")):
        assert set(refusals) <= {None, "department_unknown"}
        assert await enterprise.everyone("app-1") == []


async def test_a_grant_to_a_member_that_is_being_removed_is_dormant_or_refused(opened):
    remove = ("withdraw", 0, "app-2", {"ann"}, "removed")
    for enterprise, refusals in await in_both_orders(opened, ("grant", "app-1", ANN), remove):
        assert set(refusals) <= {None, "member_unknown"}
        assert await enterprise.everyone("app-1") == []


async def test_a_grant_to_a_group_that_is_being_removed_goes_with_it_or_is_refused(opened):
    before = [("put_in_group", "g1", ANN)]
    to_group = ("grant", "app-1", ("group", "g1"))
    for enterprise, refusals in await in_both_orders(opened, to_group, ("remove_group", "g1"), before=before):
        assert set(refusals) <= {None, "group_unknown"}
        assert await enterprise.everyone("app-1") == []
        assert await enterprise.real.rows("SELECT FROM grant_") == []


async def test_a_group_filled_while_it_is_being_removed_leaves_nothing_behind(opened):
    before = [("grant", "app-1", ("group", "g1"))]
    filling = ("put_in_group", "g1", ("group", "g2"))
    for enterprise, _ in await in_both_orders(opened, filling, ("remove_group", "g2"), before=before):
        assert await enterprise.real.rows("SELECT FROM group_member") == []


async def test_stopping_an_app_while_the_marketplace_authorises_keeps_the_authorisation_for_its_start(opened):
    authorise = ("authorise", 0, "app-1", {"ann": {}, "bob": {}})
    for enterprise, refusals in await in_both_orders(opened, ("stop", "app-1"), authorise):
        assert refusals == [None, None]
        assert await enterprise.everyone("app-1") == []
        await enterprise.do("start", "app-1")
        assert await enterprise.everyone("app-1") == ["ann", "bob"]


async def test_a_cancellation_wins_over_a_grant_made_at_the_same_moment(opened):
    cancel = ("withdraw", 0, "app-1", {"ann"}, "cancelled")
    for enterprise, _ in await in_both_orders(opened, ("grant", "app-1", ANN), cancel):
        assert await enterprise.everyone("app-1") == []


async def test_freezing_an_instance_while_access_is_granted_closes_it_for_all(opened):
    before = [("unbind", 1)]
    for enterprise, _ in await in_both_orders(opened, TO_UPPER, ("freeze", 0, True), before=before):
        assert await enterprise.everyone("app-1") == []
        await enterprise.do("freeze", 0, False)
        assert await enterprise.everyone("app-1") == ["ann", "bob"]


async def test_of_two_administrators_who_close_a_circle_of_groups_one_is_refused(opened):
    groups = ("g1", "g2", "g3")
    for length in (2, 3):
        enterprise = await opened()
        await enterprise.do("put_group", "g3")
        pairs = zip(groups[:length], (*groups[1:length], groups[0]), strict=True)
        circle = [("put_in_group", outer, ("group", inner)) for outer, inner in pairs]
        refusals = await race(enterprise, *circle)
        assert sorted(refusals, key=str) == [None] * (length - 1) + ["group_loop"]


async def test_an_expiry_noticed_twice_at_once_is_told_once(opened):
    enterprise = await opened()
    await enterprise.do("grant", "app-1", EVERYONE)
    await enterprise.do("unbind", 1)
    await enterprise.do("renew", 0, 3)
    allowed = enterprise.model.effective()
    enterprise.model.clock += 5
    await asyncio.gather(*(enterprise.real.notice_expiry(clock=enterprise.model.clock) for _ in range(3)))
    rows = await enterprise.real.rows("SELECT FROM event WHERE type = 'access.lost'")
    assert len(rows) == len(allowed)
    await enterprise.settle()
    await enterprise.check()


some_operations = st.one_of(
    *(st.one_of(*kind) for kind in (the_tree, the_people, the_gates, the_groups, the_grants))
)


@hypothesis_settings(max_examples=30)
@given(
    before=st.lists(some_operations, max_size=4), at_once=st.lists(some_operations, min_size=2, max_size=4)
)
async def test_any_changes_at_once_come_to_one_of_their_orders(before, at_once, opened):
    enterprise = await opened()
    for name, arguments in before:
        await enterprise.do(name, *arguments)
    refusals = await race(enterprise, *((name, *arguments) for name, arguments in at_once))
    assume(refusals is not None)
