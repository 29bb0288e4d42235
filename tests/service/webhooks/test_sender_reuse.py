"""Connections kept between webhooks, and the bounds of their number."""

import asyncio
import gc

import pytest

from service.webhooks.connections import Connection
from tests.receivers import Reply, answer, half_an_answer, hang, in_turn, open_receiver, reset
from tests.service.webhooks.senders import opened, post


async def test_one_connection_serves_many_webhooks_one_after_another():
    async with open_receiver(answer(200, b"x" * 1024)) as receiver, opened() as sender:
        for _ in range(20):
            assert (await post(sender, receiver.url)).accepted

        assert receiver.connections == 1


async def test_an_answer_that_is_too_long_to_read_costs_its_connection():
    async with open_receiver(answer(200, b"x" * 1025)) as receiver, opened() as sender:
        for _ in range(3):
            sent = await post(sender, receiver.url)
            assert (sent.accepted, len(sent.start)) == (True, 1024)

        assert receiver.connections == 3


async def test_a_receiver_that_closes_after_each_answer_gets_a_new_connection_each_time():
    async with open_receiver(answer(close=True)) as receiver, opened() as sender:
        for _ in range(5):
            assert (await post(sender, receiver.url)).accepted

        assert receiver.connections == 5


async def test_a_connection_that_the_receiver_closed_while_it_was_idle_is_no_failure():
    async with open_receiver() as receiver, opened() as sender:
        for is_reset in (False, True, False):
            assert (await post(sender, receiver.url)).accepted
            receiver.drop_connections(reset=is_reset)

            assert (await post(sender, receiver.url)).accepted
    assert receiver.count == 6


async def test_a_request_that_crosses_the_closing_of_an_idle_connection_is_sent_once_more():
    for ending in (reset(), Reply(ending="close")):
        async with open_receiver(in_turn(answer(), ending, answer())) as receiver, opened() as sender:
            assert (await post(sender, receiver.url)).accepted
            sent = await post(sender, receiver.url, b"second")

            assert sent.accepted
            assert [received.body for received in receiver.requests] == [b"{}", b"second", b"second"]
            assert [received.connection for received in receiver.requests] == [1, 1, 2]


async def test_it_is_sent_once_more_only():
    async with open_receiver(in_turn(answer(), reset())) as receiver, opened() as sender:
        await post(sender, receiver.url)
        sent = await post(sender, receiver.url)

    assert sent.error == "The connection was closed before an answer came."
    assert receiver.count == 3


async def test_a_failure_after_the_first_byte_or_on_a_new_connection_is_not_repeated():
    async with open_receiver() as receiver, opened() as sender:
        receiver.plan = reset()
        assert (await post(sender, receiver.url)).status is None
        assert receiver.count == 1

        receiver.plan = in_turn(answer(), Reply(b"H", ending="close"))
        await post(sender, receiver.url)
        assert (await post(sender, receiver.url)).status is None
        assert receiver.count == 3


async def test_a_silent_receiver_on_a_kept_connection_is_not_asked_again():
    async with open_receiver(in_turn(answer(), hang())) as receiver, opened(total=0.2) as sender:
        await post(sender, receiver.url)
        sent = await post(sender, receiver.url)

    assert sent.error == "No answer came within 0.2 s."
    assert receiver.count == 2


async def test_a_slow_receiver_fills_its_own_places_only():
    narrow = opened(busy=8, busy_per_origin=4)
    async with open_receiver(hang()) as slow, open_receiver() as quick, narrow as sender:
        waiting = [asyncio.create_task(post(sender, slow.url)) for _ in range(20)]
        await slow.wait_for(4)
        for _ in range(20):
            sent = await post(sender, quick.url)
            assert sent.accepted
            assert sent.duration_ms < 5000
        assert slow.connections == 4
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_waiting_for_a_place_is_not_the_receivers_fault():
    async with open_receiver(answer(delay=0.2)) as receiver, opened(total=0.7, busy=1) as sender:
        sent = await asyncio.gather(*(post(sender, receiver.url) for _ in range(4)))

    assert all(one.accepted and one.duration_ms < 700 for one in sent)


async def test_no_more_connections_are_kept_than_the_bound():
    async with open_receiver(answer(delay=0.05)) as receiver, opened(idle=2) as sender:
        sent = await asyncio.gather(*(post(sender, receiver.url) for _ in range(6)))
        assert all(one.accepted for one in sent)
        await receiver.wait_until(lambda: len(receiver.open_connections) == 2)
        await asyncio.gather(*(post(sender, receiver.url) for _ in range(2)))

        assert receiver.connections == 6


async def test_a_connection_that_cannot_serve_again_takes_no_room():
    closing = open_receiver(answer(close=True))
    async with closing as receiver, open_receiver() as other, opened(idle=1) as sender:
        await post(sender, receiver.url)
        for _ in range(3):
            await post(sender, other.url)

        assert other.connections == 1


async def test_nothing_is_kept_of_connections_that_failed():
    plan = in_turn(reset(), half_an_answer(), answer(close=True))
    async with open_receiver(plan) as receiver, opened() as sender:
        for _ in range(3):
            await post(sender, receiver.url)
        gc.collect()

        kept = [one for one in gc.get_objects() if isinstance(one, Connection)]
        assert not [one for one in kept if one.origin[2] == receiver.port]


async def test_closing_the_sender_closes_its_connections_and_those_in_use():
    async with open_receiver(hang()) as receiver:
        async with opened() as sender:
            waiting = asyncio.create_task(post(sender, receiver.url))
            await receiver.wait_for(1)
        sent = await waiting
        await receiver.wait_until(lambda: not receiver.open_connections)

        assert (sent.status, sent.duration_ms < 5000) == (None, True)
        with pytest.raises(RuntimeError, match="closed"):
            await post(sender, receiver.url)


async def test_a_farewell_on_an_idle_connection_is_not_taken_for_an_answer():
    """Some servers say 408 to a connection on which nothing came, then close it."""
    farewell = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    for ending in ("keep", "close"):
        async with open_receiver() as receiver, open_receiver() as other, opened() as sender:
            await post(sender, receiver.url)
            receiver.say(farewell, ending)
            await post(sender, other.url)  # meanwhile the farewell arrives

            assert (await post(sender, receiver.url)).status == 200
            assert receiver.connections == 2
