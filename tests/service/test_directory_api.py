"""Reading a directory back over HTTP."""

from urllib.parse import quote

import pytest

from tests.marketplace import user
from tests.pages import every_item


@pytest.fixture
async def enterprise(marketplace):
    enterprise = await marketplace.open_enterprise()
    tree = [("A", "Head office", ""), ("B", "Plant", "A"), ("C", "Line 1", "B"), ("X", "Lost", "not-yet")]
    assert (await enterprise.departments(tree)).code == "000000"
    people = [user("ann", orgCode="A", role="admin"), user("bob_1", orgCode="B"), user("bobx1", orgCode="C")]
    assert (await enterprise.members(people, at=0.01)).code == "000000"
    return enterprise


@pytest.fixture
async def home(api, enterprise):
    [tenant] = (await api.get("/v1/tenants", params={"external_id": enterprise.tenant})).json()["items"]
    return f"/v1/tenants/{tenant['id']}"


async def test_departments_show_their_path_from_the_top_and_orphans(api, home):
    departments = {item["code"]: item for item in await every_item(api, f"{home}/departments", limit=2)}
    assert departments["C"]["path"] == ["A", "B", "C"]
    assert not departments["C"]["orphan"]
    assert departments["X"]["path"] == ["X"]
    assert departments["X"]["orphan"]
    assert (await api.get(f"{home}/departments/B")).json() == departments["B"]


async def test_departments_are_opened_level_by_level(api, home):
    tops = await every_item(api, f"{home}/departments", parent="", limit=2)
    assert [item["code"] for item in tops] == ["A"]
    below = await every_item(api, f"{home}/departments", parent="A", limit=2)
    assert [item["code"] for item in below] == ["B"]


async def test_an_orphan_is_attached_when_its_parent_arrives(api, home, enterprise):
    await enterprise.department("not-yet", "Found", "A", at=1)
    assert (await api.get(f"{home}/departments/X")).json()["path"] == ["A", "not-yet", "X"]


async def test_removed_departments_are_listed_apart_and_their_members_keep_the_code(api, home, enterprise):
    await enterprise.department("C", flag=0, at=1)
    assert "C" not in {item["code"] for item in await every_item(api, f"{home}/departments", limit=2)}
    [removed] = await every_item(api, f"{home}/departments", removed="true", limit=2)
    assert removed["code"] == "C"
    assert removed["removed_at"]
    assert (await api.get(f"{home}/members/bobx1")).json()["department_codes"] == ["C"]


async def test_members_are_found_by_department_below_it_and_by_name(api, home):
    async def names(**params):
        return [item["user_name"] for item in await every_item(api, f"{home}/members", **params, limit=2)]

    assert await names() == ["ann", "bob_1", "bobx1"]
    assert await names(department="B") == ["bob_1"]
    assert await names(department="A", recursive="true") == ["ann", "bob_1", "bobx1"]
    assert await names(q="BOB") == ["bob_1", "bobx1"]
    assert await names(q="b_1") == ["bob_1"]
    assert await names(q="%") == []


async def test_a_push_shows_its_counts_and_change_set(api, home, enterprise):
    await enterprise.departments([("A", "Headquarters", ""), ("B", "Plant", ""), ("N", "New", "B")], at=1)
    [push] = (await api.get(f"{home}/pushes", params={"limit": 1})).json()["items"]
    assert push["interface"] == "allOrgSync"
    assert push["verdict"] == "applied"
    assert push["counts"] == {
        "department.added": 1,
        "department.moved": 1,
        "department.renamed": 1,
        "department.removed": 2,
    }
    detail = (await api.get(f"{home}/pushes/{push['id']}")).json()
    changes = await every_item(api, f"{home}/pushes/{push['id']}/changes", limit=2)
    assert detail["changes"]["items"] == changes
    assert {(change["type"], change["subject"]) for change in changes} == {
        ("department.added", "N"),
        ("department.moved", "B"),
        ("department.renamed", "A"),
        ("department.removed", "C"),
        ("department.removed", "X"),
    }
    [renamed] = [change for change in changes if change["subject"] == "A"]
    assert renamed["previous"] == {"code": "A", "name": "Head office", "parent_code": None}
    assert renamed["data"] == {"code": "A", "name": "Headquarters", "parent_code": None}


async def test_refused_and_stale_pushes_stand_in_the_history(api, home, enterprise):
    assert (await enterprise.department("A", parent="C", at=1)).code == "000002"
    assert (await enterprise.department("A", "Older", at=-100)).code == "000000"
    history = (await api.get(f"{home}/pushes")).json()["items"]
    assert [(push["verdict"], push["result_code"]) for push in history[:2]] == [
        ("stale", "000000"),
        ("refused", "000002"),
    ]
    assert "own ancestor" in history[1]["result_message"]


async def test_calls_about_purchases_are_listed_apart(api, marketplace):
    instance = await marketplace.buy()
    [push] = (await api.get("/v1/pushes", params={"instance": instance})).json()["items"]
    assert push["interface"] == "newInstance"
    detail = (await api.get(f"/v1/pushes/{push['id']}")).json()
    assert [change["type"] for change in detail["changes"]["items"]] == ["instance.opened"]


