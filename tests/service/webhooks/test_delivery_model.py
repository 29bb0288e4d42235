"""Random histories of one endpoint: every arrival is what a simple model expects, and none is missing."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tenancy.claims import claim_streams
from tenancy.retries import AWAY_FROM, retry_delay
from tests.receivers import answer, open_receiver
from tests.service.webhooks.deliveries import (
    deliver_due,
    endpoint_row,
    new_tenant,
    open_delivery,
    streams_of,
    write_events,
)

TENANTS = 2
WANTED, UNWANTED = "group.added", "department.added"

places = st.integers(0, TENANTS - 1)
steps = st.one_of(
    st.tuples(st.just("write"), places, st.integers(1, 4), st.sampled_from([WANTED, WANTED, UNWANTED])),
    st.tuples(st.just("answers"), places, st.sampled_from([200, 204, 404, 500])),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 31, 61, 400, 4000])),
    st.tuples(st.just("replay"), places, st.floats(0, 1)),
    st.just(("crash",)),
    st.just(("off",)),
    st.just(("on",)),
)


class Model:
    """What the receiver has been told of each tenant, and what has to come next."""

    def __init__(self, tenants, clock):
        self.tenants = tenants
        self.clock = clock
        self.logs = [[] for _ in tenants]
        self.told = [0] * len(tenants)
        self.status = [200] * len(tenants)
        self.due = [None] * len(tenants)
        self.failures = [0] * len(tenants)
        self.in_a_row = 0
        self.was_away = False
        self.wrong = []

    def next_of(self, place):
        wanted = [
            number
            for number, type_ in enumerate(self.logs[place], 1)
            if number > self.told[place] and type_ == WANTED
        ]
        return wanted[0] if wanted else None

    def arrive(self, request):
        """Judge a request and answer it."""
        _, tenant, number = request.headers["webhook-id"].split("_")
        place, number = [one.hex for one in self.tenants].index(tenant), int(number)
        if number != self.next_of(place):
            self.wrong.append((place, number, self.next_of(place)))
        due = self.due[place]
        if due is not None and self.clock() < due and not self.was_away:
            self.wrong.append((place, number, due))
        status = self.status[place]
        if status < 300:
            self.told[place], self.failures[place], self.due[place] = number, 0, None
            self.in_a_row = 0
        else:
            self.failures[place] += 1
            self.due[place] = self.clock() + retry_delay(self.failures[place], jitter=0)
            self.in_a_row += 1
            self.was_away |= self.in_a_row >= AWAY_FROM
        return answer(status)

    def forget_delay(self, place):
        self.failures[place], self.due[place] = 0, None


@settings(max_examples=40)
@given(history=st.lists(steps, min_size=8, max_size=30))
async def test_every_arrival_is_the_expected_one_and_in_the_end_all_has_arrived(
    endpoints, wide_app, frozen, history
):
    tenants = [await new_tenant(frozen) for _ in range(TENANTS)]
    model = Model(tenants, frozen)
    async with open_receiver(model.arrive) as receiver, open_delivery(wide_app.state.runtime) as delivery:
        endpoint = await endpoints.make(receiver.url, tenants=tenants, types=["group.*"])
        for step in history:
            await take(step, model, endpoints, endpoint)
            await deliver_due(delivery, frozen)
            assert model.wrong == []
        model.status = [200] * TENANTS
        await take(("off",), model, endpoints, endpoint)
        await take(("on",), model, endpoints, endpoint)
        frozen.freeze(frozen() + timedelta(minutes=6))
        await deliver_due(delivery, frozen)
        assert model.wrong == []
        assert [model.next_of(place) for place in range(TENANTS)] == [None] * TENANTS
        rows = await streams_of(endpoint)
        logged = {tenant: len(log) for tenant, log in zip(tenants, model.logs, strict=True) if log}
        assert {tenant: rows[tenant]["position"] for tenant in logged} == logged
        assert {row["due_at"] for row in rows.values()} <= {None}
        await endpoints.ask("DELETE", f"/{endpoint}")


async def take(step, model, endpoints, endpoint):
    clock = model.clock
    match step:
        case ("write", place, count, type_):
            await write_events(model.tenants[place], count, clock, type_=type_)
            model.logs[place] += [type_] * count
        case ("answers", place, status):
            model.status[place] = status
        case ("wait", seconds):
            clock.freeze(clock() + timedelta(seconds=seconds))
        case ("replay", place, share):
            after = round(share * len(model.logs[place]))
            assert (await endpoints.replay(endpoint, model.tenants[place], after)).status_code == 204
            model.told[place] = after
            model.forget_delay(place)
        case ("crash",):
            # A worker takes what it can and is never heard of again.
            await claim_streams(
                held={},
                most_per_endpoint=2,
                most_healthy=2,
                most_failing=2,
                now=clock(),
                duration=timedelta(seconds=60),
            )
        case ("off" | "on",):
            before = (await endpoint_row(endpoint))["enabled"]
            await endpoints.change(endpoint, enabled=step == ("on",))
            if step == ("on",) and not before:
                model.in_a_row = 0
                for place in range(TENANTS):
                    model.forget_delay(place)
