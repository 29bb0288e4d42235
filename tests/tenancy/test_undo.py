"""An undo brings back what a push took, and nothing that was said since is lost by it."""

import time
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy.acts import Act
from tenancy.database import system_scope
from tenancy.errors import PushEventsRemoved
from tenancy.member_facts import MemberFacts
from tenancy.sync_policies import SyncPolicy, put_policy
from tenancy.tree import Department
from tenancy.undo import MOST_LEFT, undo_push
from tenancy.undo_rules import LOOP, find_closing
from tests.followers import Follower, follow_directly, take_snapshot
from tests.tenancy.access_histories import Deed
from tests.tenancy.access_strategies import (
    operations,
    the_bindings,
    the_gates,
    the_grants,
    the_groups,
    the_people,
    the_tree,
)
from tests.tenancy.enterprises import Enterprise
from tests.tenancy.undo_model import Since, closes_loop, undone

# Without the lists of an earlier time, which are two pushes in one.
simple_tree = the_tree[:-1]

CODES = tuple(f"D{number}" for number in range(6))


class Undoable(Enterprise):
    """An enterprise and its model; the newest push can be undone in both."""

    async def push(self, name, *arguments):
        """Do one thing that is one push; remember it with the model before and after."""
        self.before = deepcopy(self.model)
        await self.do(name, *arguments)
        self.after, self.since = deepcopy(self.model), Since()
        [row] = await self.real.rows("SELECT id FROM push ORDER BY received_at DESC LIMIT 1")
        self.id = row["id"]

    async def go_on(self, steps):
        for name, arguments in steps:
            trial = deepcopy(self.history)
            trial.model.clock += 1
            for deed in getattr(trial, name)(*arguments):
                self.since.hear(deed)
            await self.do(name, *arguments)

    async def undo(self):
        """Undo the push; everything must be as the model's undo has it."""
        self.model.clock += 1
        await self.settle()
        act = Act(actor="operator:bootstrap", at=self.real.time(self.model.clock))
        answer = await undo_push(await self.real.tenant_id(), self.id, act=act)
        expected = undone(self.before, self.after, self.model, self.since)
        for left in answer.left:
            if left.reason == LOOP:
                wanted = self.before.departments[left.subject]
                assert closes_loop(expected.departments, left.subject, wanted[1])
                stays = self.model.departments.get(left.subject)
                expected.departments.pop(left.subject)
                expected.departments |= {} if stays is None else {left.subject: stays}
        self.history.model = expected
        await self.hear(causes=[act.id])
        await self.check()
        await self.check_directory()
        return answer

    async def check_directory(self):
        rows = await self.real.rows("SELECT code, parent_code FROM department WHERE removed_at IS NULL")
        assert {row["code"]: (row["code"], row["parent_code"]) for row in rows} == self.model.departments
        rows = await self.real.rows(
            "SELECT m.user_name, m.enabled, s.department_code FROM member m"
            " LEFT JOIN membership s ON s.member_id = m.id WHERE m.removed_at IS NULL"
        )
        known = {row["user_name"]: (row["enabled"], row["department_code"]) for row in rows}
        assert known == {
            name: (attributes["enabled"], attributes["department_code"])
            for name, attributes in self.model.people.items()
            if self.model.is_present(name)
        }
        tenant_id, follower = await self.real.tenant_id(), Follower()
        await follow_directly(follower, tenant_id)
        assert follower.differs_from(await take_snapshot(tenant_id)) == []


@pytest.fixture
def opened(shared_product, runtime):
    """Opens a fresh enterprise at each call."""
    return lambda: Undoable.found(shared_product, runtime)


a_push = st.one_of(*simple_tree, *the_people)


@hypothesis_settings(max_examples=30)
@given(earlier=operations(the_tree, the_people, the_grants, length=9), push=a_push)
async def test_a_push_undone_at_once_leaves_the_directory_as_it_was_but_for_what_it_added(
    earlier, push, opened
):
    enterprise = await opened()
    for name, arguments in earlier:
        await enterprise.do(name, *arguments)
    await enterprise.push(push[0], *push[1])
    await enterprise.undo()
    again = await enterprise.undo()
    assert (again.id, again.counts) == (None, {})


@hypothesis_settings(max_examples=50)
@given(
    earlier=operations(the_tree, the_people, the_grants, length=6),
    push=a_push,
    later=operations(
        simple_tree, the_people, the_people, the_bindings, the_grants, the_gates, the_groups, length=6
    ),
    afterwards=operations(the_tree, the_people, length=3),
)
async def test_whatever_was_said_since_stands_and_the_rest_of_the_push_is_undone(
    earlier, push, later, afterwards, opened
):
    enterprise = await opened()
    for name, arguments in earlier:
        await enterprise.do(name, *arguments)
    await enterprise.push(push[0], *push[1])
    await enterprise.go_on(later)
    await enterprise.undo()
    for name, arguments in afterwards:
        await enterprise.do(name, *arguments)


