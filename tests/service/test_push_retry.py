"""Carrying out again what failed by a fault of ours: the same call, later, once the fault is mended."""

import contextlib
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from service.worker import sweep
from tenancy.acts import Act
from tenancy.products import read_product
from tenancy.tokens import make_token
from tests.conformance.bodies import status
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, user
from tests.service.offices import BOOTSTRAP, gained


@pytest.fixture
async def owner(settings):
    """As the owner of the tables."""
    connection = await asyncpg.connect(settings.migration_database_url, timeout=10)
    yield connection
    await connection.close()


@pytest.fixture
def out_of_order(owner):
    """While it lasts, the service may not write that table: a fault of ours, not an outage."""

    @contextlib.asynccontextmanager
    async def break_table(table, role="tenon_serving"):
        await owner.execute(f"REVOKE INSERT, UPDATE ON {table} FROM {role}")
        try:
            yield
        finally:
            await owner.execute(f"GRANT INSERT, UPDATE ON {table} TO {role}")

    return break_table


async def the_failed(office):
    [push] = await office.everything("/pushes", verdict="failed")
    return push


async def retry(office, push, home=None):
    answer = await office.api.post(f"{home or office.home}/pushes/{push['id']}/retry")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def failed_base(api, product):
    found = await api.get("/v1/pushes", params={"product": product, "verdict": "failed"})
    [push] = found.json()["items"]
    return push


async def picture(office):
    """The directory and who may use what."""
    return [
        await office.everything("/departments", limit=1000),
        await office.everything("/members", limit=1000),
        await office.everyone(),
    ]


async def test_a_push_that_failed_is_carried_out_again_as_if_it_had_come_through(office, out_of_order):
    async with out_of_order("member"):
        answer = await office.enterprise.members([user("ann", orgCode="B")])
    assert answer.code == "000005"
    failed = await the_failed(office)
    assert failed["has_body"]
    await office.told()
    assert await office.everyone() == []

    done = await retry(office, failed)
    assert done["tenant_id"] == office.tenant_id
    push = done["push"]
    assert (push["verdict"], push["result_code"], push["retry_of"]) == ("applied", "000000", failed["id"])
    assert push["counts"]["member.added"] == 1
    for same in (
        "interface",
        "flag",
        "instance_id",
        "signed_as",
        "source_time",
        "size",
        "address",
        "edition",
    ):
        assert push[same] == failed[same] or failed[same] is None, same
    assert await office.everyone() == ["ann"]
    assert await office.told() == gained(office, "ann")
    assert (await office.get("/pushes", limit=1))["items"] == [push]


async def test_the_failed_push_itself_stays_as_it_was(office, out_of_order):
    async with out_of_order("department"):
        await office.enterprise.department("N", "New")
    failed = await the_failed(office)
    await retry(office, failed)
    assert await the_failed(office) == failed


async def test_retrying_twice_and_after_a_delivery_that_came_through_changes_nothing(
    office, out_of_order, clock
):
    now = office.marketplace.time()

    async def deliver():
        return await office.enterprise.members([user("ann", orgCode="B")], at=now)

    async with out_of_order("member"):
        assert (await deliver()).code == "000005"
    failed = await the_failed(office)
    assert (await deliver()).code == "000000"
    before = await picture(office)
    for _ in range(2):
        done = await retry(office, failed)
        assert (done["push"]["verdict"], done["push"]["counts"]) == ("unchanged", {})
    assert await picture(office) == before


async def test_what_is_newer_than_the_failed_push_stands(office, out_of_order):
    async with out_of_order("department"):
        await office.enterprise.department("B", "Old name", "X", at=1)
    failed = await the_failed(office)
    assert (await office.enterprise.department("B", "New name", "A", at=2)).code == "000000"
    before = await picture(office)
    done = await retry(office, failed)
    assert done["push"]["verdict"] == "stale"
    assert await picture(office) == before


async def test_a_time_ahead_of_our_clock_is_cut_to_when_the_push_came_not_to_the_retry(
    office, out_of_order, clock
):
    came = clock()
    clock.freeze(came)
    async with out_of_order("department"):
        await office.enterprise.department("B", "From the future", at=3600)
    failed = await the_failed(office)
    clock.freeze(came + timedelta(minutes=10))
    assert (await office.enterprise.department("B", "Corrected", at=0)).code == "000000"
    done = await retry(office, failed)
    assert done["push"]["verdict"] == "stale"
    assert (await office.get("/departments/B"))["name"] == "Corrected"


async def test_a_corrupt_key_of_the_product_is_mended_and_the_application_arrives(
    office, runtime, product, owner
):
    """The product's RSA key was damaged in the database, as a wrong restore would."""
    good = await read_product(product, keyring=runtime.keyring)

    async def store(secrets):
        sealed = runtime.keyring.seal(msgspec.json.encode(secrets), purpose=f"product:{product}")
        await owner.execute("UPDATE product SET secrets = $2 WHERE slug = $1", product, sealed)
        runtime.products.forget(product)

    await store(msgspec.structs.replace(good.secrets, rsa_private_keys=("no key at all",)))
    assert (await office.enterprise.application(appId="second")).code == "000005"
    failed = await the_failed(office)
    again = await retry(office, failed)
    assert (again["push"]["verdict"], again["push"]["retry_of"]) == ("failed", failed["id"])
    await store(good.secrets)
    assert (await retry(office, failed))["push"]["verdict"] == "applied"
    assert {app["id"] for app in await office.everything("/apps")} == {office.app, "second"}


