"""One enterprise with its administrator for the tests of our API."""

import json

import asyncpg
import pytest

from tests.conftest import OPERATOR_TOKEN
from tests.faults.raw import ask, is_problem
from tests.service.offices import Office

AUTHORISED = (b"authorization", f"Bearer {OPERATOR_TOKEN}".encode())


@pytest.fixture
async def office(api, marketplace):
    """Head office `A` with `B` below it and `C` below that; `X` stands beside. Nobody is there yet."""
    enterprise = await marketplace.open_enterprise()
    tree = [("A", "Head office", ""), ("B", "Plant", "A"), ("C", "Line 1", "B"), ("X", "Branch", "")]
    assert (await enterprise.departments(tree)).code == "000000"
    listed = await api.get("/v1/tenants", params={"external_id": enterprise.tenant})
    [tenant] = listed.json()["items"]
    return Office(api, enterprise, tenant["id"])


@pytest.fixture
async def filled(office):
    """Two groups, a grant and a person, so that bad input beside them gets far."""
    await office.employ("ann")
    await office.group("g", ("member", "ann"))
    await office.group("h", ("group", "g"))
    await office.grant("group", "h")
    await office.news()
    return office


@pytest.fixture
async def database(settings):
    """The tables themselves, across tenants."""
    connection = await asyncpg.connect(settings.database_url, timeout=10)
    await connection.execute("SET ROLE tenon_system")
    yield connection
    await connection.close()


async def picture(office):
    """All that a refused request could have changed."""
    return [
        await office.everything("/groups", limit=1000),
        await office.everything("/groups/g/members", limit=1000),
        await office.everything("/groups/h/members", limit=1000),
        await office.everything("/apps", limit=1000),
        await office.everything(f"/apps/{office.app}/grants", limit=1000),
        await office.everyone(),
        await office.audit(),
    ]


@pytest.fixture
async def refuse(filled, app):
    """Sends a request byte by byte; it must be a problem of that status and code, and change nothing."""
    before = await picture(filled)

    async def send(method, path, status, code, *, body=b"", query=b""):
        reply = await ask(
            app, method, f"{filled.home}{path}", headers=[AUTHORISED], chunks=[body], query=query
        )
        assert is_problem(reply), f"{method} {path!r}: {reply}"
        assert (reply.status, json.loads(reply.body)["code"]) == (status, code), f"{method} {path!r}: {reply}"

    yield send
    assert await picture(filled) == before
