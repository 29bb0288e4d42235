"""A list that is held and approved does what it would have done at once, and is decided only once."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy.acts import Act
from tenancy.errors import PushNotHeld, PushUnknown
from tenancy.grants import grant_access
from tenancy.member_facts import MemberFacts
from tenancy.plans import Plan
from tenancy.reviews import approve_push, list_reviews, plan_held_push, reject_push
from tenancy.subjects import Subject
from tenancy.sync_policies import SyncPolicy, put_policy
from tenancy.syncs import plan_departments, sync_departments
from tenancy.tree import Department
from tests.tenancy.histories import Message
from tests.tenancy.pushing import a_push, moment
from tests.tenancy.trees import CODES, trees

STRICT = SyncPolicy(max_removed=0, max_removed_percent=0, max_losing=0)
LENIENT = SyncPolicy(max_removed=10**6, max_removed_percent=100, max_losing=10**6)
PEOPLE = [MemberFacts(f"p-{code}", {"department_code": code}) for code in CODES]


def an_act(directory):
    return Act(actor="operator:test", at=directory.clock())


async def staffed(new_directory, listed, policy, granted):
    """A tree with somebody in each department; who is below one of them may use the app."""
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    await directory.deliver(Message("put_app", 0, 1, ("app-1", "client")))
    await directory.deliver(Message("put_app", 0, 1, ("app-2", "client")))
    await directory.deliver(Message("list_departments", 0, 2, listed))
    await directory.deliver(Message("grant", 0, 3, ("app-2", PEOPLE)))
    tenant_id = await directory.tenant_id()
    if granted in {department.code for department in listed}:
        subject = Subject(type="department", id=granted)
        await grant_access(tenant_id, "app-1", subject, act=an_act(directory))
    await put_policy(tenant_id, policy, act=an_act(directory))
    return directory, tenant_id


async def sync(directory, listed, number=100):
    push = a_push(moment(number), product=directory.places[0].product)
    outcome = await sync_departments(directory.places[0], listed, at=moment(number), push=push)
    return push, outcome


@hypothesis_settings(max_examples=30)
@given(before=trees(), after=trees(min_size=1), granted=st.sampled_from(CODES))
async def test_an_approved_list_does_what_it_would_have_done_at_once(before, after, granted, new_directory):
    lenient, its_id = await staffed(new_directory, before, LENIENT, granted)
    strict, tenant_id = await staffed(new_directory, before, STRICT, granted)
    untouched = await strict.read()
    dry = await plan_departments(tenant_id, after, event_type=None, limit=1000, act=an_act(strict))
    _, applied = await sync(lenient, after)
    push, outcome = await sync(strict, after)
    hurts = bool(applied.counts.keys() & {"department.removed", "access.lost"})
    assert (outcome.verdict == "held") == (dry.held is not None) == hurts
    assert dry.counts == applied.counts
    if hurts:
        assert await strict.read() == untouched
        [review] = (await list_reviews(tenant_id, state="held", cursor=None, limit=10)).items
        plan = await plan_held_push(tenant_id, push.id, event_type=None, limit=1000, act=an_act(strict))
        shown = Plan(counts=plan.counts, digest=plan.digest, held=plan.held)
        assert shown == Plan(counts=applied.counts, digest=review.digest, held=review.reason)
        assert len(plan.changes) == sum(plan.counts.values())
        approved = await approve_push(tenant_id, push.id, digest=None, act=an_act(strict))
        assert approved.counts == applied.counts
    assert await strict.read() == await lenient.read()
    assert its_id != tenant_id
    assert (await sync(strict, after))[1].verdict == "unchanged"


async def test_of_several_decisions_at_once_one_counts(new_directory):
    listed = [Department(code, code) for code in CODES]
    directory, tenant_id = await staffed(new_directory, listed, STRICT, None)
    push, _ = await sync(directory, listed[:1])
    decisions = [
        *(approve_push(tenant_id, push.id, digest=None, act=an_act(directory)) for _ in range(3)),
        *(reject_push(tenant_id, push.id, act=an_act(directory)) for _ in range(3)),
    ]
    results = await asyncio.gather(*decisions, return_exceptions=True)
    [decided] = [result for result in results if not isinstance(result, PushNotHeld)]
    left = len((await directory.read())["departments"])
    assert left == (1 if decided.state == "approved" else len(CODES))


async def test_a_list_approved_while_the_marketplace_pushes_is_as_before_or_after_it(new_directory):
    listed = [Department(code, code) for code in CODES]
    for number in range(5):
        directory, tenant_id = await staffed(new_directory, listed, STRICT, None)
        push, _ = await sync(directory, listed[:1])
        newer = Message("put_department", 0, 200, Department(CODES[-1], f"renamed {number}"))
        results = await asyncio.gather(
            approve_push(tenant_id, push.id, digest=None, act=an_act(directory)),
            directory.deliver(newer),
            return_exceptions=True,
        )
        departments = (await directory.read())["departments"]
        assert departments[CODES[-1]] == (f"renamed {number}", None)
        was_refused = isinstance(results[0], Exception)
        assert len(departments) == (len(CODES) if was_refused else 2)


async def test_nothing_can_be_decided_about_a_push_that_was_never_held(new_directory):
    directory, tenant_id = await staffed(new_directory, [Department("D1", "one")], STRICT, None)
    unheld, _ = await sync(directory, [Department("D1", "two")], 150)
    for push_id, error in ((uuid4(), PushUnknown), (unheld.id, PushNotHeld)):
        with pytest.raises(error):
            await approve_push(tenant_id, push_id, digest=None, act=an_act(directory))
        with pytest.raises(error):
            await reject_push(tenant_id, push_id, act=an_act(directory))
