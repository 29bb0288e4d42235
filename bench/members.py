"""authSync of 500 members, against the same rows written set-based by bare asyncpg."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import msgspec
import uvloop

from bench.bare_events import last_number, log_fingerprint
from bench.bare_members import authorise_bare, change_bare, first_batch, next_batch
from bench.calls import APP_ID, Connection, Enterprise, accepted, sign, wire_time
from bench.ratios import Comparison
from bench.servers import Server
from service.koogallery.canonical import canonical
from service.simulator.calls import Edition
from service.simulator.kit_calls import ADD, MODIFY, user
from service.simulator.organisations import Member, make_organisation

_BATCH = 500
_ROUNDS = 12


def members(server: Server) -> list[str]:
    """Measure a first authorisation of 500 people, and a change of name, post and department of them all."""
    people = make_organisation(departments=200, members=_BATCH, seed=7, language="zh").members
    times: dict[str, list[float]] = {name: [] for name in ("first limit", "first", "next limit", "next")}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for number in range(_ROUNDS + 1):
            batch = [_renamed(member, f"{number}.{member.user_name}") for member in people]
            changed = [_changed(member) for member in batch]
            measured = runner.run(_measure(server, batch, changed))
            if number:  # the first round warms up
                for name, seconds in zip(times, measured, strict=True):
                    times[name].append(seconds * 1000)
    return [
        str(Comparison(name=f"authSync of 500 members, {what}", unit="ms", limit=limit, ours=ours, at_most=3))
        for what, limit, ours in (
            ("first authorisation", times["first limit"], times["first"]),
            ("all changed", times["next limit"], times["next"]),
        )
    ]


def _renamed(member: Member, user_name: str) -> Member:
    return msgspec.structs.replace(member, user_name=user_name)


def _changed(member: Member) -> Member:
    return msgspec.structs.replace(
        member,
        name=f"{member.name}·新",
        position=f"高级{member.position}",
        department_code=f"{member.department_code}-2",
    )


async def _measure(
    server: Server, batch: list[Member], changed: list[Member]
) -> tuple[float, float, float, float]:
    """Seconds of the limit and of ours for the first message, then for the second."""
    enterprise = server.marketplace.open_enterprise()
    superuser = await asyncpg.connect(server.superuser_url, timeout=10)
    db = await asyncpg.connect(server.database_url, server_settings={"jit": "off"}, timeout=10)
    try:
        ours = await superuser.fetchval("SELECT id FROM tenant WHERE external_id = $1", enterprise.tenant_id)
        told_before, limit = await last_number(superuser, ours), uuid4()
        first = first_batch(batch, enterprise)
        following = next_batch(first, changed)
        await server.settle()
        first_limit = await authorise_bare(db, limit, enterprise, first)
        next_limit = await change_bare(db, limit, enterprise, following)
        first_ours, next_ours = _run_ours(server, enterprise, batch, changed)
        expected = await log_fingerprint(superuser, limit, after=0)
        found = await log_fingerprint(superuser, ours, after=told_before)
    finally:
        await db.close()
        await superuser.close()
    if expected != found:
        raise RuntimeError(f"The limit has told {expected} and the service {found}.")
    return first_limit, first_ours, next_limit, next_ours


def _run_ours(
    server: Server, enterprise: Enterprise, batch: list[Member], changed: list[Member]
) -> tuple[float, float]:
    seconds = []
    with Connection(server.port) as connection:
        connection.get("/health/live")  # the marketplace keeps its connections too
        for flag, people in ((ADD, batch), (MODIFY, changed)):
            at = datetime.now(UTC)
            users = [user(Edition.V2, member) for member in people]
            fields = {"flag": flag, "appId": APP_ID, "userList": users, "currentSyncTime": wire_time(at)}
            path, body = enterprise.call("authSync", at, **fields)
            request = sign(path, body, canonical(body))
            started = time.perf_counter()
            answer = connection.send(request)
            seconds.append(time.perf_counter() - started)
            accepted(answer)
    return seconds[0], seconds[1]
