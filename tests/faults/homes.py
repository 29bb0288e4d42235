"""Two tenants with one of everything, and requests to every route about them."""

import re

from tenancy.acts import Act
from tenancy.tokens import make_token
from tests.marketplace import user

BODIES = {
    "/v1/products/{product}": {"name": "Renamed"},
    "/v1/clients/{client_id}": {"name": "Renamed", "product": "p", "redirect_uris": ["https://app.example/"]},
    "/v1/instances/{instance_id}": {"state": "active"},
    "/v1/tenants/{tenant_id}/groups/{group}": {"name": "Renamed"},
    "/v1/tenants/{tenant_id}/apps/{app}": {"enabled": False},
    "/v1/tenants/{tenant_id}/connections/{connection}": {
        "kind": "oidc",
        "issuer": "https://login.example",
        "client_id": "tenon",
        "title": "Login",
        "auth_method": "none",
    },
}
# Whatever they name comes to be.
CREATING = {
    ("PUT", "/v1/tenants/{tenant_id}/groups/{group}"),
    ("PUT", "/v1/tenants/{tenant_id}/connections/{connection}"),
}
# Here the query names the tenant, not the path.
AUDIT = "/v1/audit"


class Home:
    """A tenant with one of everything, each under a name that no other tenant has."""

    def __init__(self, product, enterprise, mark):
        self.names = {"product": product, "instance_id": enterprise.instance, "app": enterprise.app}
        self.names |= {"code": f"D-{mark}", "user_name": f"user-{mark}", "group": f"g-{mark}"}
        self.names |= {"subject_type": "department", "subject": self.names["code"]}
        self.names["connection"] = f"c-{mark}"
        self.enterprise = enterprise

    async def fill(self, api):
        enterprise = self.enterprise
        assert (await enterprise.department(self.names["code"])).code == "000000"
        people = [user(self.names["user_name"], orgCode=self.names["code"])]
        assert (await enterprise.members(people)).code == "000000"
        listed = await api.get("/v1/tenants", params={"external_id": enterprise.tenant})
        self.names["tenant_id"] = listed.json()["items"][0]["id"]
        home = f"/v1/tenants/{self.names['tenant_id']}"
        # Empty although there is a department: it is held, so that it can be planned and decided.
        assert (await enterprise.departments([])).code == "000000"
        pushes = await api.get(f"{home}/pushes", params={"verdict": "held"})
        self.names["push"] = pushes.json()["items"][0]["id"]
        assert (await api.put(f"{home}/groups/{self.names['group']}", json={"name": "G"})).status_code == 200
        granted = await api.put(f"{home}/apps/{self.names['app']}/grants/department/{self.names['code']}")
        assert granted.status_code == 200
        path = "/v1/tenants/{tenant_id}/connections/{connection}"
        assert (await api.put(path.format_map(self.names), json=BODIES[path])).status_code == 200
        audit = await api.get("/v1/audit", params={"tenant": self.names["tenant_id"], "limit": 1})
        self.names["entry"] = audit.json()["items"][0]["id"]
        endpoint = {"url": "https://receiver.example/", "tenants": [self.names["tenant_id"]]}
        self.names["endpoint"] = (await api.post("/v1/endpoints", json=endpoint)).json()["id"]
        client = {"name": "App", "product": self.names["product"], "redirect_uris": ["https://app.example/"]}
        self.names["client_id"] = f"{self.names['product']}.{self.names['group']}"
        registered = await api.put(f"/v1/clients/{self.names['client_id']}", json=client)
        assert registered.status_code == 200
        member = await api.get(f"{home}/members/{self.names['user_name']}")
        # Nobody has signed in; tests of the sessions show that those of others do not exist.
        self.names["session"] = member.json()["id"]
        return self


async def fill_homes(api, product, marketplace):
    """Two tenants of one product."""
    filled = []
    for mark in ("a", "b"):
        enterprise = await marketplace.open_enterprise(app=f"app-{mark}")
        filled.append(await Home(product, enterprise, mark).fill(api))
    return filled


async def list_operations(api):
    """Every (method, path template) of the API as its own document tells them."""
    paths = (await api.get("/openapi.json")).json()["paths"]
    found = [
        (method.upper(), path)
        for path, item in paths.items()
        for method in item
        if path.startswith("/v1/") and method in {"get", "put", "post", "patch", "delete"}
    ]
    assert len(found) > 30
    return found


async def send(http, token, method, path, names):
    """A request to the route with these names in its path."""
    return await http.request(
        method,
        re.sub(r"{(\w+)}", lambda match: str(names[match[1]]), path),
        json=BODIES.get(path) if method in {"PUT", "PATCH"} else None,
        headers={"Authorization": f"Bearer {token}"},
    )


async def make_own_token(homes, clock, role):
    """A token of the first tenant."""
    tenant_id = homes[0].names["tenant_id"]
    return await make_token(role=role, tenant_id=tenant_id, act=Act(actor="test", at=clock()))


def concerns_tenant(path):
    return path.startswith("/v1/tenants/{tenant_id}")


def is_for_all(path):
    """Whether the route shows every token the same."""
    return path == "/v1/event-types"


def needs_operator(method, path):
    """Whether a reader's token is refused: on changes, and where persons' data comes as it was sent."""
    return method != "GET" or path.endswith("/pushes/{push}/body")