async def test_a_purchase_that_failed_is_opened_once_with_its_contact(
    api, marketplace, product, out_of_order, office
):
    order = {
        "activity": "newInstance",
        "orderId": f"CS{product}",
        "businessId": f"b-{product}",
        "customerId": "c1",
        "productId": "OFFI1",
        "mobilePhone": "Ab3dE6gH9jK2mN5ptfT/q15HN8oYHV6KKRms6Q==",
        "encryptType": "1",
    }
    async with out_of_order("instance", "tenon_system"):
        assert (await marketplace.v1_get(order)).code == "000005"
    failed = await failed_base(api, product)
    shown = await api.get(f"/v1/pushes/{failed['id']}/body")
    assert "authToken" not in shown.text
    rotated = {"base_keys": [BASE_KEY], "kit_keys": [KIT_KEY], "v1_keys": ["another-v1-key-9f1", V1_KEY]}
    assert (await api.put(f"/v1/products/{product}", json={"name": "Demo", **rotated})).status_code == 200

    done = await retry(office, failed, "/v1")
    assert (done["tenant_id"], done["push"]["verdict"]) == (None, "applied")
    instance = await api.get(f"/v1/instances/{done['push']['instance_id']}")
    assert instance.json()["contact"] == {"mobile": "13900000001"}
    assert (await retry(office, failed, "/v1"))["push"]["verdict"] == "unchanged"
    assert (await marketplace.v1_get(order)).body["instanceId"] == f"b-{product}"


async def test_a_call_about_a_purchase_is_not_repeated_over_a_later_one(api, office, product, out_of_order):
    """Such calls carry no time of their own: repeated late, an old freeze would freeze again."""
    instance = office.enterprise.instance
    async with out_of_order("instance", "tenon_system"):
        assert (await office.marketplace.base(status(instance, "FREEZE"))).code == "000005"
    failed = await failed_base(api, product)
    for reading in ("queryInstance", "changeInstanceCheck"):
        await office.base({"activity": reading, "instanceId": instance, "productInfo": "[]"})
    assert (await retry(office, failed, "/v1"))["push"]["verdict"] == "applied"
    assert (await api.get(f"/v1/instances/{instance}")).json()["state"] == "frozen"

    await office.base(status(instance, "UNFREEZE"))
    late = (await retry(office, failed, "/v1"))["push"]
    assert late["verdict"] == "refused"
    assert "later call" in late["result_message"]
    assert (await api.get(f"/v1/instances/{instance}")).json()["state"] == "active"


async def test_the_audit_tells_who_retried_what(office, out_of_order, api):
    async with out_of_order("department"):
        await office.enterprise.department("N", "New")
    failed = await the_failed(office)
    await office.news()
    done = await retry(office, failed)
    applied, retried = await office.news()
    assert (retried["action"], retried["subject"], retried["by"]) == ("push.retried", failed["id"], BOOTSTRAP)
    assert retried["after"] == {"retry": done["push"]["id"]}
    assert (applied["action"], applied["by"]) == ("push.applied", {"push": done["push"]["id"]})


async def test_only_what_failed_can_be_retried(office, out_of_order, runtime, clock, api, product):
    async def refused(push_id, status_code, code, home=office.home):
        answer = await api.post(f"{home}/pushes/{push_id}/retry")
        assert (answer.status_code, answer.json()["code"]) == (status_code, code)

    [newest] = (await office.get("/pushes", limit=1))["items"]
    await refused(newest["id"], 409, "push_not_failed")
    await office.enterprise.department("A", parent="C")
    [wrong] = await office.everything("/pushes", verdict="refused")
    await refused(wrong["id"], 409, "push_not_failed")
    await refused(uuid4(), 404, "push_unknown")
    await refused(newest["id"], 404, "push_unknown", "/v1")
    await refused(newest["id"], 404, "tenant_unknown", f"/v1/tenants/{uuid4()}")

    async with out_of_order("department"):
        await office.enterprise.department("N", "New")
    failed = await the_failed(office)
    await office.news()
    rotated = {"base_keys": [BASE_KEY], "kit_keys": ["another-kit-key-55ad"]}
    await api.put(f"/v1/products/{product}", json={"name": "Demo", **rotated})
    await refused(failed["id"], 409, "push_key_removed")
    clock.freeze(clock() + timedelta(days=runtime.settings.body_retention_days, minutes=5))
    await sweep(runtime)
    await refused(failed["id"], 409, "push_body_removed")
    clock.freeze(None)
    assert await office.news() == []


async def test_a_retry_keeps_no_second_copy_so_the_body_goes_when_it_is_due(office, out_of_order):
    async with out_of_order("department"):
        await office.enterprise.department("N", "New")
        failed = await the_failed(office)
        again = (await retry(office, failed))["push"]
    assert (again["verdict"], again["has_body"]) == ("failed", False)
    answer = await office.ask("POST", f"/pushes/{again['id']}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "push_body_removed")
    assert (await retry(office, failed))["push"]["verdict"] == "applied"


async def test_a_tenants_administrator_retries_and_a_reader_does_not(http, office, out_of_order, clock):
    async with out_of_order("department"):
        await office.enterprise.department("N", "New")
    failed = await the_failed(office)
    path = f"{office.home}/pushes/{failed['id']}/retry"
    codes = []
    for role in ("reader", "operator"):
        act = Act(actor="test", at=clock())
        token = await make_token(role=role, tenant_id=UUID(office.tenant_id), act=act)
        codes.append((await http.post(path, headers={"Authorization": f"Bearer {token}"})).status_code)
    assert codes == [403, 200]
    assert (await office.get("/departments/N"))["name"] == "New"
