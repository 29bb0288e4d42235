"""What ends with a binding, and what the next one starts with."""

import pytest

from tenancy.errors import AppUnknown, TenantUnknown
from tenancy.event_pages import list_changes
from tenancy.explanations import explain_access
from tenancy.member_facts import MemberFacts
from tenancy.member_pages import read_member
from tenancy.push_pages import list_pushes
from tests.followers import Follower, follow_directly, take_snapshot
from tests.tenancy.histories import Message

ANN = [MemberFacts("ann", {"name": "Ann"})]


async def told(new_directory, *messages):
    """An enterprise that was told this, numbered from 0."""
    directory = new_directory()
    for number, (kind, instance, *body) in enumerate(messages):
        await directory.deliver(Message(kind, instance, number, *body))
    return directory


async def explained(directory, person="ann", app="app-1"):
    return await explain_access(await directory.tenant_id(), app, person, now=directory.clock())


async def is_removed(directory, person="ann"):
    return (await read_member(await directory.tenant_id(), person)).removed_at is not None


BOUND = (("bind", 0, "one"), ("put_app", 0, ("app-1", "client")))
BOUND_AGAIN = (("unbind", 0), *BOUND)


async def test_after_unbinding_the_app_and_everything_said_of_it_are_gone(new_directory):
    directory = await told(new_directory, *BOUND, ("grant", 0, ("app-1", ANN)), ("unbind", 0))
    with pytest.raises(AppUnknown):
        await explained(directory)
    with pytest.raises(TenantUnknown):
        await directory.deliver(Message("put_app", 0, 9, ("app-1", "client")))


async def test_a_grant_of_the_former_binding_gives_nothing_in_the_next(new_directory):
    directory = await told(new_directory, *BOUND, ("grant", 0, ("app-1", ANN)), *BOUND_AGAIN)
    found = await explained(directory)
    assert (found.allowed, found.paths, found.blocks) == (False, [], [])
    await directory.deliver(Message("grant", 0, 9, ("app-1", ANN)))
    assert (await explained(directory)).allowed


async def test_a_cancellation_of_the_former_binding_blocks_nothing_in_the_next(new_directory):
    directory = await told(
        new_directory, *BOUND, ("cancelled", 0, ("app-1", ANN)), *BOUND_AGAIN, ("modify", 0, ("app-1", ANN))
    )
    assert (await explained(directory)).allowed


async def test_a_modification_of_somebody_new_to_the_binding_counts_as_an_addition(new_directory):
    directory = await told(new_directory, *BOUND, *BOUND_AGAIN, ("modify", 0, ("app-1", ANN)))
    assert (await explained(directory)).allowed


async def test_a_modification_keeps_a_cancellation(new_directory):
    directory = await told(
        new_directory,
        *BOUND,
        ("grant", 0, ("app-1", ANN)),
        ("cancelled", 0, ("app-1", ANN)),
        ("modify", 0, ("app-1", ANN)),
    )
    found = await explained(directory)
    assert [block.kind for block in found.blocks] == ["authorisation_cancelled"]
    assert not found.allowed


async def test_the_reason_for_a_grant_is_the_push_that_gave_it_in_this_binding(new_directory):
    directory = await told(new_directory, *BOUND, ("grant", 0, ("app-1", ANN)))
    first = (await explained(directory)).paths[0].by
    await directory.deliver(Message("grant", 0, 3, ("app-1", ANN)))
    assert (await explained(directory)).paths[0].by == first
    for number, message in enumerate((*BOUND_AGAIN, ("grant", 0, ("app-1", ANN))), 4):
        await directory.deliver(Message(message[0], message[1], number, *message[2:]))
    second = (await explained(directory)).paths[0]
    assert second.by != first
    pushes = await list_pushes(await directory.tenant_id(), cursor=None, limit=1)
    assert pushes.items[0].id == second.by.push


TWO_APPS = (
    *BOUND,
    ("bind", 1, "one"),
    ("put_app", 1, ("app-2", "client")),
    ("grant", 0, ("app-1", ANN)),
    ("grant", 1, ("app-2", ANN)),
)


async def test_somebody_removed_by_one_app_stays_while_another_keeps_it(new_directory):
    directory = await told(new_directory, *TWO_APPS, ("removed", 1, ("app-2", ANN)))
    assert not await is_removed(directory)
    await directory.deliver(Message("removed", 0, 9, ("app-1", ANN)))
    assert await is_removed(directory)


