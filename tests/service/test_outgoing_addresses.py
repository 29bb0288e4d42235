"""Attempts to make outgoing calls reach what only we can reach, and what proves the peer."""

import asyncio

import pytest

from service.webhooks import connections
from tests.receivers import open_receiver, redirect
from tests.service.outgoing_clients import limits, open_outgoing, opened, refused
from tests.service.webhooks.certificates import Authority
from tests.service.webhooks.senders import Resolver

PRIVATE = "The host name leads to an address that is not public."
NAME = "idp.example.com"


@pytest.fixture
async def dialled(monkeypatch):
    """The addresses that were connected to; nothing but loopback is really connected to."""
    addresses = []
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def note(protocol, host, port, **options):
        if protocol.__module__ != connections.__name__:  # the database's and others'
            return await connect(protocol, host, port, **options)
        addresses.append(host)
        if host != "127.0.0.1":
            raise ConnectionRefusedError
        return await connect(protocol, host, port, **options)

    monkeypatch.setattr(loop, "create_connection", note)
    return addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
async def test_what_only_we_can_reach_is_not_called(dialled, host):
    async with open_receiver() as receiver, opened(allow_private=False) as client:
        why = await refused(client, f"http://{host}:{receiver.port}/")

    assert why == "The address may not be called. Its host must be public."
    assert (receiver.connections, dialled) == (0, [])


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["64:ff9b::7f00:1"]])
async def test_a_name_that_leads_to_any_private_address_is_not_called(dialled, addresses):
    async with opened(allow_private=False, resolve=Resolver(addresses)) as client:
        assert await refused(client, f"http://{NAME}/") == PRIVATE

    assert dialled == []


async def test_a_name_that_changes_after_the_check_does_not_lead_to_the_second_address(dialled):
    resolve = Resolver(["1.1.1.1"], ["127.0.0.1"])
    async with open_receiver() as receiver, opened(allow_private=False, resolve=resolve) as client:
        url = f"http://{NAME}:{receiver.port}/"
        assert await refused(client, url) == "The connection was refused."
        assert (resolve.asked, dialled) == ([NAME], ["1.1.1.1"])
        assert await refused(client, url) == PRIVATE

    assert (receiver.connections, dialled) == (0, ["1.1.1.1"])


@pytest.mark.parametrize(
    "url",
    ["http://idp.example.com/", "ftp://idp.example.com/", "https://user:hush@idp.example.com/"],
)
async def test_an_address_that_is_not_plain_https_is_not_called(dialled, url):
    async with opened(allow_http=False) as client:
        why = await refused(client, url)

    assert why.startswith("The address may not be called. It must be")
    assert "hush" not in why
    assert dialled == []


async def test_a_redirect_is_not_followed_even_by_a_client_that_follows():
    async with open_receiver() as inner, open_receiver(redirect(inner.url)) as receiver, opened() as client:
        response = await client.get(receiver.url, follow_redirects=True)

    assert (response.status_code, inner.connections) == (302, 0)
    assert "location" not in response.headers


async def test_tls_proves_the_name_whatever_address_it_leads_to(tmp_path):
    authority = Authority()
    context = authority.server(tmp_path, NAME)
    options = {"allow_http": False, "resolve": Resolver(["127.0.0.1"]), "ssl_context": authority.trusted()}
    async with open_receiver(ssl_context=context) as receiver, opened(**options) as client:
        for _ in range(2):
            assert (await client.get(f"https://{NAME}:{receiver.port}/")).status_code == 200
        why = await refused(client, f"https://other.example.com:{receiver.port}/")

    assert why.startswith("The certificate does not prove the host name: ")
    assert (receiver.connections, receiver.count) == (1, 2)


async def test_the_systems_certificates_are_asked_when_none_are_given(tmp_path):
    context = Authority().server(tmp_path, NAME)
    async with (
        open_receiver(ssl_context=context) as receiver,
        open_outgoing(
            allow_http=False, allow_private=True, resolve=Resolver(["127.0.0.1"]), limits=limits()
        ) as client,
    ):
        assert "certificate" in await refused(client, f"https://{NAME}:{receiver.port}/")


async def test_a_handshake_that_hangs_ends_with_the_time_to_connect():
    options = {"allow_http": False, "resolve": Resolver(["127.0.0.1"]), "connect": 0.2}
    async with open_receiver() as receiver, opened(**options) as client:
        why = await refused(client, f"https://{NAME}:{receiver.port}/")

    assert why == "Connecting took more than 0.2 s."


async def test_a_callers_header_does_not_change_whom_the_peer_thinks_it_is():
    async with open_receiver() as receiver, opened(resolve=Resolver(["127.0.0.1"])) as client:
        await client.get(f"http://IDP.example.com:{receiver.port}/", headers={"host": "other.example.com"})

    assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"
