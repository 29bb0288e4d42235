"""Calls at the same time: tenants never meet, repetitions count once, any interleaving converges."""

import asyncio
from collections import Counter
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy.bindings import Place, TenantFacts, bind_tenant
from tenancy.database import tenant_scope
from tenancy.department_rows import read_tree
from tenancy.departments import put_department
from tenancy.errors import Conflict, NotFound, TenantErased
from tenancy.instance_rows import read_instance
from tenancy.member_facts import MemberFacts
from tenancy.releases import end_released_bindings, release_instance
from tenancy.syncs import sync_departments
from tenancy.tree import Department
from tests.tenancy.directories import expected
from tests.tenancy.histories import Message, histories
from tests.tenancy.locks import held
from tests.tenancy.pushing import a_push, buy, moment, order


async def owned_rows(tenant_id, table):
    async with tenant_scope(tenant_id) as db:
        return await db.fetch(f"SELECT * FROM {table}")


async def test_tenants_pushed_at_once_on_two_connections_never_see_a_row_of_each_other(
    new_directory, pool_of_two
):
    directories = [new_directory() for _ in range(8)]
    for directory in directories:
        await directory.deliver(Message("bind", 0, 0, "one"))
        await directory.deliver(Message("put_app", 0, 1, ("app-1", "client")))
    tenants = {directory: await directory.tenant_id() for directory in directories}

    def work(directory):
        mark = directory.external_id
        listed = [Department(f"{mark}-{number}", mark) for number in range(20)]
        people = [MemberFacts(f"{mark}-{number}", {"name": mark}) for number in range(20)]
        yield Message("list_departments", 0, 2, listed)
        yield Message("grant", 0, 3, ("app-1", people))
        yield Message("put_department", 0, 4, Department(f"{mark}-new", mark))
        yield Message("cancelled", 0, 5, ("app-1", people[:5]))

    async def look(directory):
        for _ in range(4):
            seen = {node.name for node in await read_tree(tenants[directory])}
            assert seen <= {directory.external_id}
            await asyncio.sleep(0)

    calls = [directory.deliver(message) for directory in directories for message in work(directory)]
    await asyncio.gather(*calls, *(look(directory) for directory in directories))

    for directory, tenant_id in tenants.items():
        departments = await owned_rows(tenant_id, "department")
        assert {row["code"].split("-")[0] for row in departments} == {directory.external_id}
        assert len(departments) == 21
        members = await owned_rows(tenant_id, "member")
        assert {row["user_name"].split("-")[0] for row in members} == {directory.external_id}
        words = Counter(row["state"] for row in await owned_rows(tenant_id, "authorisation"))
        assert words == {"granted": 15, "cancelled": 5}
        assert len(await owned_rows(tenant_id, "push")) == 6
        for table in ("department", "member", "authorisation", "push", "event", "app", "binding"):
            assert {row["tenant_id"] for row in await owned_rows(tenant_id, table)} == {tenant_id}


async def test_of_identical_pushes_at_once_one_is_applied(new_directory):
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    place, at = directory.places[0], moment(5)
    listed = [Department("D1", "one"), Department("D2", "two", "D1")]
    outcomes = await asyncio.gather(
        *(sync_departments(place, listed, at=at, push=a_push(at)) for _ in range(8)),
    )
    assert Counter(outcome.verdict for outcome in outcomes) == {"applied": 1, "unchanged": 7}
    added = [
        row
        for row in await owned_rows(await directory.tenant_id(), "event")
        if row["type"] == "department.added"
    ]
    assert sorted(row["subject"] for row in added) == ["D1", "D2"]


async def test_of_identical_first_bindings_at_once_one_makes_the_tenant(new_directory):
    directory = new_directory()
    facts = TenantFacts(code="one", name="one", domain_name="https://one.example")
    outcomes = await asyncio.gather(
        *(bind_tenant(directory.places[0], facts, at=moment(0), push=a_push(moment(0))) for _ in range(8))
    )
    assert Counter(outcome.verdict for outcome in outcomes) == {"applied": 1, "unchanged": 7}
    assert outcomes[0].counts in ({}, {"tenant.added": 1, "binding.added": 1})


async def test_a_full_list_against_newer_changes_at_once_keeps_the_newer_ones(new_directory):
    for _ in range(5):
        directory = new_directory()
        await directory.deliver(Message("bind", 0, 0, "one"))
        listed = [Department(f"D{number}", "listed") for number in range(50)]
        changes = [Message("put_department", 1, 20 + n, Department(f"D{n}", "changed")) for n in range(10)]
        changes += [Message("remove_department", 1, 30 + n, f"D{n + 10}") for n in range(5)]
        await directory.deliver(Message("bind", 1, 1, "one"))
        messages = [*changes[:8], Message("list_departments", 0, 10, listed), *changes[8:]]
        await asyncio.gather(*(directory.deliver(message) for message in messages))
        names = Counter(node.name for node in await read_tree(await directory.tenant_id()))
        assert names == {"listed": 35, "changed": 10}


