"""A buyer's first day, over HTTP from the purchase to the last unbinding."""

from tests.marketplace import user


async def test_a_purchase_becomes_a_directory_and_ends_with_its_last_binding(marketplace, api):
    enterprise = await marketplace.open_enterprise()
    tree = [("D1", "星河制造", ""), ("D2", "装配车间", "D1"), ("D3", "质检部", "D1")]
    assert (await enterprise.departments(tree)).code == "000000"
    people = [user("wang.fang", role="admin"), user("li.lei", orgCode="D2", enable="false")]
    assert (await enterprise.members(people)).code == "000000"

    [tenant] = (await api.get("/v1/tenants", params={"external_id": enterprise.tenant})).json()["items"]
    home = f"/v1/tenants/{tenant['id']}"
    assert (await api.get(home)).json()["counts"] == {"departments": 3, "members": 2, "groups": 0, "apps": 1}
    nodes = (await api.get(f"{home}/tree")).json()["items"]
    assert [(node["code"], node["depth"]) for node in nodes] == [("D1", 0), ("D2", 1), ("D3", 1)]
    access = f"{home}/apps/{enterprise.app}/access"
    assert (await api.get(f"{access}/wang.fang?explain=false")).json() == {"allowed": True}
    refused = (await api.get(f"{access}/li.lei")).json()
    assert not refused["allowed"]
    assert [block["kind"] for block in refused["blocks"]] == ["member_disabled"]

    assert (await enterprise.unbind(at=1)).code == "000000"
    assert (await api.get(home)).json()["unbound_at"] is not None
    assert (await api.get(f"{access}/wang.fang")).status_code == 404
