"""What a sender makes of receivers, good ones and bad ones."""

import asyncio
import gzip
import socket
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.webhooks.pool import Limits
from service.webhooks.signing import make_secret
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
    redirect,
    reset,
    sometimes,
    verified,
)
from tests.service.webhooks.senders import opened, post
from tests.service.webhooks.test_signing import signed


async def test_a_webhook_arrives_as_it_was_signed_and_is_accepted():
    secret = make_secret()
    body = '{"subject":"示例"}'.encode()
    async with open_receiver(verified(secret, answer(200, b"thanks"))) as receiver, opened() as sender:
        sent = await sender.send(
            receiver.url + "in?x=%20", headers=signed(secrets=[secret], body=body), body=body
        )

    assert (sent.status, sent.start, sent.error, sent.accepted) == (200, "thanks", None, True)
    assert 0 <= sent.duration_ms < 5000
    received = receiver.requests[0]
    assert (received.path, received.body) == ("/in?x=%20", body)
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"] == "Tenon"
    assert received.headers["accept-encoding"] == "identity"


async def test_a_receiver_that_does_not_recognise_the_signature_has_not_accepted():
    async with open_receiver(verified(make_secret())) as receiver, opened() as sender:
        sent = await sender.send(receiver.url, headers=signed(body=b"{}"), body=b"{}")

    assert (sent.status, sent.accepted) == (401, False)
    assert "signature" in sent.start


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_status_of_success_is_accepted(status):
    async with open_receiver(answer(status)) as receiver, opened() as sender:
        sent = await post(sender, receiver.url)

    assert (sent.status, sent.error, sent.accepted) == (status, None, True)


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503, 600, 999])
async def test_any_other_status_is_a_failure_that_says_so(status):
    async with open_receiver(answer(status, b"no")) as receiver, opened() as sender:
        sent = await post(sender, receiver.url)

    assert (sent.status, sent.start, sent.accepted) == (status, "no", False)
    assert sent.error == f"The receiver answered with status {status}."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_not_followed(status):
    async with open_receiver() as other, open_receiver(redirect(other.url, status)) as it, opened() as sender:
        sent = await post(sender, it.url)

    assert (sent.status, sent.accepted, other.connections) == (status, False, 0)
    assert "redirects are not followed" in sent.error


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        (reset(), "The connection was closed before an answer came."),
        (raw(b""), "The connection was closed before an answer came."),
        (half_an_answer(), "The answer broke off, or was not HTTP/1.1."),
        (raw(b"SSH-2.0-server\r\n"), "The answer broke off, or was not HTTP/1.1."),
        (raw(b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n"), "The answer broke off, or was not HTTP/1.1."),
        (raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 500_000), "The answer broke off, or was not HTTP/1.1."),
    ],
)
async def test_a_faulty_receiver_is_described_in_plain_words(plan, error):
    async with open_receiver(plan) as receiver, opened() as sender:
        sent = await post(sender, receiver.url)

    assert (sent.status, sent.start, sent.error, sent.accepted) == (None, "", error, False)


@pytest.mark.parametrize("plan", [hang(), drip(0.05, status=100), Reply(b"HTTP/1.1 200 O"), answer(delay=5)])
async def test_a_receiver_that_gives_no_status_in_time_costs_the_time_limit_only(plan):
    async with open_receiver(plan) as receiver, opened(total=0.3) as sender:
        sent = await post(sender, receiver.url)

    assert (sent.status, sent.error) == (None, "No answer came within 0.3 s.")
    assert 290 <= sent.duration_ms < 3000


async def test_a_closed_port_is_a_refused_connection():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        async with opened() as sender:
            sent = await post(sender, f"http://127.0.0.1:{reserved.getsockname()[1]}/")

    assert (sent.status, sent.error) == (None, "The connection was refused.")


async def test_a_receiver_that_does_not_let_anyone_in_costs_the_time_to_connect_only():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.socket() as first, socket.socket() as second:
            for waiting in (first, second):
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            async with opened(connect=0.2) as sender:
                sent = await post(sender, f"http://127.0.0.1:{full.getsockname()[1]}/")

    assert (sent.status, sent.error) == (None, "Connecting took more than 0.2 s.")
    assert 190 <= sent.duration_ms < 3000


async def test_the_status_counts_although_the_body_never_ends():
    async with open_receiver() as receiver, opened() as sender:
        for plan in (drip(0.05), drip(0.01, length=10**9), endless(), endless(b"")):
            receiver.plan = plan
            sent = await post(sender, receiver.url)

            assert (sent.status, sent.accepted) == (200, True)
            assert sent.duration_ms < 3000
            assert set(sent.start) <= {".", "x"}


