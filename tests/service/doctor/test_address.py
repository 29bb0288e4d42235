"""The public address: looked up, proven, and asked who it is."""

import asyncio
import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from service.doctor.address import check_address
from tests.ports import free_port
from tests.receivers import answer, hang, open_receiver, redirect
from tests.service.webhooks.certificates import Authority

KEY_IDS = ["key-1", "key-2"]

# A certificate of these tests is good for 23 hours; seen from then it has 20 days left.
EARLIER = datetime.now(UTC) - timedelta(days=20)


@pytest.fixture(scope="module")
def authority():
    return Authority()


def tenon(issuer=None, keys=("key-2", "key-3")):
    """What an installation answers; its issuer is where it was asked unless it says otherwise."""

    def judge(received):
        own = issuer or f"https://{received.headers['host']}"
        bodies = {
            "/.well-known/openid-configuration": {"issuer": own, "more": 1},
            "/oauth2/jwks": {"keys": [{"kid": key, "kty": "RSA"} for key in keys]},
        }
        body = bodies.get(received.path)
        return answer(404) if body is None else answer(200, json.dumps(body).encode())

    return judge


async def examine(url, *, authority=None, now=EARLIER, key_ids=KEY_IDS):
    trust = authority.trusted() if authority else ssl.create_default_context()
    found = await check_address(url, trust=trust, now=now, key_ids=key_ids)
    return {finding.check.removeprefix("address."): finding for finding in found}


@pytest.fixture
def secured(authority, tmp_path):
    """Opens an installation that proves these names."""

    def open_it(plan=None, *names, **options):
        context = authority.server(tmp_path, *(names or ["localhost"]), **options)
        return open_receiver(plan or tenon(), ssl_context=context)

    return open_it


def levels(found):
    return {name: finding.level for name, finding in found.items()}


async def test_an_address_that_is_as_it_should_be(authority, secured):
    async with secured() as receiver:
        found = await examine(f"https://localhost:{receiver.port}", authority=authority)
    assert levels(found) == dict.fromkeys(("https", "resolves", "certificate", "leads_here"), "ok")
    assert "127.0.0.1" in found["resolves"].message
    assert "20 days from now" in found["certificate"].message


@pytest.mark.parametrize(("days", "level"), [(13, "warning"), (15, "ok"), (0, "warning")])
async def test_a_certificate_that_soon_runs_out_is_told(authority, secured, days, level):
    now = datetime.now(UTC) - timedelta(days=days)
    async with secured() as receiver:
        found = await examine(f"https://localhost:{receiver.port}", authority=authority, now=now)
    assert found["certificate"].level == level
    assert f"{days} days from now" in found["certificate"].message
    assert found["leads_here"].level == "ok"


@pytest.mark.parametrize(
    ("names", "age", "reason"),
    [
        (["localhost"], timedelta(days=2), "certificate has expired"),
        (["other.example.com"], timedelta(), "Hostname mismatch"),
    ],
)
async def test_a_certificate_that_proves_nothing_is_told(authority, secured, names, age, reason):
    async with secured(None, *names, age=age) as receiver:
        found = await examine(f"https://localhost:{receiver.port}", authority=authority)
    assert found["certificate"].level == "error"
    assert reason in found["certificate"].message
    assert found["leads_here"].message == "not checked: the address does not prove itself"


async def test_a_certificate_of_an_unknown_authority_is_told(secured):
    async with secured() as receiver:
        found = await examine(f"https://localhost:{receiver.port}")
    assert found["certificate"].level == "error"


async def test_a_port_without_tls_is_told(authority):
    async def refuse(_reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await examine(f"https://127.0.0.1:{port}", authority=authority)
    assert found["certificate"].level == "error"
    assert found["certificate"].remedy.startswith("Let TENON_PUBLIC_URL lead")


async def test_a_name_that_leads_nowhere_is_told(authority):
    found = await examine(f"https://{'x' * 70}.example", authority=authority)
    assert levels(found) == {
        "https": "ok",
        "resolves": "error",
        "certificate": "warning",
        "leads_here": "warning",
    }


async def test_a_local_address_where_nobody_serves_is_a_hint():
    found = await examine(f"http://127.0.0.1:{free_port()}")
    assert levels(found) == {"https": "hint", "resolves": "ok", "certificate": "ok", "leads_here": "hint"}


async def test_an_https_address_where_nobody_answers_has_nothing_to_prove(authority):
    found = await examine(f"https://localhost:{free_port()}", authority=authority)
    assert found["certificate"].message == "not checked: nothing answers at the address"
    assert "Nothing answers" in found["leads_here"].message


@pytest.mark.parametrize(
    "plan",
    [answer(404), answer(200, b"<html>"), answer(200, b"[]"), answer(502), redirect("https://localhost/")],
)
async def test_something_else_at_the_address_is_told(authority, secured, plan):
    async with secured(plan) as receiver:
        found = await examine(f"https://localhost:{receiver.port}", authority=authority)
    assert found["leads_here"].level == "error"
    assert found["leads_here"].cause.startswith("Something answers at the address")


async def test_an_installation_of_another_name_is_told(authority, secured):
    async with secured(tenon(issuer="https://old.example.com")) as receiver:
        found = await examine(f"https://localhost:{receiver.port}", authority=authority)
    assert found["leads_here"].level == "error"
    assert "https://old.example.com" in found["leads_here"].message


async def test_an_installation_on_another_database_is_told(authority, secured):
    async with secured(tenon(keys=["key-9"])) as receiver:
        found = await examine(f"https://localhost:{receiver.port}", authority=authority)
    assert found["leads_here"].level == "error"
    assert "other keys" in found["leads_here"].message


async def test_without_our_database_nobody_can_say_whose_installation_it_is(authority, secured):
    async with secured() as receiver:
        url = f"https://localhost:{receiver.port}"
        found = await examine(url, authority=authority, key_ids=None)
    assert found["leads_here"].message.startswith("not checked: the database is away")


async def test_a_silent_address_costs_seconds_only(authority, secured, monkeypatch):
    monkeypatch.setattr("service.doctor.own_pages._SECONDS", 0.1)
    async with secured(hang()) as receiver:
        found = await examine(f"https://localhost:{receiver.port}", authority=authority)
    assert "ReadTimeout" in found["leads_here"].message
