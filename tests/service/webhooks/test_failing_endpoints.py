"""Endpoints that fail: they wait, are paused, given up and come back, and never delay the others."""

import asyncio
import time
from datetime import timedelta

import pytest

from tenancy.database import system_scope
from tests.pages import every_item
from tests.receivers import answer, hang, in_turn, open_receiver, reset
from tests.service.webhooks.deliveries import (
    attempts_of,
    deliver_due,
    delivering,
    endpoint_row,
    new_tenant,
    numbers,
    open_delivery,
    streams_of,
    write_events,
)


def ahead(clock, **span):
    clock.freeze(clock() + timedelta(**span))


async def tenants_with_events(count, clock):
    tenants = [await new_tenant(clock) for _ in range(count)]
    for tenant in tenants:
        await write_events(tenant, 1, clock)
    return tenants


async def test_a_dead_endpoint_is_tried_less_and_less_with_one_event_at_a_time(
    endpoints, delivery, clock, frozen
):
    async with open_receiver(answer(503)) as receiver:
        tenants = [await new_tenant(clock) for _ in range(30)]
        endpoint = await endpoints.make(receiver.url, tenants=tenants)
        for tenant in tenants:
            await write_events(tenant, 2, frozen)
        await deliver_due(delivery, frozen)
        # Eight at once, and those were under way before the first had failed.
        assert 5 <= receiver.count <= 12
        row = await endpoint_row(endpoint)
        assert (row["failures"], row["paused_until"] - frozen()) == (5, timedelta(seconds=5))
        for pause in (30, 120, 300, 300):
            before = receiver.count
            frozen.freeze((await endpoint_row(endpoint))["paused_until"] - timedelta(milliseconds=1))
            await deliver_due(delivery, frozen)
            assert receiver.count == before
            ahead(frozen, milliseconds=1)
            await deliver_due(delivery, frozen)
            assert receiver.count == before + 1
            row = await endpoint_row(endpoint)
            assert row["paused_until"] - frozen() == timedelta(seconds=pause)
        # Each try is with an event that has not failed yet, so that one bad event does not stand for all.
        tried = [attempt["tenant_id"] for attempt in await attempts_of(endpoint)]
        assert len(set(tried)) == len(tried)


async def test_the_first_success_brings_everything_back_at_once(endpoints, delivery, frozen):
    tenants = [await new_tenant(frozen) for _ in range(20)]
    async with open_receiver(answer(503)) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=tenants)
        for tenant in tenants:
            await write_events(tenant, 2, frozen)
        for _ in range(8):
            await deliver_due(delivery, frozen)
            frozen.freeze((await endpoint_row(endpoint))["paused_until"])
        assert (await endpoint_row(endpoint))["failures"] >= 8
        receiver.plan = answer()
        before = receiver.count
        await deliver_due(delivery, frozen)
        assert receiver.count == before + 40
        row = await endpoint_row(endpoint)
        assert (row["failures"], row["paused_until"]) == (0, None)
        assert {stream["due_at"] for stream in (await streams_of(endpoint)).values()} == {None}


async def test_one_tenant_whose_event_is_always_refused_holds_up_no_other_and_keeps_its_delay(
    endpoints, delivery, frozen
):
    refused, *others = [await new_tenant(frozen) for _ in range(4)]
    async with open_receiver(
        lambda request: answer(422 if refused.hex in request.headers["webhook-id"] else 200)
    ) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[refused, *others])
        await write_events(refused, 1, frozen)
        for minute in range(60):
            for tenant in others:
                await write_events(tenant, 1, frozen)
            await deliver_due(delivery, frozen)
            assert [len(numbers(receiver, tenant)) for tenant in others] == [minute + 1] * 3
            ahead(frozen, minutes=1)
        # After 0 s, 5 s, 35 s, 2.6 min, 12.6 min and 42.6 min.
        assert len(numbers(receiver, refused)) == 6
        assert (await endpoint_row(endpoint))["enabled"]


async def test_a_new_event_does_not_shorten_the_wait_of_the_one_before(endpoints, delivery, tenant, frozen):
    async with open_receiver(answer(500)) as receiver:
        await endpoints.make(receiver.url, tenants=[tenant])
        for _ in range(5):
            await write_events(tenant, 1, frozen)
            await deliver_due(delivery, frozen)
            ahead(frozen, seconds=0.9)
        assert receiver.count == 1
        ahead(frozen, seconds=0.5)
        await deliver_due(delivery, frozen)
        assert numbers(receiver, tenant) == [1, 1]


async def test_many_tenants_that_are_always_refused_do_not_starve_one_that_is_not(
    endpoints, delivery, frozen
):
    good, *bad = [await new_tenant(frozen) for _ in range(40)]
    async with open_receiver(
        lambda request: answer(200 if good.hex in request.headers["webhook-id"] else 404)
    ) as receiver:
        await endpoints.make(receiver.url, tenants=[good, *bad])
        for tenant in bad:
            await write_events(tenant, 1, frozen)
        await deliver_due(delivery, frozen)
        for number in range(1, 21):
            ahead(frozen, seconds=1)
            await write_events(good, 1, frozen)
            for _ in range(11):
                await deliver_due(delivery, frozen)
                ahead(frozen, seconds=30)
            assert len(numbers(receiver, good)) == number
        assert receiver.count < 600


