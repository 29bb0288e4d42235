"""What removals have in common: they may come before what they remove, and after its instance has gone."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import msgspec

from tenancy.bindings import Admission, Place, admit, remember_tenant
from tenancy.database import Db, tenant_scope
from tenancy.events import Event
from tenancy.pushes import UNCHANGED, Outcome, Push, record_push


class Applied(msgspec.Struct, frozen=True):
    """What a push came to, and its events that are still to be written."""

    outcome: Outcome
    events: Sequence[Event] = ()


async def carry_out_removal(
    place: Place, push: Push, remove: Callable[[Db, UUID, Admission], Awaitable[Applied]]
) -> Outcome | None:
    """Run `remove` in the tenant's scope and record the push; a released instance leaves nothing to remove.

    Returns:
        None when the instance is unknown, so that there is nothing to remember.
    """
    tenant_id = await remember_tenant(place, now=push.received_at)
    if tenant_id is None:
        return None
    async with tenant_scope(tenant_id, changing=True) as db:
        admission = await admit(db, tenant_id, place)
        removal = await remove(db, tenant_id, admission) if admission.instance_is_open else Applied(UNCHANGED)
        await record_push(db, tenant_id, push, removal.outcome, events=removal.events)
    return removal.outcome
