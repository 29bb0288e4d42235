"""Calls to addresses that others configure: what a peer can do to the caller, and what is never told."""

import asyncio
import gzip
import logging
import ssl
import traceback

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client

from service.outgoing import make_client, open_transport
from sso.errors import UpstreamUnreachable
from tests.receivers import (
    Reply,
    answer,
    drip,
    endless,
    half_an_answer,
    hang,
    in_turn,
    open_receiver,
    raw,
    reset,
)
from tests.service.outgoing_clients import opened, refused
from tests.service.webhooks.senders import NO_CERTIFICATES, Resolver

NAME = "idp.example.com"
MOST = 256 * 1024


async def test_what_is_sent_arrives_and_what_is_answered_comes_back():
    async with (
        open_receiver(answer(201, b'{"a":1}', headers=["x-told: yes"])) as receiver,
        opened() as client,
    ):
        response = await client.post(f"{receiver.url}in?q=1", data={"k": "v v"}, headers={"x-said": "yes"})

    request = receiver.requests[0]
    assert (request.path, request.body, request.headers["x-said"]) == ("/in?q=1", b"k=v+v", "yes")
    assert (response.status_code, response.json(), response.headers["x-told"]) == (201, {"a": 1}, "yes")


@pytest.mark.parametrize("plan", [hang(), drip(0.02), Reply(pieces=[b"H"] * 1000, pause=0.02)])
async def test_a_peer_that_is_silent_or_drips_ends_with_the_time_of_the_call(plan):
    async with open_receiver(plan) as receiver, opened(total=0.3) as client:
        began = asyncio.get_running_loop().time()
        why = await refused(client, receiver.url)
        await receiver.wait_until(lambda: not receiver.open_connections)

    assert why == "No complete answer came within 0.3 s."
    assert asyncio.get_running_loop().time() - began < 5


async def test_waiting_for_a_place_counts_too():
    async with open_receiver(hang()) as receiver, opened(total=0.5, busy_per_origin=1) as client:
        began = asyncio.get_running_loop().time()
        whys = await asyncio.gather(*(refused(client, receiver.url) for _ in range(10)))

    # One after the other they would take 5 s.
    assert set(whys) == {"No complete answer came within 0.5 s."}
    assert asyncio.get_running_loop().time() - began < 4


@pytest.mark.parametrize("plan", [endless(), answer(200, b"x" * (MOST + 1)), endless(status=500)])
async def test_an_answer_that_is_too_long_is_not_read_on(plan):
    async with open_receiver(plan) as receiver, opened() as client:
        assert await refused(client, receiver.url) == "The answer is longer than 256 KiB."
        await receiver.wait_until(lambda: not receiver.open_connections)


async def test_an_answer_may_have_256_kib():
    async with open_receiver(answer(200, b"x" * MOST)) as receiver, opened() as client:
        assert len((await client.get(receiver.url)).content) == MOST


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity, gzip"])
async def test_a_compressed_answer_is_refused_and_never_unpacked(coding):
    bomb = gzip.compress(b"0" * 10_000_000)
    async with (
        open_receiver(answer(200, bomb, headers=[f"content-encoding: {coding}"])) as receiver,
        opened() as client,
    ):
        why = await refused(client, receiver.url, headers={"accept-encoding": "gzip"})
        await receiver.wait_until(lambda: not receiver.open_connections)

    assert why == "The answer is compressed, although the request has ruled that out."
    assert receiver.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "plan",
    [
        reset(),
        half_an_answer(),
        raw(b"SMTP ready\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"),
    ],
)
async def test_an_answer_that_breaks_off_is_no_answer(plan):
    async with open_receiver(plan) as receiver, opened() as client:
        why = await refused(client, receiver.url)

    assert why in {
        "The answer broke off, or was not HTTP/1.1.",
        "The connection was closed before an answer came.",
    }