@pytest.mark.parametrize("first", ["removed", "unbind"])
async def test_an_ended_binding_keeps_nobody_whom_the_other_app_has_removed(new_directory, first):
    last = [("removed", 1, ("app-2", ANN)), ("unbind", 0)]
    directory = await told(new_directory, *TWO_APPS, *(last if first == "removed" else last[::-1]))
    assert await is_removed(directory)


async def test_the_push_that_ended_the_binding_tells_whom_it_removed(new_directory):
    directory = await told(new_directory, *TWO_APPS, ("removed", 1, ("app-2", ANN)), ("unbind", 0))
    tenant_id = await directory.tenant_id()
    pushes = await list_pushes(tenant_id, cursor=None, limit=1)
    changes = await list_changes(tenant_id, pushes.items[0].id, cursor=None, limit=10)
    assert [(change.type, change.subject) for change in changes.items] == [
        ("binding.removed", directory.places[0].instance_id),
        ("app.removed", "app-1"),
        ("member.removed", "ann"),
        ("access.lost", "ann"),
    ]


async def test_an_end_that_is_heard_of_after_the_next_binding_tells_who_has_lost_access(new_directory):
    directory = await told(new_directory, *BOUND, ("grant", 0, ("app-1", ANN)))
    for late in (Message("bind", 0, 5, "one"), Message("put_app", 0, 6, ("app-1", "client"))):
        await directory.deliver(late)
    await directory.deliver(Message("unbind", 0, 4))
    tenant_id = await directory.tenant_id()
    push = (await list_pushes(tenant_id, cursor=None, limit=1)).items[0]
    changes = await list_changes(tenant_id, push.id, cursor=None, limit=10)
    assert [(change.type, change.subject) for change in changes.items] == [("access.lost", "ann")]
    follower = Follower()
    await follow_directly(follower, tenant_id)
    assert follower.differs_from(await take_snapshot(tenant_id)) == []


async def test_a_removal_of_the_former_binding_is_over_when_its_end_is_heard_of_late(new_directory):
    """Described for the next binding meanwhile, the person comes back with all it was described with."""
    directory = await told(new_directory, *BOUND, ("removed", 0, ("app-1", ANN)))
    described = [MemberFacts("ann", {"name": "Ann", "department_code": "D1"})]
    for late in (
        Message("bind", 0, 5, "one"),
        Message("put_app", 0, 6, ("app-1", "client")),
        Message("modify", 0, 7, ("app-1", described)),
    ):
        await directory.deliver(late)
    assert await is_removed(directory)
    await directory.deliver(Message("unbind", 0, 4))
    assert not await is_removed(directory)
    assert (await explained(directory)).allowed
    tenant_id = await directory.tenant_id()
    push = (await list_pushes(tenant_id, cursor=None, limit=1)).items[0]
    changes = await list_changes(tenant_id, push.id, cursor=None, limit=10)
    assert [(change.type, change.subject) for change in changes.items] == [
        ("member.restored", "ann"),
        ("membership.added", "ann"),
        ("access.gained", "ann"),
    ]
    follower = Follower()
    await follow_directly(follower, tenant_id)
    assert follower.differs_from(await take_snapshot(tenant_id)) == []


async def test_somebody_removed_before_and_only_modified_since_goes_with_the_next_binding(new_directory):
    """Only a word takes a removal back; so the times of former ends need not be remembered."""
    removed = [*BOUND, ("removed", 0, ("app-1", ANN)), *BOUND_AGAIN]
    modified = await told(new_directory, *removed, ("modify", 0, ("app-1", ANN)), ("unbind", 0))
    assert await is_removed(modified)
    granted = await told(new_directory, *removed, ("grant", 0, ("app-1", ANN)), ("unbind", 0))
    assert not await is_removed(granted)


async def test_somebody_known_through_the_ended_binding_only_stays_with_the_enterprise(new_directory):
    directory = await told(new_directory, *TWO_APPS[:-1], ("unbind", 0))
    assert not await is_removed(directory)


async def test_somebody_added_after_a_removal_is_the_same_person(new_directory):
    directory = await told(new_directory, *BOUND, ("grant", 0, ("app-1", ANN)))
    before = await read_member(await directory.tenant_id(), "ann")
    await directory.deliver(Message("removed", 0, 3, ("app-1", ANN)))
    await directory.deliver(Message("grant", 0, 4, ("app-1", [MemberFacts("ann", {})])))
    after = await read_member(await directory.tenant_id(), "ann")
    assert (after.id, after.name, after.removed_at) == (before.id, "Ann", None)
