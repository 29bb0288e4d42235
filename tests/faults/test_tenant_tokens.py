"""A tenant's own token: everything of that tenant, however the others are named, and nothing of theirs."""

from uuid import uuid4

import pytest

from tests.faults.homes import (
    AUDIT,
    CREATING,
    concerns_tenant,
    make_own_token,
)


@pytest.mark.parametrize(
    "name", ["app", "group", "subject", "user_name", "entry", "code", "push", "connection"]
)
async def test_one_name_of_another_tenant_among_ones_own_is_unknown(ask, operations, homes, clock, name):
    token = await make_own_token(homes, clock, "operator")
    mixed = {**homes[0].names, name: homes[1].names[name]}
    walked = [one for one in operations if f"{{{name}}}" in one[1] and concerns_tenant(one[1])]
    assert walked
    for method, path in walked:
        if (method, path) in CREATING:
            continue
        answer = await ask(token, method, path, mixed)
        if path.endswith("/changes"):
            assert answer.json() == {"items": [], "next": None}, path
        elif name == "user_name" and "/access/" in path:
            assert [block["kind"] for block in answer.json()["blocks"]] == ["member_unknown"]
        else:
            assert answer.status_code == 404, (method, path)


@pytest.mark.parametrize("kind", ["member", "department", "group"])
async def test_subjects_of_another_tenant_are_granted_nothing_and_put_nowhere(ask, homes, clock, kind):
    token = await make_own_token(homes, clock, "operator")
    foreign = {"member": "user_name", "department": "code", "group": "group"}[kind]
    names = {**homes[0].names, "subject_type": kind, "subject": homes[1].names[foreign]}
    for path in (
        "/v1/tenants/{tenant_id}/apps/{app}/grants/{subject_type}/{subject}",
        "/v1/tenants/{tenant_id}/groups/{group}/members/{subject_type}/{subject}",
    ):
        for method in ("PUT", "DELETE"):
            answer = await ask(token, method, path, names)
            assert (answer.status_code, answer.json()["code"]) == (404, f"{kind}_unknown"), path


async def test_an_administrator_does_everything_in_ones_own_tenant(http, homes, clock, api):
    token = await make_own_token(homes, clock, "operator")
    names = homes[0].names
    home = f"/v1/tenants/{names['tenant_id']}"
    deeds = [
        ("PUT", f"{home}/groups/fresh", {"name": "Fresh"}),
        ("PUT", f"{home}/groups/fresh/members/member/{names['user_name']}", None),
        ("PUT", f"{home}/groups/fresh/members/department/{names['code']}", None),
        ("PUT", f"{home}/apps/{names['app']}/grants/group/fresh", None),
        ("PUT", f"{home}/apps/{names['app']}/grants/everyone/*", None),
        ("PATCH", f"{home}/apps/{names['app']}", {"enabled": False}),
        ("PATCH", f"{home}/apps/{names['app']}", {"enabled": True}),
        ("DELETE", f"{home}/apps/{names['app']}/grants/everyone/*", None),
        ("DELETE", f"{home}/groups/fresh/members/member/{names['user_name']}", None),
        ("DELETE", f"{home}/groups/fresh", None),
    ]
    headers = {"Authorization": f"Bearer {token}"}
    for method, path, body in deeds:
        answer = await http.request(method, path, json=body, headers=headers)
        assert answer.status_code in {200, 204}, f"{method} {path}: {answer.text}"
    reader = {"Authorization": f"Bearer {await make_own_token(homes, clock, 'reader')}"}
    for method, path, body in deeds:
        refused = await http.request(method, path, json=body, headers=reader)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_insufficient"), path
    read = await http.get(AUDIT, params={"tenant": names["tenant_id"], "source": "api"}, headers=reader)
    done = [entry for entry in read.json()["items"] if entry["by"]["actor"].startswith("tenant_admin:")]
    assert len(done) == len(deeds)
    everything = await api.get(AUDIT, params={"tenant": names["tenant_id"], "source": "api"})
    assert everything.json() == read.json()


async def test_the_audit_is_open_to_a_tenants_token_for_its_own_tenant_only(http, homes, own_token):
    own, other = (home.names["tenant_id"] for home in homes)
    headers = {"Authorization": f"Bearer {own_token}"}
    for query in (f"tenant={own}", f"tenant={own.upper()}", f"tenant={own}&limit=1&source=push"):
        answer = await http.get(f"{AUDIT}?{query}", headers=headers)
        assert answer.status_code == 200, query
        assert {entry["tenant_id"] for entry in answer.json()["items"]} == {own}
    for query in (
        "",
        f"tenant={other}",
        f"tenant={uuid4()}",
        "tenant=",
        "tenant=*",
        f"Tenant={own}",
        f"tenant={own},{other}",
        f"tenant={own}%00",
    ):
        answer = await http.get(f"{AUDIT}?{query}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "out_of_tokens_tenant"), query


async def test_naming_two_tenants_shows_nothing_of_the_other(http, homes, own_token):
    own, other = (home.names["tenant_id"] for home in homes)
    for query in (
        f"tenant={own}&tenant={other}",
        f"tenant={other}&tenant={own}",
        f"tenant={own}&tenant=",
        f"tenant=&tenant={own}",
        f"tenant={own};tenant={other}",
        f"tenant={own}&tenant[]={other}",
        f"tenant%5B%5D={other}&tenant={own}",
    ):
        answer = await http.get(f"{AUDIT}?{query}", headers={"Authorization": f"Bearer {own_token}"})
        assert answer.status_code < 500, f"{query}: {answer.text}"
        shown = answer.json().get("items", [])
        assert {entry["tenant_id"] for entry in shown} <= {own}, query