async def test_a_cookie_is_not_kept():
    async with open_receiver(answer(headers=["set-cookie: a=b; Path=/"])) as receiver, opened() as client:
        for _ in range(2):
            assert "set-cookie" not in (await client.get(receiver.url)).headers

    assert [request.headers.get("cookie") for request in receiver.requests] == [None, None]


async def test_calls_share_a_connection_and_one_that_was_closed_while_idle_is_replaced():
    async with open_receiver() as receiver, opened() as client:
        for _ in range(3):
            await client.post(receiver.url, data={"a": "b"})
        assert receiver.connections == 1
        receiver.drop_connections(reset=True)
        assert (await client.post(receiver.url, data={"a": "b"})).status_code == 200

    assert (receiver.connections, receiver.count) == (2, 4)


async def test_a_connection_that_closes_instead_of_answering_is_replaced_once_only():
    async with open_receiver(in_turn(answer(), reset())) as receiver, opened() as client:
        await client.get(receiver.url)
        assert await refused(client, receiver.url) == "The connection was closed before an answer came."

    assert receiver.count == 3


async def test_a_call_that_is_given_up_closes_its_connection():
    async with open_receiver(drip(0.01)) as receiver, opened() as client:
        call = asyncio.create_task(client.get(receiver.url))
        await receiver.wait_for(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await receiver.wait_until(lambda: not receiver.open_connections)


async def test_the_environment_names_no_proxy(monkeypatch):
    async with open_receiver() as proxy, open_receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with opened() as client:
            await client.get(receiver.url)

    assert (proxy.connections, receiver.count) == (0, 1)


async def test_an_oauth_client_over_the_transport_is_guarded_and_leaves_it_open(monkeypatch):
    token = b'{"access_token": "at", "token_type": "Bearer"}'
    async with (
        open_receiver(answer(200, token)) as receiver,
        open_receiver() as proxy,
        open_transport(
            allow_http=True, allow_private=False, resolve=Resolver(["10.0.0.1"]), ssl_context=NO_CERTIFICATES
        ) as guarded,
        open_transport(allow_http=True, allow_private=True, ssl_context=NO_CERTIFICATES) as wide,
    ):
        monkeypatch.setenv("http_proxy", proxy.url)
        for _ in range(2):
            async with AsyncOAuth2Client("client", "hush", transport=wide) as client:
                got = await client.fetch_token(f"{receiver.url}token", code="code")
                assert got["access_token"] == "at"
        async with AsyncOAuth2Client("client", "hush", transport=guarded) as client:
            with pytest.raises(UpstreamUnreachable, match="not public"):
                await client.fetch_token(f"http://{NAME}:{receiver.port}/token", code="code")

    assert (receiver.connections, receiver.count, proxy.connections) == (1, 2, 0)


@pytest.mark.parametrize(
    "plan", [hang(), reset(), endless(), answer(200, b"hush-body", headers=["content-encoding: br"])]
)
async def test_nothing_that_is_sent_or_answered_is_told_or_logged(caplog, plan):
    caplog.set_level(logging.DEBUG)
    async with open_receiver(plan) as receiver, opened(total=0.3) as client:
        with pytest.raises(UpstreamUnreachable) as caught:
            await client.post(
                f"{receiver.url}hush-path",
                data={"client_secret": "hush-form"},
                headers={"authorization": "Bearer hush-header"},
            )

    assert "hush" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert caught.value.__context__ is None
    assert "hush" not in caplog.text


async def test_a_header_that_cannot_be_sent_is_not_told():
    async with open_receiver() as receiver, opened() as client:
        why = await refused(client, receiver.url, headers={"authorization": "hush\r\nx: y"})

    assert why == "The request cannot be written as HTTP/1.1."
    assert receiver.count == 0


async def test_the_usual_limits_are_short():
    async with open_transport(
        allow_http=False, allow_private=False, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ) as transport:
        assert (transport._limits.total, transport._limits.connect) == (5.0, 3.0)
        assert not make_client(transport).follow_redirects
