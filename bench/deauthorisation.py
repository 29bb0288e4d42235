"""Deauthorised means out: how soon after a signed push the client has been told of every session."""

import asyncio
import statistics
import time
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.calls import (
    APP_ID,
    OPERATOR_TOKEN,
    Connection,
    Enterprise,
    accepted,
    http_request,
    sign,
    wire_time,
)
from bench.ratios import Comparison, spread
from bench.receivers import Arrival, Receiver, receiving
from bench.servers import Server, working
from service.koogallery.canonical import canonical
from service.runtime import Runtime
from service.serve import ready_settings
from service.settings import Settings, read_settings
from service.webhooks.sender import open_sender
from service.wiring import open_runtime
from sso.authorization import AuthorizationRequest
from sso.issuing import issue_code
from sso.sign_ins import start_session
from tenancy.acts import SYSTEM, Act
from tenancy.database import tenant_scope

# A worker of its own, as for webhooks; the receiver is on loopback without TLS.
SETTINGS = {"TENON_WORKER": "off", "TENON_SIGN_IN_HTTP": "on", "TENON_SIGN_IN_PRIVATE": "on"}

_SESSIONS = 100
_ROUNDS = 5
_AIM_MS = 1000
_START_SECONDS = 60
_REST_SECONDS = 0.5  # so that the worker has recorded what it was told
_CLIENT = "deauthorisation"
_CALLBACK = "https://crm.example.com/callback"
_GRANTED, _CANCELLED = 1, 3
_SENT_HEADERS = ("content-type", "cache-control", "user-agent")


def deauthorisation(server: Server) -> list[str]:
    """Measure one push that takes the app from 100 people who are signed in, and one push for each."""
    enterprise = server.marketplace.open_enterprise()
    names = [f"person{number:03}" for number in range(_SESSIONS)]
    with (
        ready_settings(read_settings(server.environ)) as settings,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        receiving() as receiver,
    ):
        _register(server, receiver, enterprise.product)
        members = _authorise(server, enterprise, names)
        together: list[float] = []
        pushes: list[float] = []
        one_by_one: list[float] = []
        ours: list[float] = []
        limit: list[float] = []
        with working(server), Connection(server.port) as connection:
            runner.run(_wait_for_worker(server))
            for number in range(_ROUNDS + 1):
                runner.run(_sign_in(settings, members))
                started = time.time()
                _push(connection, enterprise, names, flag=_CANCELLED)
                answered = (time.time() - started) * 1000
                told = receiver.collect(_SESSIONS)
                if number:  # the first round warms up
                    pushes.append(answered)
                    together += _since(started, told)
                    ours.append(max(_since(started, told)))
                    limit.append(runner.run(_send(receiver, told)))
                    receiver.collect(_SESSIONS)
                time.sleep(_REST_SECONDS)
                _authorise(server, enterprise, names)
                runner.run(_sign_in(settings, members))
                for name in names:
                    started = time.time()
                    _push(connection, enterprise, [name], flag=_CANCELLED)
                    told = receiver.collect(1)
                    if number:
                        one_by_one += _since(started, told)
                _authorise(server, enterprise, names)
    return [
        *_describe(f"one push, {_SESSIONS} sessions: from its first byte to each receipt", together),
        f"    of which until the push was answered {spread(pushes, 'ms')}",
        *_describe("one push for each session, one after the other", one_by_one),
        str(
            Comparison(
                name="to the last of the 100; the limit is the bare sender with the same tokens",
                unit="ms",
                limit=limit,
                ours=ours,
            )
        ),
    ]


def _describe(name: str, times: list[float]) -> list[str]:
    slow = statistics.quantiles(times, n=100)[-1]
    verdict = "reached" if slow <= _AIM_MS else "NOT REACHED"
    return [
        name,
        f"    half within {spread(times, 'ms')}",
        f"    99 % within {slow:,.2f} ms, target ≤ {_AIM_MS} ms: {verdict}",
    ]


