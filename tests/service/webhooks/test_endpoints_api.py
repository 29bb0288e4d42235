"""Endpoints over HTTP: made, shown without secrets, changed, rotated, replayed and removed by operators."""

import os
from uuid import uuid4

import msgspec
import pytest

from tenancy.acts import Act
from tenancy.endpoint_rows import open_secrets
from tenancy.resealing import reseal_secrets
from tenancy.secrets import Keyring
from tenancy.tokens import make_token
from tests.pages import every_item
from tests.receivers import open_receiver
from tests.service.webhooks.deliveries import (
    deliver_due,
    endpoint_row,
    write_events,
)

URL = "https://receiver.example/hooks"


async def test_an_endpoint_is_made_with_a_secret_that_is_shown_once(endpoints, tenant):
    made = await endpoints.ask(
        "POST",
        "",
        json={"url": URL, "description": "CRM", "tenants": [str(tenant)], "types": ["member.*", "app.added"]},
    )
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    view = made.json()
    secret = view.pop("secret")
    assert secret.startswith("whsec_")
    assert view == {
        "id": view["id"],
        "url": URL,
        "description": "CRM",
        "tenants": [str(tenant)],
        "types": ["app.added", "member.*"],
        "enabled": True,
        "disabled_at": None,
        "disabled_reason": None,
        "failures": 0,
        "paused_until": None,
        "rotating": False,
        "revision": 1,
        "created_at": view["created_at"],
        "updated_at": view["created_at"],
    }
    shown = await endpoints.ask("GET", f"/{view['id']}")
    assert (shown.json(), shown.headers["ETag"]) == (view, '"1"')
    listed = await endpoints.ask("GET", "")
    assert listed.json() == {"items": [view], "next": None}
    assert secret not in listed.text + shown.text
    assert secret.encode() not in (await endpoint_row(view["id"]))["secrets"]


async def test_endpoints_are_listed_in_pages_in_the_order_of_their_making(endpoints):
    made = [await endpoints.make(f"{URL}/{number}") for number in range(5)]
    listed = await every_item(endpoints.api, "/v1/endpoints", limit=2)
    assert [item["id"] for item in listed] == made


async def test_an_edit_changes_what_it_says_and_nothing_else(endpoints, tenant):
    endpoint = await endpoints.make(URL, tenants=[tenant], types=["app.*"], description="old")
    changed = await endpoints.change(endpoint, description="new", types=None)
    assert (changed["description"], changed["types"], changed["tenants"]) == ("new", None, [str(tenant)])
    assert changed["revision"] == 2
    assert (await endpoints.change(endpoint, description="new"))["revision"] == 2


async def test_an_edit_of_what_has_changed_meanwhile_is_refused(endpoints):
    endpoint = await endpoints.make(URL)
    await endpoints.change(endpoint, description="first")
    for method, body in (("PATCH", {"description": "second"}), ("DELETE", None)):
        stale = await endpoints.ask(method, f"/{endpoint}", json=body, headers={"If-Match": '"1"'})
        assert (stale.status_code, stale.json()["code"]) == (409, "endpoint_changed")
    fresh = await endpoints.ask(
        "PATCH", f"/{endpoint}", json={"description": "second"}, headers={"If-Match": '"2"'}
    )
    assert (fresh.status_code, fresh.headers["ETag"]) == (200, '"3"')


