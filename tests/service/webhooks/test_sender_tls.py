"""TLS: the host name of the URL is proven, whatever address it leads to."""

from datetime import timedelta

import pytest

from tests.receivers import open_receiver, raw
from tests.service.webhooks.certificates import Authority
from tests.service.webhooks.senders import Resolver, opened, post

NAME = "hooks.example.com"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def receiving(authority, tmp_path):
    """Opens a receiver that proves these names."""
    return lambda *names, **options: open_receiver(ssl_context=authority.server(tmp_path, *names, **options))


@pytest.fixture
def sending(authority):
    """Opens a sender that trusts the authority of the test and finds all names on loopback."""
    return lambda **options: opened(
        allow_http=False, resolve=Resolver(["127.0.0.1"]), ssl_context=authority.trusted(), **options
    )


async def test_a_receiver_that_proves_its_name_is_called_over_one_connection(receiving, sending):
    async with receiving(NAME) as receiver, sending() as sender:
        for _ in range(5):
            sent = await post(sender, f"https://{NAME}:{receiver.port}/in", b"body" * 10_000)
            assert sent.accepted

    assert receiver.connections == 1
    assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"


async def test_a_receiver_that_proves_its_address_is_called_by_it(receiving, sending):
    async with receiving("127.0.0.1") as receiver, sending() as sender:
        assert (await post(sender, receiver.url)).accepted


@pytest.mark.parametrize("name", ["other.example.com", "127.0.0.1", "example.com", "*.example.org"])
async def test_a_certificate_for_another_name_is_refused(receiving, sending, name):
    async with receiving(name) as receiver, sending() as sender:
        sent = await post(sender, f"https://{NAME}:{receiver.port}/")

    assert (sent.status, receiver.count) == (None, 0)
    assert sent.error.startswith("The certificate does not prove the host name: ")
    assert "mismatch" in sent.error


async def test_a_certificate_of_an_unknown_authority_is_refused(receiving):
    context = Authority().trusted()
    everywhere = Resolver(["127.0.0.1"])
    async with receiving(NAME) as receiver, opened(resolve=everywhere, ssl_context=context) as sender:
        sent = await post(sender, f"https://{NAME}:{receiver.port}/")

    assert (sent.status, receiver.count) == (None, 0)
    assert "certificate" in sent.error


async def test_the_systems_certificates_are_asked_when_none_are_given(receiving):
    everywhere = Resolver(["127.0.0.1"])
    async with receiving(NAME) as receiver, opened(resolve=everywhere, ssl_context=None) as sender:
        sent = await post(sender, f"https://{NAME}:{receiver.port}/")

    assert (sent.status, receiver.count) == (None, 0)
    assert "certificate" in sent.error


async def test_an_expired_certificate_is_refused(receiving, sending):
    async with receiving(NAME, age=timedelta(days=2)) as receiver, sending() as sender:
        sent = await post(sender, f"https://{NAME}:{receiver.port}/")

    assert sent.error.endswith("certificate has expired.")


async def test_a_receiver_without_tls_is_not_called_in_the_clear(sending):
    async with open_receiver(raw(b"HTTP/1.1 400 Bad\r\n\r\n")) as receiver, sending(connect=0.3) as sender:
        sent = await post(sender, f"https://{NAME}:{receiver.port}/")

    assert (sent.status, receiver.count) == (None, 0)
    assert sent.error in {"The TLS handshake failed.", "Connecting took more than 0.3 s."}


async def test_a_handshake_that_hangs_ends_with_the_time_to_connect(sending):
    async with open_receiver() as receiver, sending(connect=0.2) as sender:
        sent = await post(sender, f"https://{NAME}:{receiver.port}/")

    assert sent.error == "Connecting took more than 0.2 s."


async def test_a_tls_connection_that_was_closed_while_idle_is_no_failure(receiving, sending):
    async with receiving(NAME) as receiver, sending() as sender:
        for is_reset in (False, True, False):
            assert (await post(sender, f"https://{NAME}:{receiver.port}/")).accepted
            receiver.drop_connections(reset=is_reset)
