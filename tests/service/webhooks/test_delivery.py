"""Delivery from the log to a receiver: all of it, in order, signed, and again until it is accepted."""

import json
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from tenancy.database import NO_TENANT
from tests.receivers import answer, half_an_answer, in_turn, open_receiver, redirect, sometimes, verified
from tests.service.webhooks.deliveries import (
    attempts_of,
    deliver_due,
    delivering,
    endpoint_row,
    new_tenant,
    numbers,
    streams_of,
    told,
    write_events,
    write_system_event,
)


@pytest.fixture
async def receiver():
    async with open_receiver() as receiver:
        yield receiver


async def test_every_event_arrives_once_and_in_order(endpoints, receiver, delivery, tenant, clock):
    endpoint = await endpoints.make(receiver.url, tenants=[tenant])
    for count in (1, 3, 120):
        await write_events(tenant, count, clock)
    await deliver_due(delivery, clock)
    assert numbers(receiver, tenant) == list(range(1, 125))
    stream = (await streams_of(endpoint))[tenant]
    assert (stream["position"], stream["target"], stream["due_at"], stream["lease"]) == (124, 124, None, None)
    assert len(await attempts_of(endpoint)) == 124


async def test_a_message_tells_the_event_as_the_log_does_and_the_library_verifies_it(
    endpoints, receiver, delivery, tenant, frozen
):
    endpoint = await endpoints.make(receiver.url, tenants=[tenant])
    receiver.plan = verified(endpoints.secrets[endpoint])
    await write_events(tenant, 1, frozen)
    await deliver_due(delivery, frozen)
    [request] = receiver.requests
    at = frozen().isoformat().replace("+00:00", "Z")
    assert json.loads(request.body) == {
        "tenant_id": str(tenant),
        "number": 1,
        "type": "group.added",
        "at": at,
        "subject": "0",
        "data": {"id": "g0", "name": "组 0"},
        "previous": None,
        "cause": {"actor": "operator:test"},
    }
    assert request.headers["webhook-id"] == f"evt_{tenant.hex}_1"
    assert [attempt["status"] for attempt in await attempts_of(endpoint)] == [200]


async def test_an_endpoint_of_all_tenants_is_told_of_those_that_come_later_and_of_what_belongs_to_none(
    endpoints, receiver, delivery, tenant, clock
):
    await write_events(tenant, 2, clock)
    endpoint = await endpoints.make(receiver.url)
    newcomer = await new_tenant(clock)
    await write_events(tenant, 1, clock)
    await write_events(newcomer, 2, clock)
    await write_system_event(clock)
    await deliver_due(delivery, clock)
    assert numbers(receiver, tenant) == [3]
    assert numbers(receiver, newcomer) == [1, 2]
    # Its own making is in the log of what belongs to no tenant, too.
    assert len(numbers(receiver, NO_TENANT)) == 2
    bodies = [json.loads(request.body) for request in receiver.requests]
    assert {body["type"] for body in bodies if body["tenant_id"] is None} == {"endpoint.added", "token.made"}
    assert {row["position"] == row["target"] for row in (await streams_of(endpoint)).values()} == {True}


async def test_an_endpoint_of_chosen_tenants_is_told_of_no_others(
    endpoints, receiver, delivery, tenant, clock
):
    await endpoints.make(receiver.url, tenants=[tenant])
    other = await new_tenant(clock)
    await write_events(other, 1, clock)
    await write_events(tenant, 1, clock)
    await write_system_event(clock)
    await deliver_due(delivery, clock)
    assert told(receiver) == [(tenant, 1)]


async def test_shadow_tenants_are_told_of_only_where_they_are_named(
    endpoints, receiver, delivery, tenant, clock
):
    earlier, later = await new_tenant(clock, is_test=True), await new_tenant(clock, is_test=True)
    await write_events(earlier, 1, clock)
    everywhere = await endpoints.make(f"{receiver.url}all")
    await endpoints.make(f"{receiver.url}named", tenants=[earlier, later])
    for shadow in (earlier, later):
        await write_events(shadow, 1, clock)
    await deliver_due(delivery, clock)
    heard = [
        (request.path, tenant_id)
        for request, (tenant_id, _) in zip(receiver.requests, told(receiver), strict=True)
    ]
    assert sorted(one for one in heard if one[1] in {earlier, later}) == sorted(
        [("/named", earlier), ("/named", later)]
    )
    refused = await endpoints.replay(everywhere, earlier, 0)
    assert (refused.status_code, refused.json()["code"]) == (422, "tenant_not_told")
    await endpoints.change(everywhere, enabled=False)
    await endpoints.change(everywhere, enabled=True)
    assert not {earlier, later} & set(await streams_of(everywhere))