@pytest.mark.parametrize("plan", [answer(500), reset()])
async def test_after_three_days_the_endpoint_is_disabled_with_a_reason_and_an_event(
    endpoints, api, delivery, tenant, frozen, plan
):
    async with open_receiver(plan) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 2, frozen)
        started = frozen()
        while (row := await endpoint_row(endpoint))["enabled"]:
            await deliver_due(delivery, frozen)
            stream = (await streams_of(endpoint))[tenant]
            frozen.freeze(max(stream["due_at"], row["paused_until"] or stream["due_at"]))
            assert frozen() - started < timedelta(days=4)
        assert row["disabled_at"] - started >= timedelta(days=3)
        shown = (await endpoints.ask("GET", f"/{endpoint}")).json()
        assert shown["disabled_reason"] == "An event has not been accepted for 3 days."
        audit = await every_item(api, "/v1/audit", action="endpoint.disabled")
        [entry] = [one for one in audit if one["subject"] == endpoint]
        assert entry["by"] == {"actor": "system"}
        assert entry["after"]["disabled_reason"] == shown["disabled_reason"]
        before = receiver.count
        ahead(frozen, days=30)
        await deliver_due(delivery, frozen)
        assert receiver.count == before
        # Enabled again, it misses nothing.
        receiver.plan = answer()
        await endpoints.change(endpoint, enabled=True)
        await deliver_due(delivery, frozen)
        assert numbers(receiver, tenant)[before:] == [1, 2]


async def test_a_dead_endpoint_of_many_tenants_is_disabled_after_three_days_too(endpoints, delivery, frozen):
    tenants = [await new_tenant(frozen) for _ in range(300)]
    async with open_receiver(answer(500)) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=tenants)
        for tenant in tenants:
            await write_events(tenant, 1, frozen)
        await deliver_due(delivery, frozen)
        ahead(frozen, days=3)
        await deliver_due(delivery, frozen)
        assert not (await endpoint_row(endpoint))["enabled"]


async def test_a_receiver_that_says_it_is_gone_is_believed(endpoints, delivery, tenant, frozen):
    async with open_receiver(answer(410)) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 1, frozen)
        await deliver_due(delivery, frozen)
        row = await endpoint_row(endpoint)
        assert (row["enabled"], row["disabled_reason"]) == (False, "The receiver has answered 410 Gone.")


async def test_endpoints_that_hang_do_not_delay_another(endpoints, wide_app, tenant, clock):
    others = [await new_tenant(clock) for _ in range(16)]
    async with open_receiver(hang()) as dead, open_receiver() as alive:
        for number in range(20):
            await endpoints.make(f"{dead.url}{number}", tenants=others)
        await endpoints.make(alive.url, tenants=[tenant])
        async with delivering(wide_app.state.runtime, limits={"total": 2.0, "busy_per_origin": 512}):
            for other in others:
                await write_events(other, 1, clock)
            await dead.wait_for(20)
            for count in range(1, 11):
                began = time.monotonic()
                await write_events(tenant, 1, clock)
                await alive.wait_for(count)
                assert time.monotonic() - began < 1


async def test_failing_endpoints_have_a_budget_of_their_own(endpoints, wide_app, tenant, frozen):
    async with open_receiver(answer(500)) as dead, open_receiver() as alive:
        others = await tenants_with_events(8, frozen)
        failing = [await endpoints.make(f"{dead.url}{number}", tenants=others) for number in range(6)]
        await endpoints.make(alive.url, tenants=[tenant])
        # However slow this machine is, a receiver that hangs does so for longer than the other is told.
        patient = {"limits": {"total": 30.0}, "failing": 2, "healthy": 1}
        async with open_delivery(wide_app.state.runtime, **patient) as delivery:
            for other in others:
                await write_events(other, 1, frozen)
            await deliver_due(delivery, frozen)
            for endpoint in failing:
                assert (await endpoint_row(endpoint))["failures"] >= 5
            dead.plan = hang()
            ahead(frozen, minutes=10)
            before = dead.count
            await write_events(tenant, 3, frozen)
            telling = asyncio.create_task(delivery.work())
            try:
                await alive.wait_for(3)
                hanging = dead.requests[before:]
                assert len(hanging) <= 2, [(one.path, one.at) for one in hanging]
            finally:
                # Whatever has failed, no delivery may go on into the next test.
                telling.cancel()
                dead.drop_connections(reset=True)
                await asyncio.wait([telling])


async def test_a_secret_that_cannot_be_decrypted_is_a_failure_that_says_so(
    endpoints, delivery, tenant, frozen, api
):
    async with open_receiver(in_turn(answer())) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 1, frozen)
        async with system_scope() as db:
            await db.execute(
                "UPDATE endpoint SET secrets = $1 WHERE id = $2", b"\x03old" + bytes(40), endpoint
            )
        await deliver_due(delivery, frozen)
        assert receiver.count == 0
        [attempt] = await attempts_of(endpoint)
        assert "cannot be decrypted" in attempt["error"]
