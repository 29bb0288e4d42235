"""Connections over HTTP: written, shown without secrets, tried, and their identities unlinked."""

from uuid import UUID

import msgspec
import pytest

from sso.connection_rows import KOOGALLERY
from sso.discovery import Discovery
from sso.identities import find_or_link
from tenancy.acts import Act
from tenancy.tokens import make_token
from tests.receivers import open_receiver

SECRET = "a-secret-of-the-provider"
ACME = {"kind": "oidc", "issuer": "https://login.acme.example/o", "client_id": "tenon", "title": "Acme"}


async def link(office, clock, subject, user_name, connection="acme"):
    account = {"subject": subject, "user_name": user_name, "name": None, "creates_members": False}
    await find_or_link(
        UUID(office.tenant_id), connection, **account, act=Act(actor="sign-in:test", at=clock())
    )


async def refusal(office, method, path, **options):
    answer = await office.ask(method, path, **options)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def test_a_connection_is_written_and_shown_with_all_but_its_secret(office, settings):
    answer = await office.ask("PUT", "/connections/acme", json={**ACME, "secret": SECRET})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"'), answer.text
    shown = answer.json()
    assert shown == {
        **ACME,
        "name": "acme",
        "auth_method": "client_secret_basic",
        "scopes": ["openid", "profile"],
        "user_name_claim": "preferred_username",
        "name_claim": "name",
        "algorithms": ["RS256", "ES256", "PS256", "EdDSA"],
        "creates_members": False,
        "secret_fingerprint": "feb76b57c879fd17",
        "redirect_uri": f"{settings.public_url}/sign-in/oidc/{office.tenant_id}/acme",
        "revision": 1,
        "created_at": shown["created_at"],
        "updated_at": shown["created_at"],
    }
    read = await office.ask("GET", "/connections/acme")
    assert (read.json(), read.headers["etag"]) == (shown, '"1"')
    listed = await office.everything("/connections")
    assert [(one["name"], one["kind"]) for one in listed] == [("acme", "oidc"), (KOOGALLERY, KOOGALLERY)]
    assert listed[0] == shown
    [entry] = [entry for entry in await office.news() if entry["subject"] == "acme"]
    assert (entry["action"], entry["by"]) == ("connection.added", {"actor": "operator:bootstrap"})
    assert SECRET not in answer.text + read.text + str(listed) + str(entry)


async def test_a_secret_that_is_left_out_stays_and_null_is_the_same_as_left_out(office):
    written = await office.put("/connections/acme", {**ACME, "secret": SECRET})
    assert await office.put("/connections/acme", ACME) == written
    renamed = await office.put("/connections/acme", {**ACME, "title": "Acme AG", "secret": None})
    assert (renamed["revision"], renamed["secret_fingerprint"]) == (2, written["secret_fingerprint"])
    other = {**ACME, "issuer": "https://other.example"}
    assert await refusal(office, "PUT", "/connections/acme", json=other) == (422, "connection_secret_invalid")


async def test_the_marketplaces_login_is_shown_changed_and_brought_back(office):
    first = await office.ask("GET", f"/connections/{KOOGALLERY}")
    assert first.headers["etag"] == '"0"'
    assert first.json() == {
        "kind": KOOGALLERY,
        "name": KOOGALLERY,
        "creates_members": False,
        "enabled": True,
        "revision": 0,
        "created_at": None,
        "updated_at": None,
    }
    changed = await office.put(f"/connections/{KOOGALLERY}", {"kind": KOOGALLERY, "enabled": False})
    assert (changed["enabled"], changed["revision"]) == (False, 1)
    await office.delete(f"/connections/{KOOGALLERY}")
    assert await office.get(f"/connections/{KOOGALLERY}") == first.json()


