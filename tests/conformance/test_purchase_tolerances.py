"""Where the marketplace's pages disagree about purchases and their life: every form is understood."""

from uuid import uuid4

import pytest

from tenancy.database import system_scope
from tests.conformance.bodies import order, refresh, release, status, v1_order


async def queued_order(instance):
    """The order whose details the worker will ask of the marketplace."""
    async with system_scope() as db:
        return await db.fetchval("SELECT order_id FROM order_query WHERE instance_id = $1", instance)


@pytest.mark.parametrize("flag", ["absent", None, "", "0", 0])
async def test_tolerance_17_a_purchase_without_a_test_flag_is_real(marketplace, purchases, flag):
    fields = {} if flag == "absent" else {"testFlag": flag}
    assert (await marketplace.base(order(**fields))).code == "000000"
    assert len(await purchases.ids()) == 1


@pytest.mark.parametrize("flag", ["1", 1])
async def test_tolerance_12_a_debug_purchase_may_say_so_in_text_or_number(marketplace, purchases, flag):
    body = order(testFlag=flag)
    answer = await marketplace.base(body)
    assert (answer.code, answer.body["instanceId"]) == ("000000", body["businessId"])
    assert await purchases.ids() == []


@pytest.mark.parametrize(
    ("hours", "sent", "kept"),
    [
        (8, "20261211235959", "2026-12-11T15:59:59Z"),
        (8, "20261211235959500", "2026-12-11T15:59:59.500000Z"),
        (0, "20261211235959", "2026-12-11T23:59:59Z"),
    ],
)
async def test_tolerance_18_a_v1_expiry_is_in_the_products_time_zone(
    marketplace, purchases, api, product, hours, sent, kept
):
    await api.put(f"/v1/products/{product}", json={"name": "V1", "v1_utc_offset_hours": hours})
    instance = (await marketplace.v1_get(v1_order(expireTime=sent))).body["instanceId"]
    assert await purchases.expiry(instance) == kept
    renewal = {"activity": "refreshInstance", "orderId": "CS2", "instanceId": instance, "expireTime": sent}
    assert (await marketplace.v1_get(renewal)).code == "000000"
    assert await purchases.expiry(instance) == kept


@pytest.mark.parametrize("sent", ["2027", "20271332000000", "tomorrow", "2027121115595912"])
async def test_tolerance_18_any_other_expiry_is_invalid(marketplace, purchases, sent):
    instance = await marketplace.buy()
    assert (await marketplace.base(refresh(instance, sent))).code == "000002"
    assert await purchases.expiry(instance) is None


async def test_tolerance_22_a_hundred_ids_of_64_characters_are_asked_for_at_once(marketplace):
    instance = await marketplace.buy()
    ids = [f"{number:064}" for number in range(99)] + [instance]
    answer = await marketplace.base({"activity": "queryInstance", "instanceId": ",".join(ids)})
    assert answer.code == "000000"
    assert [entry["instanceId"] for entry in answer.body["info"]] == [instance]


async def test_tolerance_26_no_credentials_are_told(marketplace):
    query = {"activity": "queryInstance", "instanceId": await marketplace.buy()}
    [entry] = (await marketplace.base(query)).body["info"]
    assert not {"userName", "password", "encryptType"} & entry["appInfo"].keys()


@pytest.mark.parametrize("word", ["UNFREEZE", "NORMAL"])
async def test_tolerance_27_both_editions_words_unfreeze(marketplace, purchases, word):
    instance = await marketplace.buy()
    await marketplace.base(status(instance, "FREEZE"))
    assert (await marketplace.base(status(instance, word))).code == "000000"
    assert (await purchases.read(instance))["state"] == "active"
    frozen = {"activity": "instanceStatus", "instanceId": instance, "instanceStatus": "FREEZE"}
    assert (await marketplace.v1_get(frozen)).code == "000000"
    assert (await purchases.read(instance))["state"] == "frozen"
    assert (await marketplace.v1_get({**frozen, "instanceStatus": word})).code == "000000"
    assert (await purchases.read(instance))["state"] == "active"
    assert (await marketplace.v1_get({**frozen, "instanceStatus": "FROZEN"})).code == "000002"


@pytest.mark.parametrize("activity", ["upgrade", "upgradeInstance"])
async def test_tolerance_27_both_editions_words_upgrade(marketplace, activity):
    instance = await marketplace.buy()
    upgrade = {"activity": activity, "instanceId": instance, "orderId": "CS5", "orderLineId": "CS5-000001"}
    assert (await marketplace.base(upgrade)).code == "000000"
    assert (await marketplace.v1_get({**upgrade, "skuCode": "sku", "amount": "20"})).code == "000000"