async def test_instances_are_listed_with_their_tenants_and_state(api, product, enterprise, marketplace):
    other = await marketplace.buy()
    await marketplace.base({"activity": "updateInstanceStatus", "instanceId": other, "status": "FREEZE"})
    listed = await every_item(api, "/v1/instances", product=product, limit=2)
    assert {item["instance_id"] for item in listed} == {enterprise.instance, other}
    frozen = await every_item(api, "/v1/instances", product=product, state="frozen", limit=2)
    assert [item["instance_id"] for item in frozen] == [other]
    bound = (await api.get(f"/v1/instances/{enterprise.instance}")).json()
    assert len(bound["tenants"]) == 1
    assert (await api.get("/v1/instances", params={"state": "melted"})).status_code == 422


async def test_an_instance_that_the_vendor_confirms_is_answered_as_processing_until_then(
    api, product, marketplace
):
    await api.put(f"/v1/products/{product}", json={"name": "Slow", "provisioning": "confirmed"})
    order = {"activity": "newInstance", "orderId": "CS9", "orderLineId": "CS9-1", "businessId": "business-9"}
    first = await marketplace.base({**order, "businessId": f"b-{product}"})
    assert first.code == "000004"
    query = {"activity": "queryInstance", "instanceId": first.body["instanceId"]}
    assert (await marketplace.base(query)).code == "000004"
    confirmed = await api.patch(
        f"/v1/instances/{first.body['instanceId']}",
        json={"state": "active", "front_end_url": "https://saas.example.com/t/9"},
    )
    assert confirmed.json()["state"] == "active"
    answer = await marketplace.base(query)
    assert answer.code == "000000"
    assert answer.body["info"][0]["appInfo"]["frontEndUrl"] == "https://saas.example.com/t/9"


async def test_the_contact_of_a_v1_purchase_is_shown_decrypted_and_kept_encrypted(api, marketplace, product):
    cipher = "Ab3dE6gH9jK2mN5ptfT/q15HN8oYHV6KKRms6Q=="
    answer = await marketplace.v1_get(
        {
            "activity": "newInstance",
            "orderId": f"CS{product}",
            "businessId": f"b-{product}",
            "customerId": "c1",
            "productId": "OFFI1",
            "mobilePhone": cipher,
            "encryptType": "1",
        }
    )
    assert answer.code == "000000"
    shown = (await api.get(f"/v1/instances/{answer.body['instanceId']}")).json()
    assert shown["contact"] == {"mobile": "13900000001"}


@pytest.mark.parametrize("cursor", ["", "x", "bm9wZQ", "eyJhIjoxfQ", "W10"])
async def test_a_cursor_that_was_not_given_out_is_refused(api, home, cursor):
    for path in ("departments", "members", "apps", "pushes"):
        answer = await api.get(f"{home}/{path}", params={"cursor": cursor})
        assert answer.status_code == 422, path
        assert answer.json()["code"] == "cursor_invalid"


async def test_what_is_not_there_is_a_problem_with_its_code(api, home):
    for path, code in (
        (f"{home}/departments/none", "department_unknown"),
        (f"{home}/members/none", "member_unknown"),
        (f"{home}/apps/none/access/ann", "app_unknown"),
        (f"{home}/pushes/00000000-0000-4000-8000-000000000000", "push_unknown"),
        ("/v1/tenants/00000000-0000-4000-8000-000000000000", "tenant_unknown"),
        ("/v1/tenants/00000000-0000-4000-8000-000000000000/apps", "tenant_unknown"),
        ("/v1/instances/none", "instance_unknown"),
        ("/v1/products/none", "product_unknown"),
        ("/v1/nothing", "http_404"),
    ):
        answer = await api.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["code"] == code
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_codes_and_names_may_hold_slashes_and_other_reserved_signs(api, home, enterprise):
    for code in ("R/D", "50%", "a?b#c", "研发 部"):
        assert (await enterprise.department(code, at=1)).code == "000000"
        assert (await enterprise.members([user(code, orgCode=code)], at=1)).code == "000000"
        there = quote(code, safe="")
        assert (await api.get(f"{home}/departments/{there}")).json()["code"] == code
        assert (await api.get(f"{home}/members/{there}")).json()["department_codes"] == [code]
        access = await api.get(f"{home}/apps/{enterprise.app}/access/{there}")
        assert access.json()["allowed"]


async def test_a_loop_left_by_a_late_list_is_opened_at_the_same_place_in_every_view(api, home, enterprise):
    await enterprise.departments([("L1", "Loop 1", ""), ("L2", "Loop 2", ""), ("L0", "Below", "L2")], at=1)
    assert (await enterprise.department("L1", "Loop 1", "L2", at=3)).code == "000000"
    # Older than the move, but newer than the first list: L2 under L1, the news of L2's leaving is on its way.
    late = [("L1", "Loop 1", ""), ("L2", "Loop 2", "L1"), ("L0", "Below", "L2")]
    assert (await enterprise.departments(late, at=2)).code == "000000"
    nodes = (await api.get(f"{home}/tree")).json()["items"]
    assert [(n["code"], n["depth"], n["orphan"]) for n in nodes] == [
        ("L1", 0, True),
        ("L2", 1, False),
        ("L0", 2, False),
    ]
    listed = {item["code"]: item for item in await every_item(api, f"{home}/departments", limit=2)}
    assert {code: (item["path"], item["orphan"]) for code, item in listed.items()} == {
        "L1": (["L1"], True),
        "L2": (["L1", "L2"], False),
        "L0": (["L1", "L2", "L0"], False),
    }
    assert (await enterprise.department("L2", "Loop 2", "", at=4)).code == "000000"
    assert (await api.get(f"{home}/departments/L0")).json()["path"] == ["L2", "L0"]
