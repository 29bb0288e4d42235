"""One enterprise in the real database: delivering messages to it and reading all that is visible of it."""

from uuid import uuid4

from tenancy.app_switches import list_apps
from tenancy.apps import put_app, remove_app
from tenancy.bindings import Place, TenantFacts, bind_tenant, find_tenant
from tenancy.department_rows import list_departments, read_tree
from tenancy.departments import put_department, remove_department
from tenancy.errors import AppUnknown
from tenancy.explanations import explain_access
from tenancy.member_facts import DEFAULTS
from tenancy.member_pages import list_members
from tenancy.members import cancel_members, put_members, remove_members
from tenancy.syncs import sync_departments
from tenancy.tenants import read_tenant
from tenancy.unbinding import unbind_tenant
from tests.tenancy.histories import APPS, PEOPLE
from tests.tenancy.pushing import a_push

_ABOUT_ONE_THING = {
    "remove_app": remove_app,
    "put_department": put_department,
    "remove_department": remove_department,
    "list_departments": sync_departments,
}


class Directory:
    """A fresh enterprise that may be bound to some instances of one product."""

    def __init__(self, product, instance_ids, keyring, clock):
        self.external_id = uuid4().hex
        self.keyring = keyring
        self.clock = clock
        self.places = [
            Place(product=product, instance_id=instance_id, external_id=self.external_id)
            for instance_id in instance_ids
        ]

    async def deliver(self, message):
        """Carry one message out, as the marketplace's door would."""
        place, body = self.places[message.instance], message.body
        known = {"at": message.at, "push": a_push(message.at, product=place.product)}
        match message.kind:
            case "put_app":
                app, client = body
                secret = f"secret of {client}"
                await put_app(
                    place, app, client_id=client, client_secret=secret, keyring=self.keyring, **known
                )
            case "bind":
                facts = TenantFacts(code=body, name=body, domain_name=f"https://{body}.example")
                await bind_tenant(place, facts, **known)
            case "unbind":
                await unbind_tenant(place, **known)
            case "grant" | "modify":
                await put_members(place, *body, grant=message.kind == "grant", **known)
            case "cancelled" | "removed":
                withdraw = cancel_members if message.kind == "cancelled" else remove_members
                await withdraw(place, *body, **known)
            case _:
                await _ABOUT_ONE_THING[message.kind](place, body, **known)

    async def tenant_id(self):
        return await find_tenant(self.places[0])

    async def read(self):
        """Everything that can be seen, in the shape of `expected`."""
        tenant_id = await self.tenant_id()
        tenant = await read_tenant(tenant_id)
        numbers = {place.instance_id: number for number, place in enumerate(self.places)}
        found = await list_departments(tenant_id, parent=None, removed=False, cursor=None, limit=100)
        members = await list_members(
            tenant_id, department=None, recursive=False, query=None, cursor=None, limit=100
        )
        apps = await list_apps(tenant_id, cursor=None, limit=100)
        return {
            "facts": tenant.code,
            "bound": {numbers[binding.instance_id] for binding in tenant.bindings if binding.active},
            "unbound": tenant.unbound_at is not None,
            "counts": (tenant.counts.departments, tenant.counts.members, tenant.counts.apps),
            "departments": {node.code: (node.name, node.parent_code) for node in await read_tree(tenant_id)},
            "paths": {department.code: department.path for department in found.items},
            "members": {member.user_name: _attributes(member) for member in members.items},
            "apps": {(numbers[app.instance_id], app.id): app.client_id for app in apps.items},
            "access": {
                (app, person): await self._explain(tenant_id, app, person, numbers)
                for app in APPS
                for person in PEOPLE
            },
        }

    async def _explain(self, tenant_id, app, person, numbers):
        try:
            found = await explain_access(tenant_id, app, person, now=self.clock())
        except AppUnknown:
            return None
        blocks = {block.kind for block in found.blocks}
        if "member_unknown" in blocks:
            blocks -= {"member_removed"}
        return found.allowed, {numbers[path.via[0].id] for path in found.paths}, blocks


def _attributes(member):
    attributes = {name: getattr(member, name) for name in DEFAULTS if name != "department_code"}
    return attributes | {"department_code": next(iter(member.department_codes), None)}


def expected(model):
    """What the directory should show of a model's enterprise."""
    apps = {key: client for key, client in model.apps.items() if client is not None}
    members = {name: dict(known) for name, known in model.people.items() if model.is_present(name)}
    return {
        "facts": model.facts,
        "bound": model.bound,
        "unbound": not model.bound,
        "counts": (len(model.departments), len(members), len(apps)),
        "departments": model.departments,
        "paths": {code: _path(model, code) for code in model.departments},
        "members": members,
        "apps": apps,
        "access": {(app, person): model.explain(app, person) for app in APPS for person in PEOPLE},
    }


def _path(model, code):
    path = []
    while code in model.departments:
        path.insert(0, code)
        code = model.departments[code][1]
    return path
