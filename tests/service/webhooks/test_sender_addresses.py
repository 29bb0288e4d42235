"""Attempts to make the sender call what only it can reach, and how names lead to addresses."""

import asyncio
import socket
import threading

import pytest

from service.webhooks import connections, lookups
from tests.receivers import answer, open_receiver, redirect
from tests.service.webhooks.senders import Resolver, opened, post

PRIVATE = "The host name leads to an address that is not public."


@pytest.fixture
async def dial(monkeypatch):
    """Replaces the opening of connections."""
    return lambda function: monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", function)


@pytest.fixture
async def dialled(dial):
    """The addresses that were connected to; nothing but loopback is really connected to."""
    addresses = []
    connect = asyncio.get_running_loop().create_connection

    async def note(protocol, host, port, **options):
        if protocol.__module__ != connections.__name__:  # the database's and others'
            return await connect(protocol, host, port, **options)
        addresses.append(host)
        if host not in {"127.0.0.1", "127.0.0.2", "::1"}:
            raise ConnectionRefusedError
        return await connect(protocol, host, port, **options)

    dial(note)
    return addresses


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/"]
)
async def test_loopback_is_never_called_by_its_address_or_its_name(dialled, url):
    async with open_receiver() as receiver, opened(allow_private=False) as sender:
        sent = await post(sender, url.format(receiver.port))

    assert (sent.status, sent.accepted, receiver.connections, dialled) == (None, False, 0, [])
    assert "must be public" in sent.error


@pytest.mark.parametrize(
    "addresses",
    [
        *(
            ["127.0.0.1"],
            ["::1"],
            ["10.0.0.1"],
            ["169.254.169.254"],
            ["fd00:ec2::254"],
            ["100.64.0.1"],
            ["0.0.0.0"],
        ),
        *(["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["2002:7f00:1::"]),
        # one that is not public among others, first, last or in between
        *(["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"], ["1.1.1.1", "::1", "2606:4700::1111"]),
        ["1.1.1.1"] * 20 + ["10.0.0.1"],
    ],
)
async def test_a_name_that_leads_to_any_address_that_is_not_public_is_not_called(dialled, addresses):
    async with opened(allow_private=False, resolve=Resolver(addresses)) as sender:
        sent = await post(sender, "http://hooks.example.com/")

    assert (sent.status, sent.error, dialled) == (None, PRIVATE, [])


async def test_a_name_that_changes_after_the_check_does_not_lead_to_the_second_address(dialled):
    resolve = Resolver(["1.1.1.1"], ["127.0.0.1"])
    async with open_receiver() as receiver, opened(allow_private=False, resolve=resolve) as sender:
        url = f"http://hooks.example.com:{receiver.port}/"
        first = await post(sender, url)
        asked_once = list(resolve.asked)
        second = await post(sender, url)

    # What was checked is what was dialled, with no look-up in between; the next attempt is checked anew.
    assert (asked_once, dialled) == (["hooks.example.com"], ["1.1.1.1"])
    assert first.error == "The connection was refused."
    assert second.error == PRIVATE
    assert receiver.connections == 0


async def test_the_system_is_asked_once_for_a_connection_and_never_for_the_name_when_connecting(monkeypatch):
    asked = []
    look_up = socket.getaddrinfo

    def note(host, *arguments, **options):
        asked.append(host)
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    async with open_receiver() as receiver, opened() as sender:
        sent = await post(sender, f"http://localhost:{receiver.port}/")

    assert sent.accepted
    assert asked.count("localhost") == 1


async def test_a_connection_keeps_to_its_address_until_it_is_too_old():
    resolve = Resolver(["127.0.0.1"], ["127.0.0.2"])
    async with open_receiver() as receiver, opened(resolve=resolve, lifetime=0.5) as sender:
        url = f"http://hooks.example.com:{receiver.port}/"
        for _ in range(3):
            assert (await post(sender, url)).accepted
        assert (receiver.connections, len(resolve.asked)) == (1, 1)

        await receiver.wait_until(lambda: not receiver.open_connections)
        sent = await post(sender, url)

    assert sent.error == "The connection was refused."
    assert len(resolve.asked) == 2


async def test_a_busy_connection_is_not_kept_beyond_its_time_either():
    async with open_receiver(answer(delay=0.05)) as receiver, opened(lifetime=0.1) as sender:
        for _ in range(6):
            assert (await post(sender, receiver.url)).accepted

    assert receiver.connections >= 2


async def test_a_redirect_to_something_private_is_not_followed():
    async with open_receiver() as inner, open_receiver(redirect(inner.url)) as receiver, opened() as sender:
        sent = await post(sender, receiver.url)

    assert (sent.status, sent.accepted, inner.connections) == (302, False, 0)


async def test_the_host_name_is_what_the_receiver_reads():
    async with open_receiver() as receiver, opened(resolve=Resolver(["127.0.0.1"])) as sender:
        await post(sender, f"http://Hooks.Example.com:{receiver.port}/")

    assert receiver.requests[0].headers["host"] == f"hooks.example.com:{receiver.port}"


async def test_the_next_address_is_called_when_the_first_is_dead(dialled):
    resolve = Resolver(["127.0.0.2", "127.0.0.1"])
    async with open_receiver() as receiver, opened(resolve=resolve) as sender:
        sent = await post(sender, f"http://hooks.example.com:{receiver.port}/")

    assert sent.accepted
    assert dialled == ["127.0.0.2", "127.0.0.1"]


async def test_a_silent_first_address_leaves_time_for_the_second(dial):
    connect = asyncio.get_running_loop().create_connection

    async def hang_at_first(protocol, host, port, **options):
        if host == "127.0.0.2":
            await asyncio.Event().wait()
        return await connect(protocol, host, port, **options)

    dial(hang_at_first)
    resolve = Resolver(["127.0.0.2", "127.0.0.1"])
    async with open_receiver() as receiver, opened(resolve=resolve, connect=0.2) as sender:
        sent = await post(sender, f"http://hooks.example.com:{receiver.port}/")

    assert sent.accepted


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "unknown"), OSError(), UnicodeError(), None])
async def test_a_name_that_is_not_found_is_a_failure(failure):
    async def resolve(host, port):
        if failure:
            raise failure
        return []

    async with opened(resolve=resolve) as sender:
        sent = await post(sender, "http://hooks.example.com/")

    assert (sent.status, sent.error) == (None, "The host name was not found.")


async def test_a_name_whose_server_is_silent_costs_one_thread_and_delays_no_other(monkeypatch):
    answered = threading.Event()
    asked = []

    def look_up(host, port, **_):
        asked.append(host)
        if host == "silent.example":
            answered.wait(10)
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(lookups.socket, "getaddrinfo", look_up)
    async with open_receiver() as receiver, opened(connect=0.5) as sender:
        silent = [asyncio.create_task(post(sender, "http://silent.example/")) for _ in range(50)]
        other = await post(sender, f"http://other.example:{receiver.port}/")
        assert other.accepted
        assert other.duration_ms < 500
        errors = {(await task).error for task in silent}
        answered.set()

    assert errors == {"Looking up the host name took more than 0.5 s."}
    assert asked.count("silent.example") == 1


async def test_the_address_of_an_inner_name_is_not_told():
    async with opened(allow_private=False, resolve=Resolver(["10.20.30.40"])) as sender:
        sent = await post(sender, "http://inner.example/")

    assert "10.20" not in sent.error