@hypothesis_settings(max_examples=25)
@given(told=histories(length=12))
async def test_messages_delivered_all_at_once_end_in_the_state_of_their_history(
    told, new_directory, pool_of_two
):
    history, pending = told
    directory = new_directory()
    while pending:
        results = await asyncio.gather(*map(directory.deliver, pending), return_exceptions=True)
        refused = [message for message, result in zip(pending, results, strict=True) if result is not None]
        for result in results:
            assert result is None or isinstance(result, NotFound | Conflict), result
        assert len(refused) < len(pending)
        pending = refused
    assert await directory.read() == expected(history.model)


@hypothesis_settings(max_examples=10)
@given(same_business_id=st.booleans())
async def test_concurrent_orders_of_one_line_open_one_instance(same_business_id, runtime, shared_product):
    order_id, business_id = uuid4().hex, str(uuid4())

    def send():
        said = business_id if same_business_id else str(uuid4())
        return order(shared_product, runtime, order_id=order_id, order_line_id="1", business_id=said)

    opened = await asyncio.gather(*(send() for _ in range(6)))
    assert len({instance.instance_id for instance in opened}) == 1


async def test_order_lines_with_one_business_id_get_instances_of_their_own(runtime, shared_product):
    business_id = str(uuid4())
    opened = await asyncio.gather(
        *(
            order(
                shared_product,
                runtime,
                order_id=business_id,
                order_line_id=str(number),
                business_id=business_id,
            )
            for number in range(4)
        )
    )
    assert len({instance.instance_id for instance in opened}) == 4
    assert business_id in {instance.instance_id for instance in opened}


async def test_concurrent_identical_purchases_over_http_make_one_instance(marketplace, api, product):
    body = {"activity": "newInstance", "orderId": "CS1", "orderLineId": "CS1-1", "businessId": "b" * 32}
    answers = await asyncio.gather(*(marketplace.base(body) for _ in range(4)))
    assert {answer.code for answer in answers} == {"000000"}
    assert len({answer.body["instanceId"] for answer in answers}) == 1
    listed = (await api.get("/v1/instances", params={"product": product})).json()["items"]
    assert len(listed) == 1


async def test_a_binding_that_races_a_release_is_ended_by_the_sweep(runtime, shared_product):
    instance_id = await buy(shared_product, runtime)
    place = Place(product=shared_product, instance_id=instance_id, external_id=uuid4().hex)
    facts = TenantFacts(code="one", name="one", domain_name="https://one.example")
    now = runtime.clock()
    await asyncio.gather(
        release_instance(shared_product, instance_id, push=a_push()),
        bind_tenant(place, facts, at=now, push=a_push(now)),
        return_exceptions=True,
    )
    await end_released_bindings(now=runtime.clock())
    found = await read_instance(instance_id)
    assert (found.state, found.tenants) == ("released", [])


async def test_a_tenant_held_up_by_a_change_stays_readable_and_holds_up_no_other(new_directory):
    busy, other = new_directory(), new_directory()
    for directory in (busy, other):
        await directory.deliver(Message("bind", 0, 0, "one"))
    place, at = busy.places[0], moment(5)
    async with held(await busy.tenant_id()):
        waiting = asyncio.create_task(put_department(place, Department("D1", "one"), at=at, push=a_push(at)))
        await asyncio.gather(
            *(other.deliver(Message("put_department", 0, 5, Department(f"D{n}", "one"))) for n in range(3))
        )
        assert len(await read_tree(await other.tenant_id())) == 3
        assert await read_tree(await busy.tenant_id()) == []
        assert not waiting.done()
    assert (await waiting).verdict == "applied"


async def test_a_push_for_an_erased_tenant_whose_id_is_remembered_is_refused_once(new_directory):
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    tenant_id = await directory.tenant_id()
    async with tenant_scope(tenant_id, changing=True) as db:
        await db.execute("DELETE FROM binding")
        await db.execute("DELETE FROM tenant WHERE id = $1", tenant_id)
    with pytest.raises(TenantErased):
        await directory.deliver(Message("bind", 0, 5, "one"))
    await directory.deliver(Message("bind", 0, 5, "one"))
    assert await directory.tenant_id() != tenant_id
