"""Webhooks to one receiver on loopback: how many a second, and how soon after the commit they are there."""

import asyncio
import random
import statistics
import time
from collections import defaultdict
from datetime import UTC, datetime

import asyncpg
import msgspec
import uvloop

from bench.calls import OPERATOR_TOKEN, Connection, Enterprise, accepted, http_request, sign
from bench.populations import make_tenants
from bench.ratios import Comparison, spread
from bench.receivers import Arrival, Receiver, receiving
from bench.servers import Server, working
from service.koogallery.canonical import canonical
from service.webhooks.delivery import Bounds
from service.webhooks.sender import open_sender

# A worker of its own, so that nothing but telling is measured; the receiver is on loopback without TLS.
SETTINGS = {"TENON_WORKER": "off", "TENON_WEBHOOK_HTTP": "on", "TENON_WEBHOOK_PRIVATE": "on"}

_SIZES = (10, 1000)
_MESSAGES = 5000  # in each round, of all tenants together
_ROUNDS = 3
_CHANGES = 200  # in each round, one after the other
_PAUSE_SECONDS = 0.04  # between two of them

_SENT_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "user-agent")


class Told(msgspec.Struct, frozen=True):
    """What of a message tells it from the others."""

    tenant_id: str
    number: int
    subject: str


def webhooks(server: Server) -> list[str]:
    """Measure 10 and 1 000 endpoints, each told of an enterprise of its own."""
    server.marketplace.open_product()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, receiving() as receiver:
        lines = []
        for size in _SIZES:
            enterprises = runner.run(_make_enterprises(server, size))
            _make_endpoints(server, receiver, enterprises)
            lines += _measure_rate(server, runner, receiver, enterprises)
            lines += _measure_times(server, runner, receiver, enterprises)
        return lines


def _measure_rate(
    server: Server, runner: asyncio.Runner, receiver: Receiver, enterprises: list[Enterprise]
) -> list[str]:
    limit: list[float] = []
    ours: list[float] = []
    for number in range(_ROUNDS):
        _push_lists(server, enterprises, number)
        runner.run(server.settle())
        with working(server):
            told = receiver.collect(_MESSAGES)
        _demand_in_order(told)
        ours.append(_rate(told))
        runner.run(_send(receiver, told, min(len(enterprises), Bounds().healthy)))
        limit.append(_rate(receiver.collect(_MESSAGES)))
    comparison = Comparison(
        name=f"webhooks, {len(enterprises):,} endpoints; the limit is the bare sender",
        unit="/s",
        limit=limit,
        ours=ours,
    )
    return [str(comparison)]


def _measure_times(
    server: Server, runner: asyncio.Runner, receiver: Receiver, enterprises: list[Enterprise]
) -> list[str]:
    dice = random.Random(7)
    middle: list[float] = []
    slow: list[float] = []
    bare: list[float] = []
    with working(server), Connection(server.port) as connection:
        for number in range(_ROUNDS + 1):
            answered = {}
            for index in range(_CHANGES):
                code = f"L{number}-{index}"
                fields = {"orgCode": code, "orgName": "新部门", "parentCode": "", "flag": 1}
                _push(connection, dice.choice(enterprises), "singleOrgSync", **fields)
                answered[code] = time.time()
                time.sleep(_PAUSE_SECONDS)
            told = receiver.collect(_CHANGES)
            times = [
                (arrival.at - answered[msgspec.json.decode(arrival.body, type=Told).subject]) * 1000
                for arrival in told
            ]
            if number:  # while the first round runs, the worker starts
                middle.append(statistics.median(times))
                slow.append(statistics.quantiles(times, n=100)[-1])
                bare.append(runner.run(_send(receiver, told, 1)) / _CHANGES * 1000)
                receiver.collect(_CHANGES)
    return [
        f"    from the commit of a change to its receipt: half within {spread(middle, 'ms')}",
        f"    99 % within {spread(slow, 'ms')}",
        f"    a bare send takes {spread(bare, 'ms')}",
    ]


async def _make_enterprises(server: Server, count: int) -> list[Enterprise]:
    product = server.marketplace.product
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        tenants = await make_tenants(db, count, product=product)
    finally:
        await db.close()
    return [Enterprise(product=product, instance_id=str(tenant), tenant_id=str(tenant)) for tenant in tenants]


def _make_endpoints(server: Server, receiver: Receiver, enterprises: list[Enterprise]) -> None:
    """An endpoint with a path of its own for each enterprise."""
    headers = {"authorization": f"Bearer {OPERATOR_TOKEN}", "content-type": "application/json"}
    with Connection(server.port) as connection:
        for number, enterprise in enumerate(enterprises):
            settings = {"url": f"{receiver.url}{number}", "tenants": [enterprise.tenant_id]}
            request = http_request("POST", "/v1/endpoints", msgspec.json.encode(settings), headers)
            assert "secret" in msgspec.json.decode(connection.send(request))


def _push_lists(server: Server, enterprises: list[Enterprise], number: int) -> None:
    """Have so many departments come, or change, that there are as many messages as are to be counted."""
    each = _MESSAGES // len(enterprises)
    listed = [
        {"orgCode": f"D{index}", "orgName": f"部门 {number}", "parentCode": ""} for index in range(each)
    ]
    with Connection(server.port) as connection:
        for enterprise in enterprises:
            _push(connection, enterprise, "allOrgSync", orgInfoList=listed)


def _push(connection: Connection, enterprise: Enterprise, interface: str, **fields: object) -> None:
    path, body = enterprise.call(interface, datetime.now(UTC), **fields)
    accepted(connection.send(sign(path, body, canonical(body))))


async def _send(receiver: Receiver, told: list[Arrival], concurrency: int) -> float:
    """Send the same messages again with nothing but the sender; how many seconds that took."""
    waiting = iter(told)

    async with open_sender(allow_http=True, allow_private=True) as sender:

        async def send() -> None:
            for arrival in waiting:
                headers = {name: arrival.headers[name] for name in _SENT_HEADERS}
                url = f"{receiver.url}{arrival.path.removeprefix('/')}"
                answer = await sender.send(url, headers=headers, body=arrival.body)
                assert answer.accepted

        started = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(concurrency)))
        return time.perf_counter() - started


def _rate(arrivals: list[Arrival]) -> float:
    times = [arrival.at for arrival in arrivals]
    return (len(times) - 1) / (max(times) - min(times))


def _demand_in_order(arrivals: list[Arrival]) -> None:
    """Make sure that every endpoint was told each event once and in its order."""
    numbers = defaultdict(list)
    for arrival in arrivals:
        numbers[arrival.path].append(msgspec.json.decode(arrival.body, type=Told).number)
    for path, told in numbers.items():
        if told != list(range(told[0], told[0] + len(told))):
            raise RuntimeError(f"{path} was told {told}.")
