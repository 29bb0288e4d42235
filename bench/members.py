"""authSync of 500 members, against the same rows written set-based by bare asyncpg."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.calls import APP_ID, Connection, Enterprise, accepted, sign
from bench.ratios import Comparison
from bench.servers import Server
from service.koogallery.canonical import canonical
from service.simulator.organisations import Member, make_organisation
from tenancy.pushes import _INSERT_PUSH

_BATCH = 500
_ROUNDS = 15

_INSERT_MEMBERS = """
INSERT INTO member (tenant_id, id, user_name, name, role, enabled, position, employee_code, employee_type,
                    mobile, email, work_place, entry_date, attribute_times, source_time, created_at)
SELECT $1, u.id, u.user_name, u.name, u.role, u.enabled, u.position, u.employee_code, u.employee_type,
       u.mobile, u.email, u.work_place, u.entry_date, u.times::jsonb, $2, $2
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
     AS u (id, user_name, name, role, enabled, position, employee_code, employee_type, mobile, email,
           work_place, entry_date, times)
"""

_INSERT_MEMBERSHIPS = """
INSERT INTO membership (tenant_id, member_id, department_code)
SELECT $1, u.id, u.code FROM unnest($2::uuid[], $3::text[]) AS u (id, code)
"""

_INSERT_AUTHORISATIONS = """
INSERT INTO authorisation (tenant_id, app_id, instance_id, member_id, state, source_time, push_id, changed_at)
SELECT $1, $2, $3, u.id, 'granted', $4, $5, $4 FROM unnest($6::uuid[]) AS u (id)
"""

_UPDATE_MEMBERS = """
UPDATE member m SET name = u.name, position = u.position, attribute_times = u.times::jsonb, source_time = $2
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS u (user_name, name, position, times)
WHERE m.tenant_id = $1 AND m.user_name = u.user_name
"""

_MOVE_MEMBERS = """
UPDATE membership s SET department_code = u.code
FROM unnest($2::text[], $3::text[]) AS u (user_name, code)
JOIN member m ON m.tenant_id = $1 AND m.user_name = u.user_name
WHERE s.tenant_id = $1 AND s.member_id = m.id
"""

_INSERT_CHANGES = """
INSERT INTO change (tenant_id, push_id, number, action, subject, before, after)
SELECT $1, $2, c.number, c.action, c.subject, c.before::jsonb, c.after::jsonb
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[])
     WITH ORDINALITY AS c (action, subject, before, after, number)
"""

_ATTRIBUTES = (
    "name",
    "role",
    "enabled",
    "position",
    "employee_code",
    "employee_type",
    "mobile",
    "email",
    "work_place",
    "entry_date",
)


def members(server: Server) -> list[str]:
    """Measure a first authorisation of 500 people, and a change of name, post and department of them all."""
    people = make_organisation(departments=200, members=_BATCH, seed=7, language="zh").members
    times: dict[str, list[float]] = {name: [] for name in ("first limit", "first", "next limit", "next")}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for number in range(_ROUNDS + 1):
            batch = [_renamed(member, f"{number}.{member.user_name}") for member in people]
            changed = [_changed(member) for member in batch]
            enterprise = server.marketplace.open_enterprise()
            runner.run(server.settle())
            limit = runner.run(_run_limit(server, enterprise, batch, changed))
            ours = _run_ours(server, enterprise, batch, changed)
            if number:  # the first round warms up
                for name, seconds in zip(times, (limit[0], ours[0], limit[1], ours[1]), strict=True):
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


def _run_ours(
    server: Server, enterprise: Enterprise, batch: list[Member], changed: list[Member]
) -> tuple[float, float]:
    seconds = []
    with Connection(server.port) as connection:
        # A kept-alive connection, as the marketplace has.
        connection.get("/health/live")
        for flag, people in ((1, batch), (2, changed)):
            at = datetime.now(UTC)
            users = [_user(member) for member in people]
            path, body = enterprise.call(
                "authSync",
                at,
                flag=flag,
                appId=APP_ID,
                userList=users,
                currentSyncTime=_digits(at),
            )
            request = sign(path, body, canonical(body))
            started = time.perf_counter()
            answer = connection.send(request)
            seconds.append(time.perf_counter() - started)
            accepted(answer)
    return seconds[0], seconds[1]
