"""Where endpoints are in the log, over HTTP: from the present on, interrupted, moved, and shown."""

from tenancy.database import system_scope
from tests.receivers import answer, in_turn, open_receiver
from tests.service.webhooks.deliveries import (
    attempts_of,
    deliver_due,
    new_tenant,
    numbers,
    streams_of,
    write_events,
)

URL = "https://receiver.example/hooks"


async def test_an_endpoint_that_was_disabled_goes_on_where_it_was(endpoints, delivery, tenant, clock):
    async with open_receiver() as receiver:
        endpoint = await endpoints.make(receiver.url)
        await write_events(tenant, 1, clock)
        await deliver_due(delivery, clock)
        disabled = await endpoints.change(endpoint, enabled=False)
        assert (disabled["enabled"], disabled["disabled_reason"]) == (
            False,
            "An administrator has disabled it.",
        )
        newcomer = await new_tenant(clock)
        await write_events(tenant, 2, clock)
        await write_events(newcomer, 2, clock)
        await deliver_due(delivery, clock)
        assert numbers(receiver, tenant) == [1]
        enabled = await endpoints.change(endpoint, enabled=True)
        assert (enabled["disabled_at"], enabled["disabled_reason"]) == (None, None)
        await deliver_due(delivery, clock)
        assert numbers(receiver, tenant) == [1, 2, 3]
        assert numbers(receiver, newcomer) == [1, 2]


async def test_other_tenants_are_told_of_from_the_present_on(endpoints, delivery, tenant, clock):
    async with open_receiver() as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        other = await new_tenant(clock)
        await write_events(tenant, 1, clock)
        await write_events(other, 3, clock)
        await endpoints.change(endpoint, tenants=[str(other)])
        await write_events(other, 1, clock)
        await write_events(tenant, 1, clock)
        await deliver_due(delivery, clock)
        assert (numbers(receiver, tenant), numbers(receiver, other)) == ([], [4])
        await endpoints.change(endpoint, tenants=None)
        await write_events(tenant, 1, clock)
        await write_events(other, 1, clock)
        await deliver_due(delivery, clock)
        assert (numbers(receiver, tenant), numbers(receiver, other)) == ([3], [4, 5])


async def test_events_are_told_again_from_a_number_or_left_out(endpoints, delivery, tenant, clock):
    async with open_receiver() as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 4, clock)
        await deliver_due(delivery, clock)
        assert (await endpoints.replay(endpoint, tenant, 2)).status_code == 204
        await deliver_due(delivery, clock)
        await write_events(tenant, 3, clock)
        assert (await endpoints.replay(endpoint, tenant, 6)).status_code == 204
        await deliver_due(delivery, clock)
        assert numbers(receiver, tenant) == [1, 2, 3, 4, 3, 4, 7]


async def test_a_replay_is_refused_where_there_is_no_log(endpoints, tenant, clock):
    endpoint = await endpoints.make(URL, tenants=[tenant])
    await write_events(tenant, 4, clock)
    other = await new_tenant(clock)
    for tenant_id, after, status, code in (
        (tenant, 5, 422, "events_ahead"),
        (tenant, -1, 422, "invalid_request"),
        (other, 0, 422, "tenant_not_told"),
        (None, 0, 422, "tenant_not_told"),
    ):
        refused = await endpoints.replay(endpoint, tenant_id, after)
        assert (refused.status_code, refused.json()["code"]) == (status, code), (tenant_id, after)


async def test_a_replay_of_what_is_not_kept_any_more_is_refused(endpoints, tenant, clock):
    endpoint = await endpoints.make(URL, tenants=[tenant])
    await write_events(tenant, 4, clock)
    async with system_scope() as db:
        await db.execute("DELETE FROM event WHERE tenant_id = $1 AND number <= 2", tenant)
    refused = await endpoints.replay(endpoint, tenant, 1)
    assert (refused.status_code, refused.json()["code"]) == (410, "events_removed")
    assert (await endpoints.replay(endpoint, tenant, 2)).status_code == 204


async def test_attempts_are_shown_newest_first_and_by_what_came_of_them(endpoints, delivery, tenant, clock):
    other = await new_tenant(clock)
    async with open_receiver(in_turn(answer(200, b"thanks"), answer(503, b"later"), answer())) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant, other])
        for tenant_id in (tenant, tenant, other):
            await write_events(tenant_id, 1, clock)
            await deliver_due(delivery, clock)

        async def ask(**params):
            answered = await endpoints.ask("GET", f"/{endpoint}/attempts", params=params)
            assert answered.status_code == 200, answered.text
            return answered.json()

        everything = (await ask())["items"]
        assert [(one["tenant_id"], one["number"], one["status"]) for one in everything] == [
            (str(other), 1, 200),
            (str(tenant), 2, 503),
            (str(tenant), 1, 200),
        ]
        assert [one["answer"] for one in everything] == ["", "later", "thanks"]
        assert [one["error"] is None for one in everything] == [True, False, True]
        assert all(one["duration_ms"] >= 0 for one in everything)
        assert (await ask(failed=True))["items"] == [everything[1]]
        assert (await ask(failed=False, tenant=str(tenant)))["items"] == [everything[2]]
        first = await ask(limit=2)
        assert first["items"] == everything[:2]
        assert (await ask(limit=2, cursor=first["next"]))["items"] == everything[2:]


async def test_streams_show_how_far_the_endpoint_is(endpoints, delivery, tenant, frozen):
    async with open_receiver(in_turn(answer(), answer(500))) as receiver:
        endpoint = await endpoints.make(receiver.url, tenants=[tenant])
        await write_events(tenant, 3, frozen)
        await deliver_due(delivery, frozen)
        [stream] = (await endpoints.ask("GET", f"/{endpoint}/streams")).json()["items"]
    since = frozen().isoformat().replace("+00:00", "Z")
    assert stream == {
        "tenant_id": str(tenant),
        "position": 1,
        "target": 3,
        "lag": 2,
        "due_at": stream["due_at"],
        "leased_until": None,
        "failures": 1,
        "failing_since": since,
    }
    assert stream["due_at"] > since


async def test_nothing_is_told_of_what_was_before(endpoints, delivery, tenant, clock):
    await write_events(tenant, 3, clock)
    async with open_receiver() as receiver:
        endpoint = await endpoints.make(receiver.url)
        await deliver_due(delivery, clock)
        assert numbers(receiver, tenant) == []
        assert (await streams_of(endpoint))[tenant]["position"] == 3
        assert [one["tenant_id"] for one in await attempts_of(endpoint) if one["tenant_id"] == tenant] == []
