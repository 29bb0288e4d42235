"""Marked data goes through every route; of all that is written nothing may carry the mark."""

import asyncio
import io
import logging
import re
from urllib.parse import urlencode

import asyncpg
import msgspec
import pytest
import structlog

from service import groups
from service.logs import configure_logs
from tests.conftest import OPERATOR_TOKEN
from tests.faults.raw import ask, dump
from tests.marketplace import user

MARK = "qz7mark"
# What a name looks like, and what the net for careless calls would not catch.
NAME = f"标记{MARK}"
AUTHORISED = (b"authorization", f"Bearer {OPERATOR_TOKEN}".encode())
MARKED_HEADERS = [
    (b"user-agent", MARK.encode()),
    (b"cookie", f"tenon-session={MARK}; {MARK}={MARK}".encode()),
    (b"referer", f"https://{MARK}.example/{MARK}".encode()),
    (b"x-request-id", MARK.encode()),
    (b"x-forwarded-for", MARK.encode()),
    (b"traceparent", MARK.encode()),
    (b"accept-language", MARK.encode()),
    (b"x-sign", MARK.encode()),
    (b"authtoken", MARK.encode()),
]


@pytest.fixture
def written(capfd):
    """What has been written so far: to the log, with everything that is ever logged, and past it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(format="json", level="debug", stream=stream)
    yield lambda: stream.getvalue() + "".join(capfd.readouterr())
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


async def assert_unmarked(written):
    # What a request has left behind may log too.
    await asyncio.sleep(0)
    lines = written().splitlines()
    assert len(lines) > 10
    assert [line for line in lines if MARK in line.lower()] == []


def person(number):
    return user(
        f"{MARK}.{number}",
        name=NAME,
        mobile=f"1391234567{number}",
        email=f"{MARK}{number}@example.com",
        position=NAME,
        employeeCode=f"{MARK}-{number}",
        extension={MARK: NAME},
    )


async def test_pushes_leave_no_trace_of_persons_in_the_log(marketplace, written, clock):
    enterprise = await marketplace.open_enterprise(tenant=f"{MARK}-tenant", app=f"{MARK}-app")
    marked = {"memo": NAME, "extra": {MARK: NAME}}
    answers = [
        await enterprise.bind(name=NAME, tenantCode=MARK, domainName=f"https://{MARK}.example", **marked),
        await enterprise.application(secret=MARK, **marked),
        await enterprise.department(f"{MARK}-1", NAME, **marked),
        await enterprise.departments([(f"{MARK}-1", NAME, ""), (f"{MARK}-2", NAME, f"{MARK}-1")], **marked),
        await enterprise.members([person(number) for number in range(3)], **marked),
        await enterprise.members([person(1)], flag=3, **marked),
        await enterprise.members([{"userName": MARK, "name": NAME, "role": MARK}], **marked),
        await enterprise.members([{"userName": MARK, "name": NAME, "enable": MARK}], **marked),
        await enterprise.department(f"{MARK}-1", NAME, parent=f"{MARK}-1", **marked),
        await marketplace.buy(customerName=NAME, mobilePhone="13912345678", email=f"{MARK}@example.com")
        and None,
        await marketplace.base({"activity": MARK, "orderId": MARK}),
        await marketplace.kit(MARK, {MARK: MARK}),
        await marketplace.kit("authSync", {MARK: MARK}),
        await marketplace.kit("tenantSync", {}, content=f'{{"{MARK}": '.encode()),
        await marketplace.base({"activity": "newInstance", "orderId": MARK}, key=MARK),
        await marketplace.kit("tenantSync", {"name": MARK}, signature=MARK),
        await marketplace.kit("tenantSync", {"name": MARK}, nonce=MARK, timestamp=MARK),
        await marketplace.v1_get({"activity": MARK, "orderId": MARK, "customerName": NAME}),
        await marketplace.v1_get({"activity": "newInstance", "authToken": MARK}),
        await enterprise.unbind(name=NAME),
    ]
    assert {answer.code for answer in answers if answer} >= {"000000", "000001", "000002"}
    await assert_unmarked(written)


async def test_no_route_logs_what_it_was_given(app, api, written):
    document = (await api.get("/openapi.json")).json()
    routes = [(method.upper(), path) for path, item in document["paths"].items() for method in item]
    assert len(routes) > 70
    extra = [
        (method, f"/{path}")
        for path in (
            f"koogallery/{MARK}",
            f"koogallery/{MARK}/{MARK}",
            MARK,
            f"v1/{MARK}",
            f"v1/tenants/{MARK}",
        )
        for method in ("GET", "POST", "PUT")
    ]
    for method, template in [*routes, *extra]:
        path = re.sub(r"{\w+}", MARK, template)
        names = re.findall(r"\w+", template)
        query = urlencode(dict.fromkeys((*names, "tenant", "code", "state", "q", "cursor", MARK), MARK))
        body = dict.fromkeys(
            ("name", "url", "code", "token", "client_id", "client_secret", "state", MARK), NAME
        )
        form = urlencode(body | {"grant_type": "refresh_token", "refresh_token": MARK}).encode()
        kinds = (
            (b"application/json", dump(body)),
            (b"application/json", f'{{"{MARK}'.encode()),
            (b"application/x-www-form-urlencoded", form),
        )
        for content_type, content in kinds:
            for proof in (
                AUTHORISED,
                (b"authorization", f"Bearer {MARK}".encode()),
                (b"authorization", MARK.encode()),
            ):
                headers = [proof, (b"content-type", content_type), *MARKED_HEADERS]
                await ask(app, method, path, query=query.encode(), headers=headers, chunks=[content])
    await assert_unmarked(written)


async def test_marked_enterprises_are_administered_without_a_trace(api, marketplace, written):
    enterprise = await marketplace.open_enterprise(tenant=f"{MARK}-home", app=f"{MARK}-app")
    await enterprise.department(f"{MARK}-d", NAME)
    await enterprise.members([person(7)])
    listed = await api.get("/v1/tenants", params={"external_id": f"{MARK}-home"})
    home = f"/v1/tenants/{listed.json()['items'][0]['id']}"
    for method, path, body in (
        ("PUT", f"{home}/groups/{MARK}-g", {"name": NAME}),
        ("PUT", f"{home}/groups/{MARK}-g/members/member/{MARK}.7", None),
        ("PUT", f"{home}/apps/{MARK}-app/grants/group/{MARK}-g", None),
        ("GET", f"{home}/apps/{MARK}-app/access/{MARK}.7", None),
        ("GET", f"{home}/members/{MARK}.7", None),
        ("GET", f"{home}/members?q={NAME}", None),
        ("GET", f"{home}/snapshot", None),
        ("GET", f"{home}/events", None),
        ("PATCH", f"{home}/apps/{MARK}-app", {"enabled": False}),
        ("DELETE", f"{home}/groups/{MARK}-g", None),
    ):
        answer = await api.request(method, path, json=body)
        assert answer.is_success, (method, path, answer.text)
    await assert_unmarked(written)


async def test_what_a_database_says_of_a_row_is_not_logged(api, office, written, monkeypatch):
    async def fail(*_args, **_kwargs):
        error = asyncpg.UniqueViolationError(f"duplicate key value {MARK}")
        error.detail = f"Key (user_name)=({MARK}) already exists."
        raise error from ValueError(MARK)

    monkeypatch.setattr(groups, "put_group", fail)
    answer = await api.put(f"/v1/tenants/{office.tenant_id}/groups/g", json={"name": NAME})
    assert answer.status_code == 500
    lines = [msgspec.json.decode(line) for line in written().splitlines()]
    [error] = [line for line in lines if line["event"] == "unexpected_error"]
    assert "UniqueViolationError: 23505" in error["exception"]
    assert error["request_id"] in answer.json()["detail"]
    assert MARK not in msgspec.json.encode(lines).decode()
