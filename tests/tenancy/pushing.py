"""What a test needs to call the use cases without HTTP: a push, a bought instance, a whole delivery."""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tenancy.errors import Conflict, NotFound
from tenancy.instances import Order, open_instance
from tenancy.pushes import Push

START = datetime(2026, 1, 1, tzinfo=UTC)


def moment(number):
    """A source time; later numbers are later."""
    return START + timedelta(seconds=number)


def a_push(at=None, *, product="p", now=None, **fields):
    return Push(
        id=uuid4(),
        product=product,
        edition="V2",
        interface="test",
        signed_as="sorted",
        received_at=now or datetime.now(UTC),
        started=time.perf_counter(),
        size=0,
        source_time=at,
        **fields,
    )


async def order(product, runtime, *, ask_for_order=False, **fields):
    """Send one order, as the marketplace does when something is bought; the instance that answers it."""
    return await open_instance(
        Order(product=product, **fields),
        provisioned=True,
        ask_for_order=ask_for_order,
        pending_result="000004",
        keyring=runtime.keyring,
        push=a_push(product=product, now=runtime.clock()),
    )


async def buy(product, runtime, *, ask_for_order=False, contact=None, order_id=None):
    """Buy an active instance; its id."""
    order_id = order_id or uuid4().hex
    found = await order(
        product,
        runtime,
        ask_for_order=ask_for_order,
        order_id=order_id,
        order_line_id=f"{order_id}-000001",
        business_id=str(uuid4()),
        contact=contact or {},
    )
    return found.instance_id


async def deliver_until_accepted(messages, deliver):
    """Deliver in this order; what is refused is delivered again, round after round, as a marketplace does."""
    pending = list(messages)
    while pending:
        refused = []
        for message in pending:
            try:
                await deliver(message)
            except (NotFound, Conflict) as error:
                refused.append((message, error))
        assert len(refused) < len(pending), f"refused for ever: {refused}"
        pending = [message for message, _ in refused]
