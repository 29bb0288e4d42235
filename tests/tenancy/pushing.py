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


async def buy(product, runtime, *, ask_for_order=False, contact=None, order_id=None):
    """Buy an active instance; its id."""
    order_id = order_id or uuid4().hex
    order = Order(
        product=product,
        order_id=order_id,
        order_line_id=f"{order_id}-000001",
        business_id=str(uuid4()),
        contact=contact or {},
    )
    found = await open_instance(
        order,
        provisioned=True,
        ask_for_order=ask_for_order,
        keyring=runtime.keyring,
        push=a_push(product=product, now=runtime.clock()),
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
