"""Every route of the API with tokens that must not open it: what is another tenant's does not exist."""

import re
from uuid import uuid4

import pytest

from tenancy.tokens import make_token
from tests.conftest import OPERATOR_TOKEN
from tests.marketplace import user

BODIES = {
    "/v1/products/{product}": {"name": "Renamed"},
    "/v1/instances/{instance_id}": {"state": "active"},
}


class Home:
    """A tenant with one of everything, each under a name that no other tenant has."""

    def __init__(self, product, enterprise, mark):
        self.names = {"product": product, "instance_id": enterprise.instance, "app": enterprise.app}
        self.names |= {"code": f"D-{mark}", "user_name": f"user-{mark}"}
        self.enterprise = enterprise

    async def fill(self, api):
        enterprise = self.enterprise
        assert (await enterprise.department(self.names["code"])).code == "000000"
        people = [user(self.names["user_name"], orgCode=self.names["code"])]
        assert (await enterprise.members(people)).code == "000000"
        listed = await api.get("/v1/tenants", params={"external_id": enterprise.tenant})
        self.names["tenant_id"] = listed.json()["items"][0]["id"]
        pushes = await api.get(f"/v1/tenants/{self.names['tenant_id']}/pushes")
        self.names["push"] = pushes.json()["items"][0]["id"]
        return self


@pytest.fixture
async def homes(api, product, marketplace):
    filled = []
    for mark in ("a", "b"):
        enterprise = await marketplace.open_enterprise(app=f"app-{mark}")
        filled.append(await Home(product, enterprise, mark).fill(api))
    return filled


@pytest.fixture
async def operations(api):
    """Every (method, path template) of the API as its own document tells them."""
    paths = (await api.get("/openapi.json")).json()["paths"]
    found = [
        (method.upper(), path)
        for path, item in paths.items()
        for method in item
        if path.startswith("/v1/") and method in {"get", "put", "post", "patch", "delete"}
    ]
    assert len(found) > 15
    return found


@pytest.fixture
def ask(http):
    async def send(token, method, path, names):
        return await http.request(
            method,
            re.sub(r"{(\w+)}", lambda match: str(names[match[1]]), path),
            json=BODIES.get(path) if method in {"PUT", "PATCH"} else None,
            headers={"Authorization": f"Bearer {token}"},
        )

    return send


def concerns_tenant(path):
    return path.startswith("/v1/tenants/{tenant_id}")


@pytest.fixture(params=["operator", "reader"])
async def own_token(request, homes, clock):
    """A token of the first tenant."""
    return await make_token(role=request.param, tenant_id=homes[0].names["tenant_id"], now=clock())


async def test_another_tenant_does_not_exist_for_a_tenants_token(ask, operations, homes, own_token):
    nobody = {**homes[1].names, "tenant_id": uuid4()}
    for method, path in filter(lambda one: concerns_tenant(one[1]), operations):
        answer = await ask(own_token, method, path, homes[1].names)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
        assert answer.content == (await ask(own_token, method, path, nobody)).content, path


async def test_objects_of_another_tenant_do_not_exist_under_ones_own(ask, operations, homes, own_token):
    mixed = {**homes[1].names, "tenant_id": homes[0].names["tenant_id"]}
    for method, path in operations:
        if not concerns_tenant(path):
            continue
        answer = await ask(own_token, method, path, mixed)
        names_an_object = path.count("{") > 1
        if names_an_object and not path.endswith("/changes"):
            assert answer.status_code == 404, path
        assert homes[1].names["code"] not in answer.text, path
        assert homes[1].names["user_name"] not in answer.text, path


async def test_a_tenants_token_opens_its_own_tenant(ask, operations, homes, own_token):
    for method, path in operations:
        if method == "GET" and concerns_tenant(path):
            answer = await ask(own_token, method, path, homes[0].names)
            assert answer.status_code == 200, f"{path}: {answer.text}"


async def test_nothing_outside_tenants_exists_for_a_tenants_token(ask, operations, homes, own_token, api):
    for method, path in operations:
        if not concerns_tenant(path):
            answer = await ask(own_token, method, path, homes[0].names)
            assert (answer.status_code, answer.json()["code"]) == (404, "out_of_tokens_tenant"), (
                method,
                path,
            )
    assert (await api.get(f"/v1/products/{homes[0].names['product']}")).json()["name"] == "Demonstration"


async def test_a_readers_token_reads_everything_and_changes_nothing(ask, operations, homes, clock, api):
    token = await make_token(role="reader", tenant_id=None, now=clock())
    for method, path in operations:
        names = homes[0].names | ({"push": uuid4()} if path.startswith("/v1/pushes/") else {})
        answer = await ask(token, method, path, names)
        if method != "GET":
            assert (answer.status_code, answer.json()["code"]) == (403, "role_insufficient"), (method, path)
        elif not path.startswith("/v1/pushes/"):
            assert answer.status_code == 200, f"{path}: {answer.text}"
    assert (await api.get(f"/v1/products/{homes[0].names['product']}")).json()["name"] == "Demonstration"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer unknown",
        f"Basic {OPERATOR_TOKEN}",
        f"Bearer{OPERATOR_TOKEN}",
        f"Bearer {OPERATOR_TOKEN}x",
        f"Bearer {OPERATOR_TOKEN[:-1]}",
        "Bearer " + "x" * 60_000,
        b"Bearer \xff\xfe",
        b"Bearer \x00",
    ],
)
async def test_without_a_valid_token_there_is_a_challenge(http, operations, homes, header):
    headers = {} if header is None else {"Authorization": header}
    for method, path in operations:
        address = re.sub(r"{(\w+)}", lambda match: str(homes[0].names[match[1]]), path)
        answer = await http.request(method, address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "http_401"), (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer"), path


async def test_a_tenant_is_named_in_any_case_of_its_letters(ask, homes, own_token):
    names = {"tenant_id": str(homes[0].names["tenant_id"]).upper()}
    assert (await ask(own_token, "GET", "/v1/tenants/{tenant_id}", names)).status_code == 200


async def test_a_path_that_climbs_out_of_ones_own_tenant_leads_nowhere(ask, homes, own_token):
    climbing = {"tenant_id": f"{homes[0].names['tenant_id']}/../{homes[1].names['tenant_id']}"}
    answer = await ask(own_token, "GET", "/v1/tenants/{tenant_id}", climbing)
    assert answer.status_code == 404
