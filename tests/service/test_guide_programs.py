"""The programs in the guides do what the guides say, killed and started again too."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from service.webhooks.signing import make_secret, webhook_headers
from tenancy.database import system_scope
from tests.conftest import OPERATOR_TOKEN
from tests.followers import take_snapshot
from tests.guide_programs import listens, program, running, served, until
from tests.ports import free_port

GUIDES = ["docs/events.md", "docs/webhooks.md", "docs/sign-in.md"]


@pytest.fixture
async def address(app):
    """The application on a port of its own."""
    async with served(app) as address:
        yield address


def rows(path, query):
    """What a program has stored; nothing while it has not yet made its tables."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []


async def present(tenant_id):
    """A tenant's snapshot: its number, and its objects in an order of their own."""
    head, *objects = await take_snapshot(tenant_id)
    for fields in objects:
        fields.pop("kind")
    return head["as_of"], sorted(json.dumps(fields, sort_keys=True) for fields in objects)


def known(folder):
    """What the follower knows, in the same form."""
    numbers = [number for (number,) in rows(folder / "directory.db", "SELECT number FROM seen")]
    objects = rows(folder / "directory.db", "SELECT fields FROM object")
    return numbers, sorted(json.dumps(json.loads(fields), sort_keys=True) for (fields,) in objects)


async def change_and_forget(office):
    """What retention makes of a change that nobody has followed for long."""
    await office.employ("cleo", department="C")
    async with system_scope() as db:
        for table in ("event", "change_set"):
            await db.execute(f"DELETE FROM {table} WHERE tenant_id = $1", office.tenant_id)


async def test_the_follower_of_the_guide_knows_the_present_however_often_it_is_killed(
    office, address, tmp_path
):
    environment = {"TENON": address, "TOKEN": OPERATOR_TOKEN, "TENANT": office.tenant_id}
    missed_and_heard = [
        (lambda: office.employ("ann", "bob", department="B"), lambda: office.grant("department", "A")),
        (lambda: office.enterprise.department("B", flag=0), lambda: office.authorise("ann", department="C")),
        (
            lambda: change_and_forget(office),
            lambda: office.enterprise.department("B", "Works", "X", at=1),
        ),
        (lambda: office.revoke("department", "A"), lambda: office.authorise("bob", flag=3)),
    ]
    for missed, heard in missed_and_heard:
        await missed()
        async with running(program("docs/events.md"), tmp_path, **environment) as process:
            await until(lambda: known(tmp_path)[0], process)
            await heard()
            number, objects = await present(office.tenant_id)
            await until(lambda number=number: known(tmp_path)[0] == [number], process)
            assert known(tmp_path)[1] == objects


async def test_the_receiver_of_the_guide_stores_what_is_genuine_once(tmp_path):
    secret, port = make_secret(), free_port()

    async def tell(tenant, number, *, signed_with=secret, age=timedelta(), tampered=b""):
        body = json.dumps({"tenant_id": tenant, "number": number, "type": "group.added"}).encode()
        headers = webhook_headers(
            [make_secret(), signed_with],
            message_id=f"evt_{tenant}_{number}",
            at=datetime.now(UTC) - age,
            body=body,
        )
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.post(
                f"http://127.0.0.1:{port}/hooks", headers=headers, content=body + tampered
            )
        return answer.status_code

    def stored():
        return rows(tmp_path / "inbox.db", "SELECT tenant, number FROM inbox ORDER BY rowid")

    async with running(program("docs/webhooks.md"), tmp_path, SECRET=secret, PORT=str(port)) as process:
        await until(lambda: listens(port), process)
        assert [await tell("t", number) for number in (3, 4, 4, 3, 6)] == [204] * 5
        assert [await tell(None, number) for number in (1, 1, 2)] == [204] * 3
        assert await tell("t", 7, tampered=b" ") == 401
        assert await tell("t", 7, signed_with=make_secret()) == 401
        assert await tell("t", 7, age=timedelta(minutes=6)) == 401
    assert stored() == [("t", 3), ("t", 4), ("t", 6), ("None", 1), ("None", 2)]


@pytest.mark.parametrize("guide", GUIDES)
def test_both_languages_show_the_same_program(guide):
    def bare(text):
        return [line.partition("#")[0].rstrip() for line in text.splitlines()]

    assert bare(program(guide)) == bare(program(guide.replace(".md", ".zh-CN.md")))