def _since(started: float, told: list[Arrival]) -> list[float]:
    return [(arrival.at - started) * 1000 for arrival in told]


def _register(server: Server, receiver: Receiver, product: str) -> None:
    body = {
        "product": product,
        "name": "Benchmark",
        "redirect_uris": [_CALLBACK],
        "backchannel_logout_uri": receiver.url,
    }
    answer = _ask(server, "PUT", f"/v1/clients/{_CLIENT}", body)
    assert answer["client_id"] == _CLIENT, answer


def _authorise(server: Server, enterprise: Enterprise, names: list[str]) -> list[tuple[UUID, UUID]]:
    """Let them use the app; each as (tenant, member)."""
    with Connection(server.port) as connection:
        _push(connection, enterprise, names, flag=_GRANTED)
    [tenant] = _ask(server, "GET", f"/v1/tenants?external_id={enterprise.tenant_id}")["items"]
    listed = _ask(server, "GET", f"/v1/tenants/{tenant['id']}/members?limit=1000")["items"]
    return [(UUID(tenant["id"]), UUID(member["id"])) for member in listed]


def _push(connection: Connection, enterprise: Enterprise, names: list[str], *, flag: int) -> None:
    now = datetime.now(UTC)
    users = [
        {"userName": name, "name": name, "orgCode": "", "role": "user", "enable": "true"} for name in names
    ]
    fields = {"flag": flag, "appId": APP_ID, "userList": users, "currentSyncTime": wire_time(now)}
    path, body = enterprise.call("authSync", now, **fields)
    accepted(connection.send(sign(path, body, canonical(body))))


def _ask(server: Server, method: str, path: str, body: object = None) -> dict[str, object]:
    headers = {"authorization": f"Bearer {OPERATOR_TOKEN}", "content-type": "application/json"}
    raw = b"" if body is None else msgspec.json.encode(body)
    with Connection(server.port) as connection:
        return msgspec.json.decode(connection.send(http_request(method, path, raw, headers)))


async def _wait_for_worker(server: Server) -> None:
    """Wait until it follows: for what was lost before it first did, it tells nobody."""
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not await db.fetchval("SELECT EXISTS (SELECT FROM follower)"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        await db.close()


async def _sign_in(settings: Settings, members: list[tuple[UUID, UUID]]) -> None:
    """A session for each, in which the client has a part."""
    async with open_runtime(settings) as runtime:
        for tenant_id, member_id in members:
            await _enter(runtime, tenant_id, member_id)


_LINK = """
INSERT INTO identity (tenant_id, connection, subject, member_id, linked_at)
SELECT tenant_id, 'koogallery', user_name, id, $3 FROM member WHERE tenant_id = $1 AND id = $2
ON CONFLICT DO NOTHING
"""


async def _enter(runtime: Runtime, tenant_id: UUID, member_id: UUID) -> None:
    now = runtime.clock()
    async with tenant_scope(tenant_id) as db:
        await db.execute(_LINK, tenant_id, member_id, now)
    session, _ = await start_session(
        runtime.sessions,
        tenant_id,
        member_id,
        connection="koogallery",
        upstream=None,
        act=Act(actor=SYSTEM, at=now),
    )
    request = AuthorizationRequest(
        client_id=_CLIENT, redirect_uri=_CALLBACK, scopes=("openid",), challenge="c" * 43
    )
    await issue_code(runtime.sessions, session, request, app_id=APP_ID, now=now)


async def _send(receiver: Receiver, told: list[Arrival]) -> float:
    """Send the same tokens again with nothing but the sender; how many milliseconds that took."""
    waiting = iter(told)

    async with open_sender(allow_http=True, allow_private=True) as sender:

        async def send() -> None:
            for arrival in waiting:
                headers = {name: arrival.headers[name] for name in _SENT_HEADERS}
                answer = await sender.send(receiver.url, headers=headers, body=arrival.body)
                assert answer.accepted

        started = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(8)))
        return (time.perf_counter() - started) * 1000
