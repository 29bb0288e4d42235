"""One enterprise in the real database: what the marketplace and administrators do to it, and asking it."""

from itertools import count
from uuid import uuid4

from sso.connection_rows import KOOGALLERY
from sso.identities import find_or_link
from tenancy.access import check_access, list_access
from tenancy.acts import Act
from tenancy.app_switches import disable_app, enable_app
from tenancy.apps import put_app, remove_app
from tenancy.bindings import Place, TenantFacts, bind_tenant, find_tenant
from tenancy.database import tenant_scope
from tenancy.departments import put_department, remove_department
from tenancy.errors import DomainError
from tenancy.explanations import explain_access
from tenancy.gates import settle_expired
from tenancy.grants import grant_access, revoke_access
from tenancy.groups import put_group, put_group_member, remove_group, remove_group_member
from tenancy.instances import set_expiry, set_frozen
from tenancy.members import cancel_members, put_members, remove_members
from tenancy.subjects import Subject
from tenancy.syncs import sync_departments
from tenancy.unbinding import unbind_tenant
from tests.tenancy.histories import INSTANCES
from tests.tenancy.pushing import a_push, buy, moment

_PUSHES = {
    "unbind": unbind_tenant,
    "remove_app": remove_app,
    "put_department": put_department,
    "remove_department": remove_department,
    "list_departments": sync_departments,
    "cancelled": cancel_members,
    "removed": remove_members,
}

_ACTS = {
    "remove_group": remove_group,
    "put_group_member": put_group_member,
    "remove_group_member": remove_group_member,
    "grant_access": grant_access,
    "revoke_access": revoke_access,
    "enable_app": enable_app,
    "disable_app": disable_app,
}

# Expiry is noticed for all tenants of the process at once, so no enterprise's time may lie before another's.
_LIFE_SECONDS = 3600
_lives = count()


class RealEnterprise:
    """A fresh enterprise that may be bound to some instances of its own; its clock counts seconds."""

    def __init__(self, product, instance_ids, keyring):
        self.keyring = keyring
        self.born = next(_lives) * _LIFE_SECONDS
        self.external_id = uuid4().hex
        self.places = [
            Place(product=product, instance_id=instance_id, external_id=self.external_id)
            for instance_id in instance_ids
        ]

    @classmethod
    async def open(cls, product, runtime):
        return cls(product, [await buy(product, runtime) for _ in INSTANCES], runtime.keyring)

    def time(self, clock):
        return moment(self.born + clock)

    async def tenant_id(self):
        return await find_tenant(self.places[0])

    async def rows(self, query, *arguments):
        async with tenant_scope(await self.tenant_id()) as db:
            return await db.fetch(query, *arguments)

    async def carry_out(self, deed, *, clock):
        """Do one thing; the id of its push or act, and the code of the error if it was refused."""
        place, now = self.places[0], self.time(clock)
        push = a_push(self.time(deed.at), product=place.product, now=now)
        act = Act(id=push.id, actor="operator:bootstrap", at=now)
        try:
            if deed.kind == "put_group":
                group = {"name": "Group", "expected_revision": None}
                await put_group(await self.tenant_id(), *deed.arguments, **group, act=act)
            elif deed.kind == "sign_in":
                await _sign_in(await self.tenant_id(), *deed.arguments, act=act)
            elif deed.kind in _ACTS:
                await _ACTS[deed.kind](await self.tenant_id(), *map(_said, deed.arguments), act=act)
            else:
                await self._push(deed, push)
        except DomainError as error:
            return push.id, error.code
        return push.id, None

    async def _push(self, deed, push):
        instance, *said = deed.arguments
        place = self.places[instance]
        purchase = {"product": place.product, "instance_id": place.instance_id, "push": push}
        known = {"at": push.source_time, "push": push}
        match deed.kind:
            case "bind":
                facts = TenantFacts(code="one", name="one", domain_name="https://one.example")
                await bind_tenant(place, facts, **known)
            case "put_app":
                secret = {"client_id": "client", "client_secret": "secret", "keyring": self.keyring}
                await put_app(place, *said, **secret, **known)
            case "grant" | "modify":
                await put_members(place, *said, grant=deed.kind == "grant", **known)
            case "freeze":
                await set_frozen(**purchase, frozen=said[0])
            case "renew":
                ends = {"expires_at": self.time(said[0]), "trial_ends": False, "unfreeze": False}
                await set_expiry(**purchase, **ends, ask_for=None)
            case _:
                await _PUSHES[deed.kind](place, *said, **known)

    async def notice_expiry(self, *, clock):
        await settle_expired(now=self.time(clock))

    async def may_use(self, app, person, *, clock):
        return await check_access(await self.tenant_id(), app, person, now=self.time(clock))

    async def explain(self, app, person, *, clock):
        return await explain_access(await self.tenant_id(), app, person, now=self.time(clock))

    async def everyone(self, app, *, clock):
        """All who may use the app, page by page."""
        found, cursor = [], None
        while True:
            page = await list_access(
                await self.tenant_id(), app, now=self.time(clock), cursor=cursor, limit=2
            )
            found += [item.user_name for item in page.items]
            if (cursor := page.next) is None:
                return found


async def _sign_in(tenant_id, person, *, act):
    account = {"subject": f"account of {person}", "user_name": person, "name": None}
    await find_or_link(tenant_id, KOOGALLERY, **account, creates_members=True, act=act)


def _said(argument):
    return Subject(type=argument[0], id=argument[1]) if isinstance(argument, tuple) else argument
