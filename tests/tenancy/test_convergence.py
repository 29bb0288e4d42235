"""Any duplication, delay or shuffle of a history's messages ends in what the history comes to."""

from hypothesis import given
from hypothesis import settings as hypothesis_settings

from tests.tenancy.directories import expected
from tests.tenancy.histories import histories
from tests.tenancy.pushing import deliver_until_accepted


@hypothesis_settings(max_examples=200)
@given(told=histories())
async def test_messages_in_any_order_and_number_end_in_the_state_of_their_history(told, new_directory):
    history, order = told
    directory = new_directory()
    await deliver_until_accepted(order, directory.deliver)
    assert await directory.read() == expected(history.model)