async def test_a_removal_undone_where_nothing_had_been_said_gives_nobody_an_app(opened):
    enterprise = await opened()
    await enterprise.push("withdraw", 0, "app-1", {"bob"}, "removed")
    await enterprise.go_on([("modify", (0, "app-1", {"bob": {}}))])
    assert (await enterprise.undo()).counts == {"authorisation.unsaid": 1}
    assert await enterprise.everyone("app-1") == []
    await enterprise.do("modify", 0, "app-1", {"bob": {}})
    assert await enterprise.everyone("app-1") == ["bob"]


async def test_a_word_that_has_ended_with_its_binding_is_not_brought_back_with_the_next(opened):
    enterprise = await opened()
    await enterprise.do("withdraw", 0, "app-1", {"bob"}, "cancelled")
    await enterprise.push("authorise", 0, "app-1", {"bob": {}})
    steps = [("unbind", (0,)), ("bind", (0,)), ("put_app", (0, "app-1"))]
    await enterprise.go_on([*steps, ("modify", (0, "app-1", {"bob": {}}))])
    assert (await enterprise.undo()).counts == {}
    assert await enterprise.everyone("app-1") == ["bob"]


parents = st.dictionaries(st.sampled_from(CODES), st.none() | st.sampled_from(CODES))


def loops(tree):
    found = set()
    for start in tree:
        walked, code = [], start
        while code in tree and code not in walked:
            walked.append(code)
            code = tree[code]
        if code in walked:
            found.add(frozenset(walked[walked.index(code) :]))
    return found


@given(present=parents, wanted=parents)
def test_no_loop_arises_and_only_what_would_close_one_stays(present, wanted):
    closing = find_closing(present, wanted)
    assert closing <= wanted.keys()
    moving = {code: parent for code, parent in wanted.items() if code not in closing}
    assert not any(loop & moving.keys() for loop in loops(present | moving))
    assert bool(closing) == any(loop & wanted.keys() for loop in loops(present | wanted))


WIDE = 10_000


async def test_ten_thousand_departments_wiped_by_a_wrong_list_come_back_in_seconds(opened):
    enterprise = await opened()
    codes = [f"W{number}" for number in range(WIDE)]
    full = [Department("D0", "D0"), *(Department(code, code, "D0") for code in codes)]
    people = [
        MemberFacts(f"p{number}", {"department_code": code}) for number, code in enumerate(codes[:2000])
    ]
    model = enterprise.model
    model.clock += 1
    deeds = [
        Deed("list_departments", (0, full), model.clock),
        Deed("modify", (0, "app-2", people), model.clock),
        Deed("grant_access", ("app-1", ("department", "D0")), model.clock),
    ]
    await enterprise.expect(deeds)
    tenant_id = await enterprise.real.tenant_id()

    async def count(query):
        return (await enterprise.real.rows(query))[0]["count"]

    async def state():
        return (
            await count("SELECT count(*) FROM department WHERE removed_at IS NULL"),
            await count("SELECT count(DISTINCT member_id) FROM access WHERE app_id = 'app-1'"),
        )

    before = await state()
    assert before[0] == WIDE + 1
    assert before[1] >= 2000
    policy = SyncPolicy(max_removed=WIDE * 2, max_losing=WIDE * 2)
    await put_policy(tenant_id, policy, act=Act(actor="operator:bootstrap", at=enterprise.real.time(0)))
    model.clock += 1
    wipe = Deed("list_departments", (0, [Department("D9", "D9")]), model.clock)
    [push] = await enterprise.expect([wipe])
    assert await state() == (1, 0)
    begun = time.perf_counter()
    act = Act(actor="operator:bootstrap", at=enterprise.real.time(model.clock + 1))
    answer = await undo_push(tenant_id, push, act=act)
    assert time.perf_counter() - begun < 10
    assert answer.counts == {"department.restored": WIDE + 1, "access.gained": before[1]}
    assert await state() == (WIDE + 2, before[1])
    again = await undo_push(tenant_id, push, act=act)
    assert (len(again.left), again.left_total) == (MOST_LEFT, WIDE + 2)


async def test_a_push_whose_events_are_no_longer_kept_says_so(opened):
    enterprise = await opened()
    await enterprise.push("remove_department", 0, "D2")
    tenant_id = await enterprise.real.tenant_id()
    async with system_scope() as db:
        await db.execute("DELETE FROM event WHERE tenant_id = $1", tenant_id)
        await db.execute("DELETE FROM change_set WHERE tenant_id = $1", tenant_id)
    with pytest.raises(PushEventsRemoved):
        await undo_push(
            tenant_id, enterprise.id, act=Act(actor="operator:bootstrap", at=enterprise.real.time(99))
        )