async def test_an_endless_answer_costs_no_memory_and_its_connection_is_dropped():
    async with open_receiver(endless(b"x" * 2**20)) as receiver, opened() as sender:
        await post(sender, receiver.url)
        tracemalloc.start()
        sent = await asyncio.gather(*(post(sender, receiver.url) for _ in range(20)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert {len(one.start) for one in sent} == {1024}
        assert receiver.connections == 21
    assert peak < 20 * 2**20


async def test_an_answer_without_an_end_of_its_head_is_bounded_too():
    plan = raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000, ending="keep")
    async with open_receiver(plan) as receiver, opened() as sender:
        assert (await post(sender, receiver.url)).status is None


async def test_a_compressed_answer_is_not_unpacked():
    bomb = gzip.compress(b"0" * 10**7)
    plan = answer(200, bomb, headers=["content-encoding: gzip"])
    async with open_receiver(plan) as receiver, opened() as sender:
        sent = await post(sender, receiver.url)

    assert sent.accepted
    assert "000" not in sent.start


async def test_the_start_of_an_answer_is_printable_and_1024_bytes_at_most():
    body = "示\x00\x1b[31m\u202e\r\n\x7f\u2028".encode() + b"\xff" + "例".encode() * 1000
    async with open_receiver(answer(500, body)) as receiver, opened() as sender:
        sent = await post(sender, receiver.url)

    assert sent.start.startswith("示  [31m     \N{REPLACEMENT CHARACTER}例例")
    assert sent.start.isprintable()
    assert sent.start.endswith("例")
    assert 1020 <= len(sent.start.encode()) <= 1026


PIECES = (
    *(b"HTTP/1.1 ", b"200", b"101 x", b"100 c", b"\r\n", b"content-length: ", b"5", b"-1", b"\r\n\r\n", b"x"),
    *(b"transfer-encoding: chunked", b"connection: upgrade", b"upgrade: h2c", b"ffffffffffff"),
)


@settings(max_examples=100)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=60).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail),
        st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join),
    )
)
def test_no_answer_whatever_its_bytes_is_raised(data):
    async def attempt():
        async with open_receiver(raw(data)) as receiver, opened(total=0.2, body=0.05) as sender:
            return await post(sender, receiver.url), await post(sender, receiver.url)

    for sent in asyncio.run(attempt()):
        assert sent.accepted == (sent.status is not None and 200 <= sent.status < 300)
        assert sent.start.isprintable()


async def test_a_receiver_that_answers_before_it_has_read_everything_is_heard():
    async with open_receiver() as receiver, opened() as sender:
        early = await asyncio.start_server(_refuse_large_bodies, "127.0.0.1", 0)
        async with early:
            port = early.sockets[0].getsockname()[1]
            sent = await post(sender, f"http://127.0.0.1:{port}/", b"x" * 5_000_000)

        assert sent.status == 413
        assert (await post(sender, receiver.url)).accepted


async def test_cancelling_a_send_cancels_it_and_frees_its_place():
    async with open_receiver(hang()) as receiver, opened(busy=1) as sender:
        sending = asyncio.create_task(post(sender, receiver.url))
        await receiver.wait_for(1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        receiver.plan = answer()

        assert (await post(sender, receiver.url)).accepted


async def test_neither_proxies_nor_passwords_of_the_environment_are_used(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    async with open_receiver() as proxy, open_receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with opened() as sender:
            sent = await post(sender, receiver.url)

    assert sent.accepted
    assert proxy.connections == 0
    assert "authorization" not in receiver.requests[0].headers


async def test_cookies_are_not_kept():
    async with open_receiver(answer(headers=["set-cookie: a=b; path=/"])) as receiver, opened() as sender:
        await post(sender, receiver.url)
        await post(sender, receiver.url)

    assert not any("cookie" in received.headers for received in receiver.requests)


async def test_a_url_that_is_no_longer_allowed_is_a_failure_and_no_exception():
    async with open_receiver() as receiver, opened(allow_http=False) as sender:
        sent = await post(sender, receiver.url)

    assert (sent.status, sent.accepted, receiver.connections) == (None, False, 0)
    assert "https://" in sent.error


async def test_a_receiver_that_rarely_succeeds_is_reported_as_it_is():
    plan = sometimes(0.2, answer(), in_turn(answer(500), reset()))
    async with open_receiver(plan) as receiver, opened() as sender:
        sent = [await post(sender, receiver.url) for _ in range(100)]

    assert 5 < sum(one.accepted for one in sent) < 40
    assert {one.status for one in sent} == {200, 500, None}


def test_the_time_limits_are_those_that_were_promised():
    limits = Limits()

    assert (limits.total, limits.connect, limits.lifetime) == (15, 5, 30)


async def _refuse_large_bodies(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()
    await reader.read()
    writer.close()
