import asyncio
from uuid import uuid4

from tests.conformance.bodies import order
from tests.conformance.vectors import INSTANCE, ORDER
from tests.marketplace import user


async def test_case_01_a_purchase_gives_an_instance_id(vectors, purchases):
    answer = await vectors.base("base-newInstance")
    assert answer.response.status_code == 200
    assert answer.response.headers["Content-Type"] == "application/json"
    assert answer.body == {"resultCode": "000000", "resultMsg": "success.", "instanceId": INSTANCE}
    assert await purchases.ids() == [INSTANCE]
    instance = await purchases.read(INSTANCE)
    assert (instance["order_id"], instance["order_line_id"]) == (ORDER, f"{ORDER}-000001")
    assert instance["state"] == "active"


async def test_case_02_the_same_order_line_gives_the_same_instance(vectors, marketplace, purchases):
    await vectors.base("base-newInstance")
    again = order(orderId=ORDER, orderLineId=f"{ORDER}-000001")
    answer = await marketplace.base(again)
    assert (answer.code, answer.body["instanceId"]) == ("000000", INSTANCE)
    assert await purchases.ids() == [INSTANCE]


async def test_case_03_two_purchases_of_one_line_at_once_make_one_instance(marketplace, purchases):
    body = order()
    answers = await asyncio.gather(*(marketplace.base(body) for _ in range(2)))
    assert [answer.code for answer in answers] == ["000000", "000000"]
    assert [answer.body["instanceId"] for answer in answers] == 2 * await purchases.ids()


async def test_case_03_holds_for_different_business_ids_too(marketplace, purchases):
    body = order()
    bodies = [{**body, "businessId": str(uuid4())} for _ in range(4)]
    answers = await asyncio.gather(*(marketplace.base(each) for each in bodies))
    assert [answer.body["instanceId"] for answer in answers] == 4 * await purchases.ids()


async def test_case_04_another_line_of_the_order_is_another_instance(vectors, marketplace, purchases):
    await vectors.base("base-newInstance")
    answer = await marketplace.base(order(orderId=ORDER, orderLineId=f"{ORDER}-000002"))
    assert answer.code == "000000"
    assert sorted(await purchases.ids()) == sorted([INSTANCE, answer.body["instanceId"]])


async def test_case_04_holds_even_if_the_business_id_is_the_first_ones(vectors, marketplace, purchases):
    await vectors.base("base-newInstance")
    answer = await marketplace.base(order(orderId=ORDER, orderLineId=f"{ORDER}-000002", businessId=INSTANCE))
    assert answer.code == "000000"
    assert len(set(await purchases.ids())) == 2


async def test_case_17_an_unknown_activity_is_an_invalid_parameter(marketplace, purchases):
    answer = await marketplace.base(order(activity="danceInstance"))
    assert (answer.response.status_code, answer.code) == (200, "000002")
    assert await purchases.ids() == []


async def test_case_31_two_instances_are_shown_with_their_front_end(marketplace):
    ids = [await marketplace.buy(), await marketplace.buy()]
    answer = await marketplace.base({"activity": "queryInstance", "instanceId": ",".join(ids)})
    assert answer.code == "000000"
    assert [entry["instanceId"] for entry in answer.body["info"]] == ids
    for entry in answer.body["info"]:
        assert entry["appInfo"] == {"frontEndUrl": "https://saas.example.com"}


async def test_case_32_more_than_100_ids_and_none_are_refused(marketplace):
    many = ",".join(f"none-{number:03}" for number in range(101))
    for ids in (many, " ", "", "a,,b"):
        answer = await marketplace.base({"activity": "queryInstance", "instanceId": ids})
        assert (answer.response.status_code, answer.code) == (200, "000002"), ids


async def test_case_33_an_instance_being_provisioned_shows_no_address(marketplace, api, product, purchases):
    await api.put(f"/v1/products/{product}", json={"name": "Slow", "provisioning": "confirmed"})
    body = order()
    answer = await marketplace.base(body)
    assert answer.code == "000004"
    instance = answer.body["instanceId"]
    assert (await purchases.read(instance))["state"] == "provisioning"
    query = {"activity": "queryInstance", "instanceId": instance}
    asked = await marketplace.base(query)
    assert (asked.code, asked.body["info"]) == ("000004", [{"instanceId": instance}])
    recorded = {push["interface"]: push["result_code"] for push in await purchases.pushes()}
    assert recorded["queryInstance"] == "000004"

    ready = {"state": "active", "front_end_url": "https://saas.example.com/t/1", "memo": "已开通"}
    assert (await api.patch(f"/v1/instances/{instance}", json=ready)).status_code == 200
    asked = await marketplace.base(query)
    assert (asked.code, asked.body["info"]) == (
        "000000",
        [
            {
                "instanceId": instance,
                "appInfo": {"frontEndUrl": "https://saas.example.com/t/1", "memo": "已开通"},
            }
        ],
    )
    repeated = await marketplace.base(body)
    assert (repeated.code, repeated.body["instanceId"]) == ("000000", instance)


async def test_case_33_nobody_may_use_an_instance_that_is_not_provisioned(marketplace, api, product):
    await api.put(f"/v1/products/{product}", json={"name": "Slow", "provisioning": "confirmed"})
    enterprise = await marketplace.open_enterprise()
    await enterprise.members([user("wang.fang")])
    [tenant] = (await api.get("/v1/tenants", params={"external_id": enterprise.tenant})).json()["items"]
    access = f"/v1/tenants/{tenant['id']}/apps/app-1/access/wang.fang"
    assert (await api.get(access)).json()["blocks"][0]["kind"] == "instance_provisioning"
    await api.patch(f"/v1/instances/{enterprise.instance}", json={"state": "active"})
    assert (await api.get(access)).json()["allowed"]
