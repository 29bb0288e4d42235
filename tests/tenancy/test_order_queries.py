"""Orders asked of the marketplace: claimed once at a time, tried again after faults, recorded."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest

from service.koogallery import orders
from service.simulator.order_desk import PATH, Fault, OrderDesk
from service.worker import ask_for_order
from tenancy.database import system_scope
from tenancy.instance_rows import read_instance
from tenancy.instances import change_order, set_expiry
from tenancy.order_queries import claim_order_query, record_order, record_order_failure
from tenancy.releases import release_instance
from tests.guide_programs import served
from tests.tenancy.pushing import a_push, buy

ACCESS, SECRET = "demo-access", "demo-secret"


@pytest.fixture(autouse=True)
async def none_waiting(app):
    async with system_scope() as db:
        await db.execute("DELETE FROM order_query")


async def waiting():
    async with system_scope() as db:
        return await db.fetch("SELECT * FROM order_query")


@pytest.fixture
async def desk(clock):
    """The marketplace's order desk on a port of its own; `address` is what a product is given."""
    desk = OrderDesk(access_key=ACCESS, secret_key=SECRET, clock=clock)
    async with served(desk) as address:
        desk.address = f"{address}{PATH.removesuffix('/order/query')}"
        yield desk


@pytest.fixture
async def asking_product(api, private_key, desk):
    slug = f"asks-{uuid4().hex[:12]}"
    answer = await api.put(
        f"/v1/products/{slug}",
        json={
            "name": "Asks",
            "rsa_private_keys": [private_key],
            "order_access_key": ACCESS,
            "order_secret_key": SECRET,
            "order_query_url": desk.address,
        },
    )
    assert answer.status_code == 200, answer.text
    return slug


@pytest.fixture
async def client():
    async with httpx2.AsyncClient() as client:
        yield client


async def test_an_order_is_asked_recorded_and_not_asked_again(runtime, client, desk, asking_product):
    desk.add_order("CS1", linear_value=42)
    instance_id = await buy(asking_product, runtime, ask_for_order=True, order_id="CS1")
    assert await ask_for_order(runtime, client)
    found = await read_instance(instance_id)
    assert (found.order["order_id"], found.order["quantity"]) == ("CS1", 42)
    assert found.expires_at is not None
    assert not await ask_for_order(runtime, client)
    assert desk.queries == 1


async def test_an_expiry_that_a_push_has_set_stands(runtime, client, desk, asking_product, clock):
    desk.add_order("CS1")
    instance_id = await buy(asking_product, runtime, ask_for_order=True, order_id="CS1")
    expires_at = clock().replace(microsecond=0) + timedelta(days=7)
    await set_expiry(
        asking_product,
        instance_id,
        expires_at=expires_at,
        trial_ends=False,
        unfreeze=False,
        ask_for=None,
        push=a_push(),
    )
    await ask_for_order(runtime, client)
    found = await read_instance(instance_id)
    assert found.order is not None
    assert found.expires_at == expires_at


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.WRONG_CODE, Fault.HANG])
async def test_a_fault_of_the_marketplace_is_noted_and_the_order_asked_again_later(
    runtime, client, desk, asking_product, clock, monkeypatch, fault
):
    monkeypatch.setattr(orders, "_SECONDS", 0.2)
    clock.freeze(clock())
    desk.add_order("CS1")
    instance_id = await buy(asking_product, runtime, ask_for_order=True, order_id="CS1")
    desk.fault = fault
    for seconds in (10, 20, 40):
        assert await ask_for_order(runtime, client)
        [query] = await waiting()
        assert query["due_at"] == clock() + timedelta(seconds=seconds)
        assert query["last_error"]
        assert not await ask_for_order(runtime, client)
        clock.freeze(query["due_at"])
    desk.fault = Fault.NONE
    assert await ask_for_order(runtime, client)
    assert (await read_instance(instance_id)).order["order_id"] == "CS1"
    assert await waiting() == []
    assert desk.queries == 4


async def test_a_desk_that_is_away_or_a_product_without_keys_only_delays(runtime, client, shared_product):
    await buy(shared_product, runtime, ask_for_order=True)
    assert await ask_for_order(runtime, client)
    [query] = await waiting()
    assert "access key" in query["last_error"]


async def test_a_wrong_secret_is_noted_without_telling_it(runtime, client, desk, asking_product, api):
    desk.add_order("CS1")
    await buy(asking_product, runtime, ask_for_order=True, order_id="CS1")
    desk._secret_key = "another"
    assert await ask_for_order(runtime, client)
    [query] = await waiting()
    assert "401" in query["last_error"]
    assert SECRET not in query["last_error"]


async def test_several_workers_never_hold_the_same_order(runtime, shared_product, clock):
    bought = {await buy(shared_product, runtime, ask_for_order=True) for _ in range(3)}
    now = clock() + timedelta(seconds=1)
    claimed = await asyncio.gather(*(claim_order_query(now=now) for _ in range(6)))
    held = [query.instance_id for query in claimed if query is not None]
    assert len(held) == len(set(held))
    while (query := await claim_order_query(now=now)) is not None:
        held.append(query.instance_id)
    assert sorted(held) == sorted(bought)


async def test_the_work_of_a_killed_worker_is_taken_up_after_its_lease(runtime, shared_product, clock):
    await buy(shared_product, runtime, ask_for_order=True)
    now = clock() + timedelta(seconds=1)
    first = await claim_order_query(now=now)
    assert await claim_order_query(now=now + timedelta(minutes=1, seconds=59)) is None
    again = await claim_order_query(now=now + timedelta(minutes=2))
    assert again.instance_id == first.instance_id
    assert (first.attempts, again.attempts) == (1, 2)


async def test_the_delay_doubles_up_to_six_hours(runtime, shared_product, clock):
    await buy(shared_product, runtime, ask_for_order=True)
    now, delays = clock() + timedelta(seconds=1), []
    for _ in range(15):
        query = await claim_order_query(now=now)
        await record_order_failure(query, error="no", now=now)
        [row] = await waiting()
        delays.append((row["due_at"] - now).total_seconds())
        now = row["due_at"]
    assert delays[:4] == [10, 20, 40, 80]
    assert delays[-2:] == [21_600, 21_600]
    assert delays == sorted(delays)


async def test_an_answer_about_an_older_order_leaves_the_newer_question(runtime, shared_product, clock):
    instance_id = await buy(shared_product, runtime, ask_for_order=True)
    query = await claim_order_query(now=clock() + timedelta(seconds=1))
    await change_order(
        shared_product, instance_id, order_id="CS2", order_line_id="2", ask_for_order=True, push=a_push()
    )
    await record_order(query, details={"order_id": query.order_id}, expires_at=None, now=clock())
    await record_order_failure(query, error="late", now=clock() + timedelta(days=1))
    [row] = await waiting()
    assert (row["order_id"], row["attempts"], row["last_error"]) == ("CS2", 0, None)


async def test_nobody_asks_about_a_released_instance(runtime, shared_product, clock):
    instance_id = await buy(shared_product, runtime, ask_for_order=True)
    await release_instance(shared_product, instance_id, push=a_push())
    assert await claim_order_query(now=clock() + timedelta(seconds=1)) is None
