"""One enterprise with something of everything, on which any use case finds something to change."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tenancy.acts import Act
from tenancy.apps import put_app
from tenancy.bindings import Place, TenantFacts, bind_tenant, find_tenant
from tenancy.database import system_scope
from tenancy.departments import put_department
from tenancy.endpoint_facts import EndpointSettings
from tenancy.endpoints import make_endpoint
from tenancy.grants import grant_access
from tenancy.groups import put_group, put_group_member
from tenancy.member_facts import MemberFacts
from tenancy.members import put_members
from tenancy.subjects import Subject
from tenancy.tree import Department
from tests.tenancy.pushing import a_push, buy

EVERYONE = Subject(type="everyone", id="*")
ANN = Subject(type="member", id="ann")
PLANT = Subject(type="department", id="B")
APP = "app-1"


def someone(user_name, **attributes):
    return MemberFacts(user_name, attributes)


class World:
    """Two instances, both with the app; `A` above `B`; ann and bob, groups `g` in `h`, grants."""

    def __init__(self, product, runtime):
        self.product = product
        self.runtime = runtime
        self.keyring = runtime.keyring
        self.external_id = uuid4().hex
        self.tenant_id = None
        self.places = []

    @classmethod
    async def found(cls, product, runtime):
        world = cls(product, runtime)
        world.places = [await world.place() for _ in range(2)]
        for place in world.places:
            await world.bind(place)
            await world.put_app(place)
        world.tenant_id = await find_tenant(world.places[0])
        for code, parent in (("A", None), ("B", "A")):
            await put_department(world.home, Department(code, code, parent), **world.said())
        people = [someone("ann", department_code="B"), someone("bob", department_code="A", name="Bob")]
        await put_members(world.home, APP, people, grant=True, **world.said())
        for group in ("g", "h"):
            await put_group(world.tenant_id, group, name=group, expected_revision=None, act=world.act())
        await put_group_member(world.tenant_id, "g", PLANT, act=world.act())
        await put_group_member(world.tenant_id, "h", Subject(type="group", id="g"), act=world.act())
        await grant_access(world.tenant_id, APP, Subject(type="group", id="g"), act=world.act())
        return world

    @property
    def home(self):
        return self.places[0]

    @property
    def purchase(self):
        """What a push about the first purchase speaks of."""
        return {"product": self.product, "instance_id": self.home.instance_id, "push": self.push()}

    async def place(self):
        instance_id = await buy(self.product, self.runtime)
        return Place(product=self.product, instance_id=instance_id, external_id=self.external_id)

    def push(self, at=None):
        return a_push(at or datetime.now(UTC), product=self.product)

    def said(self):
        """What every push of the marketplace brings along."""
        push = self.push()
        return {"at": push.source_time, "push": push}

    def act(self):
        return Act(actor="operator:test", at=datetime.now(UTC))

    async def bind(self, place, name="one"):
        facts = TenantFacts(code=name, name=name, domain_name=f"https://{name}.example")
        await bind_tenant(place, facts, **self.said())

    async def put_app(self, place, app=APP, client="client"):
        secret = {"client_id": client, "client_secret": "secret", "keyring": self.keyring}
        await put_app(place, app, **secret, **self.said())

    async def alter_purchase(self, setting):
        """Change the first purchase behind the back of its tenants, as a crash would leave it."""
        async with system_scope() as db:
            await db.execute(f"UPDATE instance SET {setting} WHERE instance_id = $1", self.home.instance_id)

    async def expire(self):
        past = datetime.now(UTC) - timedelta(seconds=1)
        await self.alter_purchase(f"expires_at = '{past.isoformat()}'")

    async def make_endpoint(self):
        settings = EndpointSettings(url="https://receiver.example/events", tenants=(self.tenant_id,))
        secret = {"secret": "whsec_dGhlLXNlY3JldC1vZi1hLXRlc3Q=", "keyring": self.keyring}
        return (await make_endpoint(settings, **secret, act=self.act())).id
