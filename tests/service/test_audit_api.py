"""The audit over HTTP: one entry for each act, none for what changes nothing, nothing secret in it."""

from uuid import uuid4

from tenancy.acts import Act
from tenancy.tokens import make_token
from tests.conftest import OPERATOR_TOKEN
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, user
from tests.pages import every_item
from tests.service.offices import BOOTSTRAP


async def acts_of(office, deed):
    """What stands in the audit after the deed that did not before, as (action, subject, before, after)."""
    await office.news()
    await deed
    fresh = await office.news()
    assert all(entry["by"] == BOOTSTRAP and entry["address"] == "127.0.0.1" for entry in fresh)
    assert all(entry["tenant_id"] == office.tenant_id for entry in fresh)
    return [(entry["action"], entry["subject"], entry["before"], entry["after"]) for entry in fresh]


async def test_each_act_is_one_entry_with_before_and_after(office):
    await office.employ("ann")
    app, ann = office.app, {"type": "member", "id": "ann"}
    g, h = {"id": "g", "name": "G"}, {"id": "g", "name": "H"}
    ann_in_g, grant = {"group": "g", **ann}, {"app": app, **ann}
    [listed] = [item for item in (await office.get("/apps"))["items"] if item["id"] == app]
    started = {name: listed[name] for name in ("id", "instance_id", "client_id", "enabled")}
    stopped = {**started, "enabled": False}
    for deed, entry in (
        (lambda: office.put("/groups/g", {"name": "G"}), ("group.added", "g", None, g)),
        (lambda: office.put("/groups/g", {"name": "H"}), ("group.renamed", "g", g, h)),
        (lambda: office.put("/groups/g/members/member/ann"), ("group_member.added", "g", None, ann_in_g)),
        (lambda: office.grant("member", "ann"), ("grant.added", app, None, grant)),
        (lambda: office.switch(enabled=False), ("app.stopped", app, started, stopped)),
        (lambda: office.switch(enabled=True), ("app.started", app, stopped, started)),
        (lambda: office.revoke("member", "ann"), ("grant.removed", app, grant, None)),
        (
            lambda: office.delete("/groups/g/members/member/ann"),
            ("group_member.removed", "g", ann_in_g, None),
        ),
        (lambda: office.delete("/groups/g"), ("group.removed", "g", h, None)),
    ):
        assert await acts_of(office, deed()) == [entry]


async def test_an_act_that_changes_nothing_or_is_refused_leaves_no_entry(office):
    await office.employ("ann")
    await office.group("g", ("member", "ann"))
    await office.grant("member", "ann")
    for deed in (
        lambda: office.put("/groups/g", {"name": "G"}),
        lambda: office.put("/groups/g/members/member/ann"),
        lambda: office.grant("member", "ann"),
        lambda: office.switch(enabled=True),
        lambda: office.revoke("everyone"),
        lambda: office.delete("/groups/g/members/department/A"),
        lambda: office.ask("PUT", "/groups/g/members/group/g"),
        lambda: office.ask("PUT", office.grant_path("member", "none")),
        lambda: office.ask("DELETE", "/groups/none"),
        lambda: office.ask("PUT", "/groups/g", json={"name": ""}),
    ):
        assert await acts_of(office, deed()) == []


async def test_an_entry_counts_its_changes_and_leads_to_them(office):
    await office.employ("ann", "bob")
    await office.news()
    await office.grant("department", "X")
    [entry] = await office.news()
    assert entry["counts"] == {"grant.added": 1, "access.gained": 2}
    changes = await office.everything(f"/audit/{entry['id']}/changes")
    assert [(change["type"], change["subject"]) for change in changes[:1]] == [("grant.added", office.app)]
    assert {(change["type"], change["subject"]) for change in changes[1:]} == {
        ("access.gained", "ann"),
        ("access.gained", "bob"),
    }


async def test_pushes_that_changed_something_stand_beside_the_acts(office):
    await office.employ("ann")
    await office.grant("everyone")
    await office.news()
    await office.enterprise.members([user("ann", orgCode="X")], flag=3)
    await office.enterprise.members([user("ann", orgCode="X")], flag=3)
    assert (await office.enterprise.department("A", parent="C")).code == "000002"
    [entry] = await office.news()
    [push] = [push for push in (await office.get("/pushes"))["items"] if push["verdict"] == "applied"][:1]
    assert (entry["id"], entry["by"], entry["at"]) == (push["id"], {"push": push["id"]}, push["received_at"])
    assert (entry["action"], entry["subject"], entry["address"]) == (
        "push.applied",
        "authSync",
        push["address"],
    )
    assert entry["counts"] == push["counts"] == {"authorisation.cancelled": 1, "access.lost": 1}


