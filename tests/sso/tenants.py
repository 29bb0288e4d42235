"""An enterprise that people sign in to, and what its log tells."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from tenancy.acts import Act
from tenancy.apps import put_app
from tenancy.bindings import Place, TenantFacts, bind_tenant, find_tenant
from tenancy.event_pages import read_events
from tenancy.member_facts import MemberFacts
from tenancy.members import cancel_members, put_members, remove_members
from tests.tenancy.pushing import a_push, buy

APP = "app-1"


def an_act():
    return Act(actor="operator:test", at=datetime.now(UTC))


async def tell_of(tenant_id, prefix=""):
    """The events of a tenant whose types begin so, oldest first."""
    page = await read_events(tenant_id, after=0, limit=1000)
    return [event for event in msgspec.json.decode(page.body)["items"] if event["type"].startswith(prefix)]


class Enterprise:
    """One enterprise with one app, and what the marketplace says of its people."""

    def __init__(self, place, tenant_id):
        self.place = place
        self.tenant_id = tenant_id

    async def authorise(self, *names, grant=True, **attributes):
        people = [MemberFacts(name, attributes) for name in names]
        await put_members(self.place, APP, people, grant=grant, **said(self.place))

    async def cancel(self, *names):
        await cancel_members(self.place, APP, [MemberFacts(name, {}) for name in names], **said(self.place))

    async def remove(self, *names):
        await remove_members(self.place, APP, [MemberFacts(name, {}) for name in names], **said(self.place))


def said(place):
    """What every push of the marketplace brings along."""
    push = a_push(datetime.now(UTC), product=place.product)
    return {"at": push.source_time, "push": push}


async def found_tenant(product, runtime):
    """A fresh enterprise that is bound and has the app."""
    place = Place(
        product=product, instance_id=await buy(product, runtime), external_id=f"enterprise-{uuid4().hex}"
    )
    facts = TenantFacts(code="one", name="One", domain_name="https://one.example")
    await bind_tenant(place, facts, **said(place))
    credentials = {"client_id": "client", "client_secret": "secret", "keyring": runtime.keyring}
    await put_app(place, APP, **credentials, **said(place))
    return Enterprise(place, await find_tenant(place))
