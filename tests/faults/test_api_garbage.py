"""Our own API under bad input: a problem with a code, never a 500 and never a stack trace."""

import json
import re
from urllib.parse import quote, quote_from_bytes, urlencode
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import OPERATOR_TOKEN
from tests.faults.raw import ask, dump, is_problem, json_values
from tests.marketplace import user

AUTHORISED = (b"authorization", f"Bearer {OPERATOR_TOKEN}".encode())
SOME = settings(max_examples=300)

_quoted = st.binary(max_size=20).map(lambda raw: quote_from_bytes(raw).encode()) | st.sampled_from(
    [
        b"%00",
        b"%FF",
        b"%ED%A0%80",
        b"..",
        b".",
        b"%2F",
        b"%0A",
        b"x" * 3000,
        b"00000000-0000-0000-0000-000000000000",
    ]
)
_values = st.binary(max_size=20) | st.sampled_from(
    [
        b"",
        b"\0",
        b"\xff",
        b"-1",
        b"0",
        b"1",
        b"1001",
        b"9" * 30,
        b"true",
        b"1e3",
        "²".encode(),
        b"Ilx1MDAwMCI",
        b"MTAwMDAwMDAwMDAwMDAwMDAwMDAwMA",
        b"W1tbW1tb",
    ]
)


@pytest.fixture
async def operations(api):
    document = (await api.get("/openapi.json")).json()
    return [
        (method.upper(), path, [parameter["name"] for parameter in details.get("parameters", [])])
        for path, item in document["paths"].items()
        for method, details in item.items()
        if path.startswith("/v1/")
    ]


@pytest.fixture
async def names(api, marketplace, product):
    """Objects that are there, so that garbage beside them gets far."""
    enterprise = await marketplace.open_enterprise()
    await enterprise.department("D1")
    await enterprise.members([user("u")])
    listed = await api.get("/v1/tenants", params={"external_id": enterprise.tenant})
    tenant_id = listed.json()["items"][0]["id"]
    pushes = await api.get(f"/v1/tenants/{tenant_id}/pushes")
    home = f"/v1/tenants/{tenant_id}"
    assert (await api.put(f"{home}/groups/g", json={"name": "G"})).status_code == 200
    assert (await api.put(f"{home}/groups/g/members/department/D1")).status_code == 204
    assert (await api.put(f"{home}/apps/{enterprise.app}/grants/group/g")).status_code == 200
    audit = await api.get("/v1/audit", params={"tenant": tenant_id, "limit": 1})
    receiver = {"url": "https://receiver.example/", "tenants": [tenant_id]}
    endpoint = await api.post("/v1/endpoints", json=receiver)
    client = {"name": "App", "product": product, "redirect_uris": ["https://app.example/"]}
    assert (await api.put(f"/v1/clients/{product}", json=client)).status_code == 200
    return {
        "product": product,
        "instance_id": enterprise.instance,
        "tenant_id": tenant_id,
        "code": "D1",
        "user_name": "u",
        "app": enterprise.app,
        "push": pushes.json()["items"][0]["id"],
        "group": "g",
        "connection": "koogallery",
        "subject_type": "member",
        "subject": "u",
        "endpoint": endpoint.json()["id"],
        "client_id": product,
        "session": str(uuid4()),
        "entry": audit.json()["items"][0]["id"],
    }


@SOME
@given(data=st.data())
async def test_garbage_in_paths_parameters_and_headers_is_a_problem_or_an_answer(
    app, operations, names, data
):
    method, template, parameters = data.draw(st.sampled_from(operations))
    kept = data.draw(st.booleans())
    path = re.sub(
        r"{(\w+)}",
        lambda match: names[match[1]] if kept or match[1] == "tenant_id" else data.draw(_quoted).decode(),
        template,
    )
    if method == "DELETE" and template.endswith(("{product}", "{group}", "{endpoint}", "{client_id}")):
        fresh = dict.fromkeys(("product", "group", "endpoint", "client_id"), uuid4().hex)
        path = template.format_map(names | fresh)
    known = st.sampled_from([*parameters, "limit", "cursor"])
    query = urlencode(data.draw(st.lists(st.tuples(known | st.text(max_size=5), _values), max_size=4)))
    header = st.sampled_from([b"if-match", b"cookie", b"content-type", b"accept", b"content-length", b"x"])
    headers = data.draw(st.lists(st.tuples(header, st.binary(max_size=20)), max_size=3))
    body = data.draw(st.binary(max_size=30) | json_values.map(dump))
    reply = await ask(app, method, path, query=query.encode(), headers=[AUTHORISED, *headers], chunks=[body])
    assert is_fine(reply), f"{method} {path}?{query}: {reply}"


PRODUCT_FIELDS = [
    *("name", "base_keys", "kit_keys", "v1_keys", "rsa_private_keys", "order_access_key", "order_secret_key"),
    *(
        "front_end_url",
        "admin_url",
        "memo",
        "provisioning",
        "v1_utc_offset_hours",
        "order_query_url",
        "portal_url",
        "extra",
    ),
]