async def test_tolerance_28_a_release_goes_by_the_instance_not_by_the_order(marketplace, purchases):
    mine, other = await marketplace.buy(), await marketplace.buy()
    foreign = (await purchases.read(other))["order_id"]
    assert (await marketplace.base(release(mine, orderId=foreign, orderLineId="x"))).code == "000000"
    assert (await purchases.read(mine))["state"] == "released"
    assert (await purchases.read(other))["state"] == "active"
    unknown = release("never-seen", orderId=foreign)
    assert (await marketplace.base(unknown)).code == "000003"
    assert (await purchases.read(other))["state"] == "active"


async def test_tolerance_29_the_order_of_a_cancelled_renewal_is_not_resolved(marketplace, purchases):
    instance = await marketplace.buy()
    for number in ("the-cancelling-order", "the-cancelled-renewal"):
        body = refresh(instance, "20261211155959", "UNSUBSCRIBE_RENEWAL_PERIOD", orderId=number)
        assert (await marketplace.base(body)).code == "000000"
    assert await purchases.expiry(instance) == "2026-12-11T15:59:59Z"


async def test_tolerance_30_a_renewal_with_change_asks_for_the_new_order(marketplace, api, product):
    keys = {"order_access_key": "access", "order_secret_key": "secret"}
    await api.put(f"/v1/products/{product}", json={"name": "Asks", **keys})
    body = order()
    instance = (await marketplace.base(body)).body["instanceId"]
    assert await queued_order(instance) == body["orderId"]
    plain = refresh(instance, "20271211155959")
    await marketplace.base(plain)
    assert await queued_order(instance) == body["orderId"]
    changed = refresh(instance, "20271211155959", "RENEWAL_CHANGE")
    assert (await marketplace.base(changed)).code == "000000"
    assert await queued_order(instance) == changed["orderId"]


def nested(**fields):
    number = f"CS{uuid4().hex[:12]}"
    return {
        "activity": "newInstance",
        "buyerInfo": {"customerId": "c1", "customerName": "星河制造", "email": None},
        "orderInfo": [
            {
                "businessId": str(uuid4()),
                "orderId": number,
                "trialFlag": 0,
                "orderAmount": 12.50,
                "chargingMode": 1,
                "productInfo": [{"skuCode": "s", "productId": "p", "linearValue": 1}],
                "createTime": "20251211054820",
            }
        ],
        **fields,
    }


async def test_tolerance_45_an_early_purchase_nests_its_order(marketplace, purchases):
    body = nested()
    answer = await marketplace.base(body)
    assert answer.code == "000000"
    [instance] = await purchases.ids()
    assert instance == answer.body["instanceId"]
    bought = body["orderInfo"][0]
    assert (await purchases.read(instance))["order_id"] == bought["orderId"]
    assert instance == bought["businessId"]
    again = await marketplace.base(body)
    assert again.body["instanceId"] == instance


@pytest.mark.parametrize("blank", ["absent", None, ""])
async def test_tolerance_45_either_id_may_stand_at_the_top(marketplace, purchases, blank):
    at_top = {"orderId": "CS-top-" + uuid4().hex[:8], "orderLineId": "L1", "businessId": blank}
    if blank == "absent":
        del at_top["businessId"]
    body = nested(**at_top)
    answer = await marketplace.base(body)
    assert (answer.code, answer.body["instanceId"]) == ("000000", body["orderInfo"][0]["businessId"])
    assert (await purchases.read(answer.body["instanceId"]))["order_id"] == at_top["orderId"]


async def test_tolerance_45_nested_members_beside_the_flat_fields_are_ignored(marketplace, purchases):
    body = nested(**{name: value for name, value in order().items() if name != "activity"})
    answer = await marketplace.base(body)
    assert answer.body["instanceId"] == body["businessId"]
    assert (await purchases.read(body["businessId"]))["order_id"] == body["orderId"]


@pytest.mark.parametrize(
    "target",
    [
        {"productId": "p2", "linearValue": 20},
        [{"productId": "p2", "skuCode": "s2"}],
        '{"productId": "p2"}',
        '[{"productId": "p2"}]',
    ],
)
async def test_a_change_check_takes_the_target_product_in_every_form(marketplace, target):
    check = {"activity": "changeInstanceCheck", "instanceId": await marketplace.buy(), "productInfo": target}
    assert (await marketplace.base(check)).code == "000000"
