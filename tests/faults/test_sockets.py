"""Bytes on a real socket: bodies without end, lengths that lie, clients that fall silent, header names."""

import asyncio
import contextlib
import json
import secrets
import time

import pytest

from service.koogallery.signing import body_sign, sign_base
from tests.faults.processes import serving
from tests.marketplace import BASE_KEY

pytestmark = pytest.mark.xdist_group("faults")

LIMIT = 32 * 1024 * 1024


class Socket:
    """One connection on which every byte is ours."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def read_answer(self):
        """The head as lines of bytes, and the body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
        lines = head.split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
        return lines, await self.reader.readexactly(length)

    async def read_code(self):
        lines, body = await self.read_answer()
        assert lines[0] == b"HTTP/1.1 200 OK", lines
        return json.loads(body)["resultCode"]


@pytest.fixture(scope="module")
async def server(own_servers, own_database, tmp_path_factory):
    """One process for all of these: what one client does must not harm the next."""
    async with serving(own_servers, tmp_path_factory.mktemp("server")) as process:
        yield process


@pytest.fixture
async def connect(server):
    writers = []

    async def opened():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writers.append(writer)
        return Socket(reader, writer)

    yield opened
    for writer in writers:
        writer.close()


def head(path, *lines, method="POST"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: tenon.test", *lines, "", ""]).encode("latin-1")


def signed(path, body):
    nonce, stamp = secrets.token_hex(8), str(int(time.time() * 1000))
    signature = sign_base(BASE_KEY, nonce=nonce, timestamp=stamp, payload=body)
    return f"{path}?signature={signature}&timestamp={stamp}&nonce={nonce}"


async def test_the_answer_names_its_signature_exactly_body_sign(connect, far_marketplace):
    body = b'{"activity":"queryInstance","instanceId":"unknown"}'
    socket = await connect()
    path = signed(far_marketplace.address, body)
    await socket.send(head(path, f"Content-Length: {len(body)}") + body)
    lines, content = await socket.read_answer()
    assert json.loads(content)["resultCode"] == "000003"
    assert f"Body-Sign: {body_sign(BASE_KEY, content)}".encode() in lines


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused_before_it_has_come(connect, server, far_marketplace, chunked):
    socket = await connect()
    before = server.resident()
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {4 * 1024**3}"
    await socket.send(head(far_marketplace.address, framing))
    part = b"x" * 1024 * 1024
    piece = b"%x\r\n%s\r\n" % (len(part), part) if chunked else part
    answer = asyncio.create_task(socket.read_code())
    sent = highest = 0
    while not answer.done() and sent < 4 * LIMIT:
        await socket.send(piece)
        await asyncio.sleep(0)
        sent += len(part)
        highest = max(highest, server.resident())
    assert await answer == "000002"
    assert sent < LIMIT + 16 * len(part)
    assert highest - before < 3 * LIMIT


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_let_go(connect, far_marketplace):
    socket = await connect()
    await socket.send(head(far_marketplace.address, "Content-Length: 100") + b"{")
    socket.writer.write_eof()
    assert await asyncio.wait_for(socket.reader.read(), 10) == b""


async def test_a_length_that_promises_less_than_comes_is_refused(connect, far_marketplace):
    body = b'{"activity":"queryInstance","instanceId":"unknown"}'
    socket = await connect()
    path = signed(far_marketplace.address, body)
    await socket.send(head(path, f"Content-Length: {len(body) - 1}") + body)
    assert await socket.read_code() == "000002"
    assert await asyncio.wait_for(socket.reader.read(), 10) == b""


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -1",),
        ("Content-Length: 99999999999999999999999",),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, gzip",),
        ("No colon",),
        ("\x00: 1",),
    ],
)
async def test_framing_that_contradicts_itself_ends_the_connection(connect, far_marketplace, lines):
    socket = await connect()
    await socket.send(head(far_marketplace.address, *lines) + b"{}")
    assert await socket.read_code() in {"000001", "000002"}


async def test_a_client_that_stops_sending_still_gets_its_answer(connect, far_marketplace):
    body = b'{"activity":"queryInstance","instanceId":"unknown"}'
    socket = await connect()
    path = signed(far_marketplace.address, body)
    await socket.send(head(path, f"Content-Length: {len(body)}") + body)
    socket.writer.write_eof()
    assert await socket.read_code() == "000003"


async def test_a_client_that_breaks_off_leaves_nothing_behind(connect, server, client, far_marketplace):
    for _ in range(50):
        socket = await connect()
        await socket.send(head(far_marketplace.address, "Content-Length: 1000") + b"{")
        socket.writer.transport.abort()
    assert (await client.get("/health/ready")).status_code == 200
    assert not [event for event in server.events() if event["level"] == "error"]


@pytest.mark.parametrize("size", [50_000, 100_000, 900_000])
async def test_a_long_query_is_answered(connect, far_marketplace, size):
    socket = await connect()
    await socket.send(head(f"{far_marketplace.address}?a={'x' * size}", method="GET"))
    assert await socket.read_code() in {"000001", "000002"}


@pytest.mark.parametrize("start", ["GET /koogallery/x?a=", "GET /koogallery/x HTTP/1.1\r\nA: "])
async def test_a_head_without_end_is_refused(connect, server, start):
    socket = await connect()
    await socket.send(start.encode())
    answer = asyncio.create_task(socket.reader.read())
    sent = 0
    while not answer.done() and sent < LIMIT:
        sent += 65536
        with contextlib.suppress(ConnectionError):
            await socket.send(b"x" * 65536)
        await asyncio.sleep(0.001)
    assert sent < 4 * 1024 * 1024


async def test_what_is_not_http_is_a_problem_outside_the_marketplace_routes(connect):
    socket = await connect()
    await socket.send(head("/v1/products", "No colon", method="GET"))
    lines, body = await socket.read_answer()
    assert lines[0] == b"HTTP/1.1 400 Bad Request"
    assert b"content-type: application/problem+json" in lines
    assert json.loads(body)["code"] == "http_400"


@pytest.mark.parametrize(
    "path", ["/koogallery/\xff", "/koogallery/%", "/koogallery/%zz?%", "//koogallery//", "*"]
)
async def test_an_address_that_is_none_does_not_hang(connect, server, path):
    socket = await connect()
    await socket.send(head(path, "Connection: close", method="GET"))
    answer = await asyncio.wait_for(socket.reader.read(), 10)
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 404", b"HTTP/1.1 400")), answer
    assert not [event for event in server.events() if event["level"] in {"error", "critical"}]


async def test_ten_thousand_headers_are_answered(connect, far_marketplace):
    socket = await connect()
    lines = [f"X-{number}: {'v' * 50}" for number in range(10_000)]
    await socket.send(head(far_marketplace.address, *lines, "Content-Length: 2") + b"{}")
    assert await socket.read_code() == "000002"