async def test_the_audit_is_read_newest_first_in_pages_and_by_source_and_action(office):
    for number in range(3):
        await office.group(f"g{number}")
        await office.enterprise.department("X", f"Branch {number}")
    read = await every_item(office.api, "/v1/audit", tenant=office.tenant_id, limit=2)
    whole = await office.audit()
    assert read == whole == sorted(whole, key=lambda entry: (entry["at"], entry["id"]), reverse=True)
    pushes, acts = await office.audit(source="push"), await office.audit(source="api")
    assert {entry["action"] for entry in pushes} == {"push.applied"}
    assert [entry["subject"] for entry in acts] == ["g2", "g1", "g0"]
    assert len(pushes) + len(acts) == len(whole)
    assert await office.audit(action="group.added") == acts
    assert await office.audit(action="push.applied") == pushes
    assert await office.audit(action="group.added", source="push") == []
    for bad, code in (
        ({"source": "elsewhere"}, "invalid_request"),
        ({"tenant": "none"}, "invalid_request"),
        ({"cursor": "x"}, "cursor_invalid"),
        ({"tenant": str(uuid4())}, "tenant_unknown"),
    ):
        answer = await office.api.get("/v1/audit", params=bad)
        assert answer.json()["code"] == code, bad


async def test_one_enterprises_audit_shows_nothing_of_another(office, marketplace):
    other = await marketplace.open_enterprise(app="app-of-another")
    await office.group("secret-group")
    listed = await office.api.get("/v1/tenants", params={"external_id": other.tenant})
    [tenant] = listed.json()["items"]
    shown = await office.api.get("/v1/audit", params={"tenant": tenant["id"]})
    assert {entry["tenant_id"] for entry in shown.json()["items"]} == {tenant["id"]}
    [entry] = await office.audit(action="group.added")
    changes = await office.api.get(f"/v1/tenants/{tenant['id']}/audit/{entry['id']}/changes")
    assert "secret-group" not in changes.text


async def test_products_instances_and_tokens_are_in_the_audit_of_no_tenant(api, product, marketplace, clock):
    instance = await marketplace.buy()
    await api.put(
        f"/v1/products/{product}", json={"name": "Renamed", "base_keys": [BASE_KEY, "new-base-key"]}
    )
    await api.patch(f"/v1/instances/{instance}", json={"state": "active", "memo": "Ready"})
    token = await make_token(role="reader", tenant_id=None, act=Act(actor="system", at=clock()))
    entries = await every_item(api, "/v1/audit", source="api")
    text = repr(entries)
    mine = [entry for entry in entries if entry["subject"] in {product, instance}]
    assert all(entry["tenant_id"] is None for entry in mine)
    actions = [entry["action"] for entry in mine]
    assert actions.count("instance.activated") == 1
    assert len([action for action in actions if action.startswith("product.")]) == 2
    assert "token.made" in {entry["action"] for entry in entries}
    for secret in (BASE_KEY, KIT_KEY, V1_KEY, "new-base-key", OPERATOR_TOKEN, token, "PRIVATE KEY"):
        assert secret not in text


async def test_no_secret_of_an_app_or_token_is_in_the_audit_or_its_changes(office, clock):
    await office.enterprise.application(secret="another-client-secret")
    act = Act(actor="system", at=clock())
    token = await make_token(role="operator", tenant_id=office.tenant_id, act=act)
    made = await office.ask(
        "PUT", "/groups/g", json={"name": "G"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert made.status_code == 200
    entries = await office.audit()
    actor = next(entry["by"]["actor"] for entry in entries if entry["action"] == "group.added")
    issued = next(entry for entry in entries if entry["action"] == "token.made")
    assert actor == f"tenant_admin:{issued['subject']}"
    assert issued["after"] == {"role": "operator"}
    shown = str(entries) + str([await office.get(f"/audit/{entry['id']}/changes") for entry in entries])
    for secret in ("another-client-secret", "the-client-secret", token, token.removeprefix("tenon_")):
        assert secret not in shown
