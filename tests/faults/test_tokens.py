"""Every route of the API with tokens that must not open it: what is another tenant's does not exist."""

import re
from uuid import uuid4

import pytest

from tenancy.acts import Act
from tenancy.tokens import make_token
from tests.conftest import OPERATOR_TOKEN
from tests.faults.homes import (
    CREATING,
    concerns_tenant,
    is_for_all,
    needs_operator,
)


async def test_another_tenant_does_not_exist_for_a_tenants_token(ask, operations, homes, own_token):
    nobody = {**homes[1].names, "tenant_id": uuid4()}
    for method, path in filter(lambda one: concerns_tenant(one[1]), operations):
        answer = await ask(own_token, method, path, homes[1].names)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
        assert answer.content == (await ask(own_token, method, path, nobody)).content, path


async def test_objects_of_another_tenant_do_not_exist_under_ones_own(ask, operations, homes, own_token):
    mixed = {**homes[1].names, "tenant_id": homes[0].names["tenant_id"]}
    for method, path in operations:
        if not concerns_tenant(path) or (method, path) in CREATING:
            continue
        answer = await ask(own_token, method, path, mixed)
        names_an_object = path.count("{") > 1
        if needs_operator(method, path) and answer.status_code == 403:
            assert answer.json()["code"] == "role_insufficient", path
        elif names_an_object and not path.endswith("/changes"):
            assert answer.status_code == 404, path
        assert homes[1].names["code"] not in answer.text, path
        assert homes[1].names["user_name"] not in answer.text, path


async def test_a_tenants_token_opens_its_own_tenant(ask, operations, homes, own_token):
    for method, path in operations:
        if method == "GET" and concerns_tenant(path):
            answer = await ask(own_token, method, path, homes[0].names)
            expected = {200, 403} if needs_operator(method, path) else {200}
            assert answer.status_code in expected, f"{path}: {answer.text}"


async def test_nothing_outside_tenants_exists_for_a_tenants_token(ask, operations, homes, own_token, api):
    for method, path in operations:
        if not concerns_tenant(path) and not is_for_all(path):
            answer = await ask(own_token, method, path, homes[0].names)
            assert (answer.status_code, answer.json()["code"]) == (404, "out_of_tokens_tenant"), (
                method,
                path,
            )
    assert (await api.get(f"/v1/products/{homes[0].names['product']}")).json()["name"] == "Demonstration"


async def test_a_readers_token_reads_everything_and_changes_nothing(ask, operations, homes, clock, api):
    token = await make_token(role="reader", tenant_id=None, act=Act(actor="test", at=clock()))
    for method, path in operations:
        names = homes[0].names | ({"push": uuid4()} if path.startswith("/v1/pushes/") else {})
        answer = await ask(token, method, path, names)
        if needs_operator(method, path):
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
