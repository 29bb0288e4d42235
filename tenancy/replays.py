"""Replays: an endpoint is told the events of a tenant again, or not at all, from a number on."""

from uuid import UUID

from tenancy.acts import Act, record_act
from tenancy.database import NO_TENANT, system_scope
from tenancy.endpoint_facts import ReplayFact
from tenancy.endpoint_rows import lock_endpoint
from tenancy.errors import Invalid
from tenancy.event_pages import EventsAhead, EventsRemoved
from tenancy.events import LAST, Event
from tenancy.feed import lock_feed
from tenancy.stream_rows import move_stream


class TenantNotTold(Invalid):
    """The endpoint is not told of this tenant."""


_LOG = f"""
SELECT coalesce((SELECT is_test FROM tenant WHERE id = $1), false) AS is_test,
       {LAST} AS last,
       (SELECT number FROM event WHERE tenant_id = $1 ORDER BY number LIMIT 1) AS oldest
"""


async def replay_events(endpoint_id: UUID, *, tenant_id: UUID | None, after: int, act: Act) -> None:
    """Let an endpoint go on after that event of a tenant, or of what belongs to none: back or forth.

    Raises:
        EndpointUnknown: there is no such endpoint.
        TenantNotTold: the endpoint is for other tenants.
        EventsAhead: there is no such event yet.
        EventsRemoved: the next one is not kept any more.
    """
    async with system_scope() as db:
        await lock_feed(db)
        endpoint = await lock_endpoint(db, endpoint_id)
        log = await db.fetchrow(_LOG, tenant_id or NO_TENANT)
        assert log is not None
        tenants = endpoint.settings.tenants
        if log["is_test"] if tenants is None else tenant_id not in tenants:
            raise TenantNotTold
        if after > log["last"]:
            raise EventsAhead(f"The newest has the number {log['last']}.")
        if after + 1 < (log["oldest"] or log["last"] + 1):
            raise EventsRemoved
        await move_stream(
            db, tenant_id or NO_TENANT, endpoint_id, position=after, target=log["last"], now=act.at
        )
        fact = ReplayFact(tenant_id=tenant_id, after=after)
        await record_act(db, act, [Event(type="endpoint.replayed", subject=str(endpoint_id), data=fact)])
