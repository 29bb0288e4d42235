"""Releasing an instance: the purchase ends first, then its bindings, tenant by tenant."""

from datetime import datetime

from tenancy.acts import SYSTEM, Act, record_act
from tenancy.database import NO_TENANT, system_scope, tenant_scope
from tenancy.errors import InstanceUnknown
from tenancy.event_objects import InstanceFact
from tenancy.events import Event
from tenancy.pushes import Outcome, Push, outcome_of, record_push
from tenancy.unbinding import end_binding


async def release_instance(product: str, instance_id: str, *, push: Push) -> Outcome:
    """Release an instance for good and end its bindings; repeating changes nothing.

    A crash between the two leaves bindings that nothing can use any more; `end_released_bindings`
    finishes the work.

    Raises:
        InstanceUnknown: no such instance of this product was ever seen.
    """
    async with system_scope() as db:
        state = await db.fetchval(
            "SELECT state FROM instance WHERE product = $1 AND instance_id = $2 FOR UPDATE",
            product,
            instance_id,
        )
        if state is None:
            raise InstanceUnknown
        events = []
        if state != "released":
            await db.execute(
                "UPDATE instance SET state = 'released', changed_at = $2, state_at = $2, state_by = $3"
                " WHERE instance_id = $1",
                instance_id,
                push.received_at,
                push.cause.by,
            )
            await db.execute("DELETE FROM order_query WHERE instance_id = $1", instance_id)
            data, previous = InstanceFact(state="released"), InstanceFact(state=state)
            events = [Event(type="instance.released", subject=instance_id, data=data, previous=previous)]
        outcome = outcome_of(events)
        await record_push(db, NO_TENANT, push, outcome, events=events)
    await end_released_bindings(now=push.received_at, instance_id=instance_id)
    return outcome


async def end_released_bindings(*, now: datetime, instance_id: str | None = None) -> int:
    """End bindings whose instance has been released; returns how many there were."""
    async with system_scope() as db:
        rows = await db.fetch(
            "SELECT b.tenant_id, b.instance_id, i.state_by FROM binding b JOIN instance i USING (instance_id)"
            " WHERE NOT b.ended AND i.state = 'released' AND ($1::text IS NULL OR i.instance_id = $1)"
            " ORDER BY b.tenant_id LIMIT 1000",
            instance_id,
        )
    for row in rows:
        tenant_id, act = row["tenant_id"], Act(actor=row["state_by"] or SYSTEM, at=now)
        async with tenant_scope(tenant_id, changing=True) as db:
            ending = await end_binding(db, tenant_id, row["instance_id"], at=now, cause=act.cause)
            if ending.events:
                await record_act(db, act, ending.events, tenant_id=tenant_id, differences=ending.differences)
    return len(rows)