async def test_whoever_has_not_seen_the_latest_version_overwrites_and_removes_nothing(office):
    body = {**ACME, "secret": SECRET}
    for method, tag in (("PUT", '"1"'), ("PUT", "*")):
        refused = await refusal(office, method, "/connections/acme", json=body, headers={"If-Match": tag})
        assert refused == (409, "connection_changed")
    made = await office.ask("PUT", "/connections/acme", json=body, headers={"If-Match": '"0"'})
    assert made.status_code == 200
    for method in ("PUT", "DELETE"):
        stale = {"json": {**body, "title": "Lost"}} if method == "PUT" else {}
        refused = await refusal(office, method, "/connections/acme", headers={"If-Match": '"0"'}, **stale)
        assert refused == (409, "connection_changed")
    gone = await office.ask("DELETE", "/connections/acme", headers={"If-Match": '"1"'})
    assert gone.status_code == 204
    assert await refusal(office, "GET", "/connections/acme") == (404, "connection_unknown")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "saml"}, "invalid_request"),
        ({"kind": None}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
        ({"client_id": None}, "invalid_request"),
        ({"secret": ""}, "invalid_request"),
        ({"secret": "x" * 1025}, "invalid_request"),
        ({"scopes": "openid"}, "invalid_request"),
        ({"auth_method": "private_key_jwt"}, "invalid_request"),
        ({"scopes": []}, "oidc_settings_invalid"),
        ({"scopes": ["openid", *map(str, range(20))]}, "oidc_settings_invalid"),
        ({"scopes": ["profile"]}, "oidc_settings_invalid"),
        ({"algorithms": []}, "oidc_settings_invalid"),
        ({"algorithms": ["none"]}, "oidc_settings_invalid"),
        ({"algorithms": ["HS256"]}, "oidc_settings_invalid"),
        ({"title": "\u202eemcA"}, "oidc_settings_invalid"),
        ({"issuer": "ftp://login.acme.example"}, "oidc_settings_invalid"),
        ({"issuer": "https://someone@login.acme.example"}, "oidc_settings_invalid"),
        ({"issuer": "https://login.acme.example?a=b"}, "oidc_settings_invalid"),
        ({"issuer": "https://2130706433/"}, "oidc_settings_invalid"),
        ({"auth_method": "none"}, "connection_secret_invalid"),
    ],
)
async def test_a_connection_that_nobody_could_sign_in_with_is_a_problem_and_not_kept(office, change, code):
    body = {**ACME, "secret": SECRET, **change}
    assert await refusal(office, "PUT", "/connections/acme", json=body) == (422, code)
    assert len(await office.everything("/connections")) == 1


async def test_what_a_list_names_twice_counts_once(office):
    doubled = {"algorithms": ["RS256"] * 9, "scopes": ["openid", "email", "openid"]}
    written = await office.put("/connections/acme", {**ACME, "secret": SECRET, **doubled})
    assert (written["algorithms"], written["scopes"]) == (["RS256"], ["openid", "email"])


async def test_names_and_kinds_fit_each_other(office):
    body = {**ACME, "secret": SECRET}
    for name, code in ((KOOGALLERY, "connection_kind_invalid"), ("Acme", "connection_name_invalid")):
        assert await refusal(office, "PUT", f"/connections/{name}", json=body) == (422, code)
    refused = await refusal(office, "PUT", "/connections/acme", json={"kind": KOOGALLERY})
    assert refused == (422, "connection_kind_invalid")


@pytest.mark.parametrize(
    "issuer",
    ["http://login.acme.example", "https://127.0.0.1:8443", "https://[::1]", "https://169.254.169.254"],
)
async def test_issuers_without_tls_or_inside_are_refused_unless_settings_allow_them(
    office, app, runtime, issuer
):
    strict = msgspec.structs.replace(runtime.settings, sign_in_http=False, sign_in_private=False)
    body = {**ACME, "issuer": issuer, "secret": SECRET}
    app.state.runtime = msgspec.structs.replace(runtime, settings=strict)
    try:
        refused = await refusal(office, "PUT", "/connections/acme", json=body)
        assert refused == (422, "oidc_settings_invalid")
    finally:
        app.state.runtime = runtime
    assert (await office.ask("PUT", "/connections/acme", json=body)).status_code == 200


