"""Any duplication, delay or shuffle of a history's messages ends in what the history comes to."""

from hypothesis import given
from hypothesis import settings as hypothesis_settings

from tests.followers import Follower, follow_directly, take_snapshot
from tests.tenancy.directories import expected
from tests.tenancy.histories import about_bindings, about_departments, about_people, histories
from tests.tenancy.pushing import deliver_until_accepted


async def check(told, new_directory):
    history, order = told
    directory = new_directory()
    await deliver_until_accepted(order, directory.deliver)
    assert await directory.read() == expected(history.model)
    follower, tenant_id = Follower(), await directory.tenant_id()
    await follow_directly(follower, tenant_id)
    assert follower.differs_from(await take_snapshot(tenant_id)) == []


@hypothesis_settings(max_examples=100)
@given(told=histories())
async def test_messages_in_any_order_and_number_end_in_the_state_of_their_history(told, new_directory):
    await check(told, new_directory)


@hypothesis_settings(max_examples=100)
@given(told=histories(about_departments))
async def test_departments_end_in_the_tree_of_their_history(told, new_directory):
    await check(told, new_directory)


@hypothesis_settings(max_examples=50)
@given(told=histories(about_people))
async def test_members_end_with_the_attributes_and_the_access_of_their_history(told, new_directory):
    await check(told, new_directory)


@hypothesis_settings(max_examples=50)
@given(told=histories(about_people + about_bindings, length=16))
async def test_what_ends_with_a_binding_does_not_depend_on_when_its_end_is_heard_of(told, new_directory):
    await check(told, new_directory)