async def test_types_that_are_not_wanted_are_passed_over_without_an_attempt(
    endpoints, receiver, delivery, tenant, clock
):
    exact = await endpoints.make(f"{receiver.url}exact", tenants=[tenant], types=["group.renamed"])
    await endpoints.make(f"{receiver.url}all", tenants=[tenant], types=["group.*", "member.added"])
    for type_ in ("group.added", "group.renamed", "department.added", "group.added", "member.removed"):
        await write_events(tenant, 1, clock, type_=type_)
    await deliver_due(delivery, clock)
    heard = {"/exact": [], "/all": []}
    for request in receiver.requests:
        heard[request.path].append(json.loads(request.body)["number"])
    assert heard == {"/exact": [2], "/all": [1, 2, 4]}
    assert (await streams_of(exact))[tenant]["position"] == 5
    assert len(await attempts_of(exact)) == 1


async def test_a_refused_event_holds_back_those_after_it_and_is_told_again_until_it_is_accepted(
    endpoints, receiver, delivery, tenant, frozen
):
    endpoint = await endpoints.make(receiver.url, tenants=[tenant])
    receiver.plan = in_turn(
        answer(), answer(500, b"no\x00\x1b[2J"), half_an_answer(), redirect("/x"), answer()
    )
    await write_events(tenant, 3, frozen)
    started = frozen()
    for seconds in (0, 4.9, 5, 34.9, 35, 154.9, 155):
        frozen.freeze(started + timedelta(seconds=seconds))
        await deliver_due(delivery, frozen)
    assert numbers(receiver, tenant) == [1, 2, 2, 2, 2, 3]
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(set(ids)) == 3
    tried = await attempts_of(endpoint)
    seconds = [(attempt["at"] - started).total_seconds() for attempt in tried]
    assert seconds == [0, 0, 5, 35, 155, 155]
    assert [attempt["status"] for attempt in tried] == [200, 500, None, 302, 200, 200]
    assert all(attempt["error"] for attempt in tried[1:4])
    assert tried[1]["answer"].startswith("no")
    stream = (await streams_of(endpoint))[tenant]
    assert (stream["failures"], stream["failing_since"]) == (0, None)
    assert (await endpoint_row(endpoint))["failures"] == 0


async def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one_alone(
    endpoints, receiver, delivery, tenant, clock
):
    endpoint = await endpoints.make(receiver.url, tenants=[tenant])
    old = endpoints.secrets[endpoint]
    new = (await endpoints.ask("POST", f"/{endpoint}/secrets")).json()["secret"]
    await write_events(tenant, 1, clock)
    await deliver_due(delivery, clock)
    assert (await endpoints.ask("DELETE", f"/{endpoint}/secrets/old")).status_code == 204
    await write_events(tenant, 1, clock)
    await deliver_due(delivery, clock)
    during, after = receiver.requests
    for secret in (old, new):
        Webhook(secret).verify(during.body, dict(during.headers))
    Webhook(new).verify(after.body, dict(after.headers))
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(old).verify(after.body, dict(after.headers))


async def test_with_one_percent_success_everything_arrives_in_order(endpoints, delivery, tenant, frozen):
    """Given up after three days of failures, the endpoint is enabled again each time."""
    async with open_receiver(sometimes(0.01, seed=1)) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 3, frozen)
        given_up = 0
        for _ in range(3000):
            await deliver_due(delivery, frozen)
            row, stream = await endpoint_row(endpoint), (await streams_of(endpoint))[tenant]
            if stream["due_at"] is None:
                break
            if row["enabled"]:
                frozen.freeze(max(stream["due_at"], row["paused_until"] or stream["due_at"]))
            else:
                given_up += 1
                assert frozen() - stream["failing_since"] >= timedelta(days=3)
                await endpoints.change(endpoint, enabled=True)
        seen = numbers(receiver, tenant)
        assert (seen, set(seen)) == (sorted(seen), {1, 2, 3})
        assert given_up > 3
        accepted = [attempt["number"] for attempt in await attempts_of(endpoint) if attempt["error"] is None]
        assert accepted == [1, 2, 3]


async def test_what_is_committed_arrives_within_the_poll(endpoints, receiver, wide_app, tenant, clock):
    await endpoints.make(receiver.url, tenants=[tenant])
    async with delivering(wide_app.state.runtime, poll=0.05):
        for count in range(1, 6):
            await write_events(tenant, 1, clock)
            await receiver.wait_for(count)
    assert numbers(receiver, tenant) == [1, 2, 3, 4, 5]