async def test_trying_a_connection_says_what_is_wrong_and_what_to_register(office, app, runtime):
    upstreams = runtime.upstreams
    fresh = Discovery(upstreams.transport, allow_http=True)
    upstreams = msgspec.structs.replace(upstreams, discovery=fresh)
    app.state.runtime = msgspec.structs.replace(runtime, upstreams=upstreams)
    try:
        async with open_receiver() as receiver:
            await office.put("/connections/acme", {**ACME, "issuer": receiver.url, "secret": SECRET})
            tried = await office.ask("POST", "/connections/acme/test")
    finally:
        app.state.runtime = runtime
    assert tried.status_code == 200, tried.text
    assert tried.json()["ok"] is False
    steps = {step["step"]: step for step in tried.json()["steps"]}
    assert steps["settings"]["ok"] is True
    assert [step for step in steps.values() if step["ok"] is False]
    assert (
        f"{runtime.settings.public_url}/sign-in/oidc/{office.tenant_id}/acme"
        in steps["redirect_uri"]["message"]
    )
    assert SECRET not in tried.text


async def test_only_a_connection_that_is_there_and_has_a_provider_can_be_tried(office):
    assert await refusal(office, "POST", "/connections/none/test") == (404, "connection_unknown")
    tried = await refusal(office, "POST", f"/connections/{KOOGALLERY}/test")
    assert tried == (409, "connection_untestable")


async def test_identities_are_listed_and_unlinked_whatever_their_subjects_are(office, clock):
    await office.put("/connections/acme", {**ACME, "secret": SECRET})
    accounts = {"a/b": "ann", "b/": "bob", "50%": "cleo", "研发?x#y": "dora", "auth0|1 2": "emil"}
    await office.employ(*accounts.values())
    for subject, user_name in accounts.items():
        await link(office, clock, subject, user_name)
    listed = await office.everything("/connections/acme/identities")
    assert {one["subject"]: one["user_name"] for one in listed} == accounts
    [found] = await office.everything("/connections/acme/identities", user_name="cleo")
    assert (found["subject"], found["user_name"]) == ("50%", "cleo")
    await office.news()
    for path in ("a%2Fb", "b%2F", "50%25", "%E7%A0%94%E5%8F%91%3Fx%23y", "auth0%7C1%202"):
        await office.delete(f"/connections/acme/identities/{path}")
    assert await office.everything("/connections/acme/identities") == []
    assert [entry["action"] for entry in await office.news()] == ["identity.unlinked"] * 5
    again = await refusal(office, "DELETE", "/connections/acme/identities/a%2Fb")
    assert again == (404, "identity_unknown")
    for method, path in (("GET", "identities"), ("DELETE", "identities/x")):
        assert await refusal(office, method, f"/connections/none/{path}") == (404, "connection_unknown")


async def test_the_outside_account_is_told_to_nobody_who_follows(office, clock):
    await office.employ("ann")
    await link(office, clock, "outside-7f3a", "ann", KOOGALLERY)
    await office.delete(f"/connections/{KOOGALLERY}/identities/outside-7f3a")
    events = await office.get("/events", after=0, limit=1000)
    told = [event for event in events["items"] if event["type"].startswith("identity.")]
    assert [event["type"] for event in told] == ["identity.linked", "identity.unlinked"]
    assert "outside-7f3a" not in str(events) + str(await office.audit())


async def test_a_reader_sees_connections_and_neither_changes_nor_tries_them(office, http, clock):
    await office.put("/connections/acme", {**ACME, "secret": SECRET})
    act = Act(actor="test", at=clock())
    token = await make_token(role="reader", tenant_id=UUID(office.tenant_id), act=act)
    headers = {"Authorization": f"Bearer {token}"}
    for method, path, status in (
        ("GET", "", 200),
        ("GET", "/acme", 200),
        ("GET", "/acme/identities", 200),
        ("PUT", "/acme", 403),
        ("DELETE", "/acme", 403),
        ("POST", "/acme/test", 403),
        ("DELETE", "/acme/identities/x", 403),
    ):
        body = {"json": ACME} if method == "PUT" else {}
        answer = await http.request(method, f"{office.home}/connections{path}", headers=headers, **body)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
