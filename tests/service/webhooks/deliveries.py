"""Events, endpoints and workers for the tests of delivery."""

import asyncio
import contextlib
import json
from uuid import UUID, uuid4

import msgspec

from service.webhooks.delivery import Bounds, Delivery
from tenancy.acts import Act, record_act
from tenancy.database import NO_TENANT, system_scope, tenant_scope
from tenancy.event_objects import GroupObject, TokenFact
from tenancy.events import Event
from tenancy.feed import feed_events
from tests.service.webhooks.senders import opened

_TENANT = """
INSERT INTO tenant (id, source, external_id, is_test, code, name, domain_name, source_time, created_at)
VALUES ($1, 'test', $2, $4, 'code', 'Example', 'example.com', $3, $3)
"""


async def new_tenant(clock, *, is_test=False):
    """An enterprise without anything; its id."""
    tenant_id = uuid4()
    async with system_scope() as db:
        await db.execute(_TENANT, tenant_id, tenant_id.hex, clock(), is_test)
    return tenant_id


async def write_events(tenant_id, count, clock, *, type_="group.added"):
    """That many events of one change set; the subject of the first is `0`."""
    act = Act(actor="operator:test", at=clock())
    events = [
        Event(type=type_, subject=str(number), data=GroupObject(id=f"g{number}", name=f"组 {number}"))
        for number in range(count)
    ]
    scope = system_scope() if tenant_id == NO_TENANT else tenant_scope(tenant_id, changing=True)
    async with scope as db:
        await record_act(db, act, events, tenant_id=tenant_id)


async def write_system_event(clock):
    """An event that belongs to no tenant."""
    async with system_scope() as db:
        told = Event(type="token.made", subject="t", data=TokenFact(role="reader"))
        await record_act(db, Act(actor="operator:test", at=clock()), [told])


async def forget_endpoints():
    """No endpoint is left, and nothing of what is in the log is to be told."""
    async with system_scope() as db:
        for table in ("attempt", "stream", "endpoint"):
            await db.execute(f"DELETE FROM {table}")


async def streams_of(endpoint_id):
    async with system_scope() as db:
        rows = await db.fetch("SELECT * FROM stream WHERE endpoint_id = $1 ORDER BY tenant_id", endpoint_id)
    return {row["tenant_id"]: row for row in rows}


async def endpoint_row(endpoint_id):
    async with system_scope() as db:
        return await db.fetchrow("SELECT * FROM endpoint WHERE id = $1", endpoint_id)


async def attempts_of(endpoint_id):
    async with system_scope() as db:
        return await db.fetch("SELECT * FROM attempt WHERE endpoint_id = $1 ORDER BY at, number", endpoint_id)


class Endpoints:
    """Makes endpoints through the API and remembers their secrets."""

    def __init__(self, api):
        self.api = api
        self.secrets = {}

    async def make(self, url, **settings):
        """A new endpoint; its id."""
        tenants = settings.pop("tenants", None)
        body = {"url": url, "tenants": tenants and [str(one) for one in tenants], **settings}
        answer = await self.api.post("/v1/endpoints", json=body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        self.secrets[made["id"]] = made["secret"]
        return made["id"]

    async def ask(self, method, path, **kwargs):
        return await self.api.request(method, f"/v1/endpoints{path}", **kwargs)

    async def change(self, endpoint_id, **changes):
        answer = await self.ask("PATCH", f"/{endpoint_id}", json=changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def replay(self, endpoint_id, tenant_id, after):
        body = {"tenant_id": tenant_id and str(tenant_id), "after": after}
        return await self.ask("POST", f"/{endpoint_id}/replay", json=body)


def told(receiver):
    """(tenant, number) of every request, in the order of arrival; a tenant of none is the nil one."""
    bodies = [json.loads(request.body) for request in receiver.requests]
    return [(UUID(body["tenant_id"]) if body["tenant_id"] else NO_TENANT, body["number"]) for body in bodies]


def numbers(receiver, tenant_id):
    return [number for tenant, number in told(receiver) if tenant == tenant_id]


def opened_wide(runtime, clock=None):
    """The runtime, with endpoints anywhere and perhaps another clock."""
    settings = msgspec.structs.replace(runtime.settings, webhook_http=True, webhook_private=True)
    return msgspec.structs.replace(runtime, settings=settings, clock=clock or runtime.clock)


@contextlib.asynccontextmanager
async def open_delivery(runtime, *, jitter=0.0, limits=None, **bounds):
    """What one worker delivers with, not yet at work."""
    async with opened(**(limits or {})) as sender:
        delivery = Delivery(runtime, sender, Bounds(**{"drain": 1.0, **bounds}), lambda: jitter)
        async with delivery.running():
            yield delivery


@contextlib.asynccontextmanager
async def delivering(runtime, **options):
    """A worker is at work inside."""
    async with open_delivery(runtime, **{"poll": 0.005, **options}) as delivery:
        task = asyncio.create_task(delivery.work())
        try:
            yield delivery
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def deliver_due(delivery, clock):
    """Tell everything that is due at this moment, to the end."""
    await feed_events(now=clock())
    while await delivery._begin_turns() or delivery._turns:
        if delivery._turns:
            await asyncio.wait(delivery._turns)
            await asyncio.sleep(0)
