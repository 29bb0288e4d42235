"""Conformance cases about buying an instance and asking for it (V2 base interfaces)."""

import asyncio
from datetime import timedelta

from service.simulator import base_calls
from service.simulator.calls import INVALID, PROCESSING, SUCCESS
from service.simulator.cases import Level, Registry
from service.simulator.context import Context, edited, instances, with_instance
from service.simulator.expectations import NotChecked, expect, expect_code

LONGEST_ID = 64
LONGEST_URL = 512
YEAR = timedelta(days=365)

registry = Registry()


@registry.case(1, Level.DOCUMENTED)
async def gives_an_id(context: Context) -> None:
    """A newInstance gives an instance id of at most 64 characters."""
    answer = await context.call(base_calls.new_instance(context.frame()))
    expect(
        holds=0 < len(answer.instance_id) <= LONGEST_ID,
        expected="an instanceId of 1 to 64 characters",
        came=repr(answer.members.get("instanceId")),
    )
    expect(
        holds=answer.content_type.startswith("application/json"),
        expected="Content-Type application/json",
        came=answer.content_type or "no Content-Type",
    )


@registry.case(2, Level.DOCUMENTED, unseen="that one instance is stored")
async def same_line_same_instance(context: Context) -> None:
    """The same order line with another businessId gives the same instance."""
    frame = await context.bought()
    again = await context.call(base_calls.new_instance(frame))
    expect(
        holds=again.instance_id == frame.buyer.instance_id,
        expected=f"instanceId {frame.buyer.instance_id}",
        came=again.instance_id or "none",
    )


@registry.case(3, Level.RECOMMENDED)
async def two_at_once(context: Context) -> None:
    """Two identical newInstance calls at once make one instance."""
    call = base_calls.new_instance(context.frame())
    answers = await asyncio.gather(context.call(call), context.call(call))
    ids = {answer.instance_id for answer in answers}
    expect(holds=len(ids) == 1 and "" not in ids, expected="the same id twice", came=", ".join(sorted(ids)))


@registry.case(4, Level.DOCUMENTED)
async def other_line_other_instance(context: Context) -> None:
    """Another line of the same order is another instance."""
    frame = await context.bought()
    second = edited(base_calls.new_instance(frame), orderLineId=f"{frame.buyer.order_id}-000002")
    answer = await context.call(second)
    expect(
        holds=answer.instance_id not in {"", frame.buyer.instance_id},
        expected=f"an instanceId other than {frame.buyer.instance_id}",
        came=answer.instance_id or "none",
    )


@registry.case(17, Level.RECOMMENDED)
async def unknown_activity(context: Context) -> None:
    """An unknown activity is an invalid parameter."""
    await context.call(base_calls.base_call(context.frame(), "danceInstance", {"instanceId": "x"}), INVALID)


@registry.case(31, Level.DOCUMENTED)
async def query_two(context: Context) -> None:
    """A queryInstance of two instances tells both front ends."""
    ids = [(await context.bought()).buyer.instance_id for _ in range(2)]
    answer = await context.call(base_calls.query_instance(context.frame(), *ids))
    found = {entry.instance_id: entry for entry in instances(answer)}
    expect(
        holds=set(ids) <= found.keys(),
        expected=f"info about {' and '.join(ids)}",
        came=", ".join(found) or "no info",
    )
    for entry in (found[instance_id] for instance_id in ids):
        url = entry.app_info.front_end_url if entry.app_info else ""
        expect(
            holds=0 < len(url) <= LONGEST_URL, expected="a frontEndUrl of 1 to 512 characters", came=repr(url)
        )


@registry.case(32, Level.SAMPLE)
async def query_too_many(context: Context) -> None:
    """A queryInstance of 101 instances, and of none, is invalid."""
    frame = context.frame()
    many = [f"none-{number:03}" for number in range(101)]
    await context.call(base_calls.query_instance(frame, *many), INVALID, to="queryInstance of 101")
    await context.call(base_calls.query_instance(frame, " "), INVALID, to="queryInstance of a blank")


@registry.case(33, Level.RECOMMENDED)
async def query_while_provisioning(context: Context) -> None:
    """A queryInstance while provisioning."""
    frame = context.frame()
    answer = await context.call(base_calls.new_instance(frame))
    if answer.result_code != PROCESSING:
        raise NotChecked("the vendor provisions at once, so there is nothing to see in between")
    query = base_calls.query_instance(with_instance(frame, answer.instance_id))
    queried = await context.marketplace.call(query)
    expect_code(queried, SUCCESS, PROCESSING)