async def test_what_was_removed_is_unknown_and_told_nothing(endpoints, delivery, tenant, clock):
    async with open_receiver() as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 1, clock)
        assert (await endpoints.ask("DELETE", f"/{endpoint}")).status_code == 204
        await deliver_due(delivery, clock)
        assert receiver.count == 0
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/secrets"),
        ("DELETE", "/secrets/old"),
        ("GET", "/attempts"),
        ("GET", "/streams"),
        ("POST", "/replay"),
    ):
        body = {"tenant_id": None, "after": 0} if path == "/replay" else {} if method == "PATCH" else None
        gone = await endpoints.ask(method, f"/{endpoint}{path}", json=body)
        assert (gone.status_code, gone.json()["code"]) == (404, "endpoint_unknown"), f"{method} {path}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"url": URL, "colour": "red"}, "invalid_request"),
        ({"url": URL, "secret": "whsec_mine"}, "invalid_request"),
        ({"url": URL, "tenants": []}, "invalid_request"),
        ({"url": URL, "types": []}, "invalid_request"),
        ({"url": URL, "types": ["*"]}, "invalid_request"),
        ({"url": URL, "types": ["member"]}, "invalid_request"),
        ({"url": URL, "types": ["member.eaten"]}, "event_type_unknown"),
        ({"url": URL, "types": ["nothing.*"]}, "event_type_unknown"),
        ({"url": URL, "tenants": [str(uuid4())]}, "endpoint_tenant_unknown"),
        ({"url": URL, "description": "\x00"}, "value_unstorable"),
        ({"url": "ftp://receiver.example/"}, "endpoint_url_invalid"),
        ({"url": "https://someone:secret@receiver.example/"}, "endpoint_url_invalid"),
    ],
)
async def test_a_wrong_endpoint_is_a_problem_and_makes_nothing(endpoints, body, code):
    refused = await endpoints.ask("POST", "", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert (await endpoints.ask("GET", "")).json()["items"] == []


@pytest.mark.parametrize(
    "url", ["http://receiver.example/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/"]
)
async def test_addresses_without_tls_or_inside_are_refused_unless_settings_allow_them(
    endpoints, app, runtime, url
):
    endpoint = await endpoints.make(URL)
    wide, app.state.runtime = app.state.runtime, runtime_as_set(runtime, app)
    try:
        for method, path in (("POST", ""), ("PATCH", f"/{endpoint}")):
            refused = await endpoints.ask(method, path, json={"url": url})
            assert (refused.status_code, refused.json()["code"]) == (422, "endpoint_url_invalid")
    finally:
        app.state.runtime = wide
    await endpoints.make(url)


def runtime_as_set(runtime, app):
    settings = msgspec.structs.replace(runtime.settings, webhook_http=False, webhook_private=False)
    return msgspec.structs.replace(app.state.runtime, settings=settings)


async def test_at_most_two_secrets_are_there_and_the_old_one_goes(endpoints):
    endpoint = await endpoints.make(URL)
    none = await endpoints.ask("DELETE", f"/{endpoint}/secrets/old")
    assert (none.status_code, none.json()["code"]) == (404, "old_secret_unknown")
    made = await endpoints.ask("POST", f"/{endpoint}/secrets")
    assert made.status_code == 201
    assert made.json()["secret"] != endpoints.secrets[endpoint]
    assert (await endpoints.ask("GET", f"/{endpoint}")).json()["rotating"] is True
    third = await endpoints.ask("POST", f"/{endpoint}/secrets")
    assert (third.status_code, third.json()["code"]) == (409, "rotation_unfinished")
    assert (await endpoints.ask("DELETE", f"/{endpoint}/secrets/old")).status_code == 204
    assert (await endpoints.ask("GET", f"/{endpoint}")).json()["rotating"] is False


async def test_the_audit_tells_who_did_what_without_secrets(endpoints, tenant, clock):
    endpoint = await endpoints.make(URL, tenants=[tenant])
    await endpoints.ask("POST", f"/{endpoint}/secrets")
    await endpoints.ask("DELETE", f"/{endpoint}/secrets/old")
    await endpoints.change(endpoint, description="CRM")
    await endpoints.change(endpoint, enabled=False)
    await endpoints.change(endpoint, enabled=True)
    await write_events(tenant, 1, clock)
    await endpoints.replay(endpoint, tenant, 1)
    await endpoints.ask("DELETE", f"/{endpoint}")
    audit = await every_item(endpoints.api, "/v1/audit", source="api")
    entries = [entry for entry in audit if entry["subject"] == endpoint]
    assert [entry["action"] for entry in reversed(entries)] == [
        "endpoint.added",
        "endpoint.secret_added",
        "endpoint.secret_removed",
        "endpoint.changed",
        "endpoint.disabled",
        "endpoint.enabled",
        "endpoint.replayed",
        "endpoint.removed",
    ]
    assert {entry["by"]["actor"] for entry in entries} == {"operator:bootstrap"}
    assert "whsec" not in repr(audit)
    assert entries[-1]["after"]["url"] == URL


async def test_a_tenants_own_token_meets_no_endpoint(endpoints, http, tenant, clock):
    endpoint = await endpoints.make(URL, tenants=[tenant])
    token = await make_token(role="operator", tenant_id=tenant, act=Act(actor="test", at=clock()))
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", f"/{endpoint}"),
        ("DELETE", f"/{endpoint}"),
        ("POST", f"/{endpoint}/secrets"),
        ("GET", f"/{endpoint}/attempts?tenant={tenant}"),
        ("GET", f"/{endpoint}/streams"),
    ):
        refused = await http.request(
            method,
            f"/v1/endpoints{path}",
            json={"url": URL} if (method, path) == ("POST", "") else None,
            headers={"Authorization": f"Bearer {token}"},
        )
        assert refused.status_code == 404, f"{method} {path}"


async def test_the_secrets_are_encrypted_anew_with_all_others(endpoints, app, clock):
    endpoint = await endpoints.make(URL)
    old = [(key.id, key.key) for key in app.state.runtime.settings.encryption_keys]
    new = ("new", os.urandom(32))
    act = Act(actor="operator:test", at=clock())
    try:
        counts = await reseal_secrets(keyring=Keyring([new, *old]), act=act)
        assert counts["endpoints"] == 1
        row = await endpoint_row(endpoint)
        assert open_secrets(row["id"], row["secrets"], Keyring([new])) == (endpoints.secrets[endpoint],)
    finally:
        await reseal_secrets(keyring=Keyring([*old, new]), act=Act(actor="operator:test", at=clock()))