@settings(max_examples=150)
@given(data=st.data())
async def test_any_json_in_any_field_of_a_body_is_a_problem_or_an_answer(app, names, private_key, data):
    fields = data.draw(st.lists(st.sampled_from(PRODUCT_FIELDS), min_size=1, max_size=2))
    drawn = {name: data.draw(json_values | st.lists(st.text(min_size=8), max_size=2)) for name in fields}
    product = {"name": "Demonstration", "rsa_private_keys": [private_key], **drawn}
    instance = {"state": "active", **{name: drawn[name] for name in fields if not name.endswith("_keys")}}
    for method, path, body in (
        ("PUT", f"/v1/products/{names['product']}", product),
        ("PATCH", f"/v1/instances/{names['instance_id']}", instance),
    ):
        reply = await ask(app, method, path, headers=[AUTHORISED], chunks=[dump(body)])
        assert is_fine(reply), f"{method} {path} {body}: {reply}"
    shown = await ask(app, "GET", f"/v1/products/{names['product']}", headers=[AUTHORISED])
    assert shown.status == 200, shown


@settings(max_examples=150)
@given(
    name=json_values, enabled=json_values, more=st.dictionaries(st.text(max_size=5), json_values, max_size=1)
)
async def test_any_json_as_a_group_or_a_switch_is_a_problem_or_an_answer(app, names, name, enabled, more):
    home = f"/v1/tenants/{names['tenant_id']}"
    for method, path, body in (
        ("PUT", f"{home}/groups/g", {"name": name, **more}),
        ("PATCH", f"{home}/apps/{names['app']}", {"enabled": enabled, **more}),
        ("PUT", f"{home}/groups/g", name),
        ("PATCH", f"{home}/apps/{names['app']}", enabled),
    ):
        reply = await ask(app, method, path, headers=[AUTHORISED], chunks=[dump(body)])
        assert is_fine(reply), f"{method} {path} {body}: {reply}"
    shown = await ask(app, "GET", f"{home}/groups/g", headers=[AUTHORISED])
    assert shown.status == 200, shown


CONNECTION_FIELDS = ["kind", "issuer", "client_id", "title", "auth_method", "scopes", "secret", "algorithms"]


@settings(max_examples=150)
@given(
    drawn=st.dictionaries(st.sampled_from(CONNECTION_FIELDS), json_values, max_size=3),
    name=st.sampled_from(["acme", "koogallery"]),
)
async def test_any_json_as_a_connection_is_a_problem_or_an_answer(app, names, drawn, name):
    whole = {"kind": "oidc", "issuer": "https://login.example", "client_id": "tenon", "title": "Login"}
    path = f"/v1/tenants/{names['tenant_id']}/connections/{name}"
    for body in ({**whole, "secret": "secret", **drawn}, {"kind": name, **drawn}, drawn):
        reply = await ask(app, "PUT", path, headers=[AUTHORISED], chunks=[dump(body)])
        assert is_fine(reply), f"{path} {body}: {reply}"
    shown = await ask(app, "GET", path, headers=[AUTHORISED])
    assert shown.status in {200, 404}, shown


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["member", "department", "group", "everyone"]) | st.text(max_size=9), name=st.text()
)
async def test_any_text_as_a_subject_is_a_problem_or_an_answer(app, names, kind, name):
    home = f"/v1/tenants/{names['tenant_id']}"
    named = f"{quote(kind, safe='')}/{quote(name, safe='')}"
    for path in (f"{home}/apps/{names['app']}/grants/{named}", f"{home}/groups/g/members/{named}"):
        for method in ("PUT", "GET", "DELETE"):
            reply = await ask(app, method, path, headers=[AUTHORISED])
            assert is_fine(reply), f"{method} {path}: {reply}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[" * 100_000, 400),
        (b'{"name":' * 50_000, 400),
        (b'{"name":"' + b"x" * 2_000_000 + b'"}', 413),
        (b'{"name":"\\u0000"}', 422),
        (b'{"name":"\\ud800"}', 400),
        (b'{"name":"\xff"}', 400),
        (b'{"name":1}', 422),
        (b'{"name":"n","unknown":1}', 422),
        (b"null", 422),
    ],
)
async def test_a_body_that_is_no_product_is_a_problem(app, body, status):
    reply = await ask(app, "PUT", f"/v1/products/p-{uuid4().hex}", headers=[AUTHORISED], chunks=[body])
    assert is_problem(reply), reply
    assert reply.status == status, reply


@pytest.mark.parametrize("tag", ['"0"', '"2"', "*", "9" * 60, "W/", '""', "²"])
async def test_a_product_that_has_been_changed_meanwhile_is_not_overwritten(app, api, product, tag):
    headers = [AUTHORISED, (b"if-match", tag.encode())]
    body = json.dumps({"name": "Overwritten"}).encode()
    reply = await ask(app, "PUT", f"/v1/products/{product}", headers=headers, chunks=[body])
    assert reply.status == 409, reply
    shown = await api.get(f"/v1/products/{product}")
    assert shown.json()["name"] == "Demonstration"
    taken = await api.put(
        f"/v1/products/{product}", json={"name": "Renamed"}, headers={"If-Match": shown.headers["etag"]}
    )
    assert taken.json()["name"] == "Renamed"


async def test_an_unheard_of_error_is_told_by_its_number_only(app, api, monkeypatch):
    def fail(*_args):
        raise RuntimeError("the password is sesame")

    slug = f"p-{uuid4().hex[:12]}"
    assert (await api.put(f"/v1/products/{slug}", json={"name": "Idle"})).status_code == 200
    monkeypatch.setattr(app.state.runtime.products, "forget", fail)
    answer = await api.delete(f"/v1/products/{slug}")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "sesame" not in answer.text
    assert "Traceback" not in answer.text


def is_fine(reply):
    return reply.status in {200, 201, 204} or is_problem(reply)
