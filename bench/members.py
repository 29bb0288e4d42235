"""authSync of 500 members, against the same rows written set-based by bare asyncpg."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.calls import APP_ID, Connection, Enterprise, accepted, sign, wire_time
from bench.ratios import Comparison
from bench.servers import Server
from service.koogallery.canonical import canonical
from service.simulator.calls import Edition
from service.simulator.kit_calls import ADD, MODIFY, user
from service.simulator.organisations import Member, make_organisation
from tenancy.pushes import _INSERT_PUSH

_BATCH = 500
_ROUNDS = 12

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
INSERT INTO change (tenant_id, cause_id, number, action, subject, before, after)
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


async def _run_limit(
    server: Server, enterprise: Enterprise, batch: list[Member], changed: list[Member]
) -> tuple[float, float]:
    tenant_id, scope = uuid4(), (APP_ID, enterprise.instance_id)
    first, following = _first_rows(batch), _next_rows(changed)
    db = await asyncpg.connect(server.database_url, server_settings={"jit": "off"}, timeout=10)
    try:
        started = time.perf_counter()
        async with db.transaction():
            push_id, at = await _begin(db, tenant_id, enterprise)
            await db.execute(_INSERT_MEMBERS, tenant_id, at, *first.columns)
            await db.execute(_INSERT_MEMBERSHIPS, tenant_id, first.ids, first.codes)
            await db.execute(_INSERT_AUTHORISATIONS, tenant_id, *scope, at, push_id, first.ids)
            await db.execute(_INSERT_CHANGES, tenant_id, push_id, *first.changes)
        middle = time.perf_counter()
        async with db.transaction():
            push_id, at = await _begin(db, tenant_id, enterprise)
            await db.execute(_UPDATE_MEMBERS, tenant_id, at, *following.columns)
            await db.execute(_MOVE_MEMBERS, tenant_id, following.columns[0], following.codes)
            await db.execute(_INSERT_CHANGES, tenant_id, push_id, *following.changes)
        return middle - started, time.perf_counter() - middle
    finally:
        await db.close()


async def _begin(
    db: "asyncpg.Connection[asyncpg.Record]", tenant_id: UUID, enterprise: Enterprise
) -> tuple[UUID, datetime]:
    push_id, at = uuid4(), datetime.now(UTC)
    await db.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant_id))
    await db.execute(
        _INSERT_PUSH,
        *(tenant_id, push_id, enterprise.product, "V2", "authSync", 1, False, enterprise.instance_id),
        *("sorted", "127.0.0.1", at, at, 150_000),
        *("applied", "000000", "success.", '{"member.added":500}', 10),
    )
    return push_id, at


class _Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What the limit writes, as the columns that its statements take."""

    ids: list[UUID]
    codes: list[str]
    columns: list[list[Any]]
    changes: list[list[str | None]]


def _first_rows(batch: list[Member]) -> _Rows:
    ids = [uuid4() for _ in batch]
    names = [member.user_name for member in batch]
    times = [_times((*_ATTRIBUTES, "department_code"))] * len(batch)
    columns = [[_attribute(member, name) for member in batch] for name in _ATTRIBUTES]
    described = [_json({name: _attribute(member, name) for name in _ATTRIBUTES}) for member in batch]
    granted = [_json({"app": APP_ID, "instance_id": str(ids[0])})] * len(batch)
    actions: list[str | None] = [*["member.added"] * len(batch), *["authorisation.granted"] * len(batch)]
    return _Rows(
        ids=ids,
        codes=[member.department_code for member in batch],
        columns=[ids, names, *columns, times],
        changes=[actions, [*names, *names], [None] * len(actions), [*described, *granted]],
    )


def _next_rows(changed: list[Member]) -> _Rows:
    names = [member.user_name for member in changed]
    said = [
        _json({"name": member.name, "position": member.position, "department_code": member.department_code})
        for member in changed
    ]
    return _Rows(
        ids=[],
        codes=[member.department_code for member in changed],
        columns=[
            names,
            [member.name for member in changed],
            [member.position for member in changed],
            [_times((*_ATTRIBUTES, "department_code"))] * len(changed),
        ],
        changes=[["member.changed"] * len(changed), [*names], [*said], [*said]],
    )


def _attribute(member: Member, name: str) -> Any:
    value = getattr(member, name)
    return str(value) if name == "employee_type" else value


def _times(names: tuple[str, ...]) -> str:
    return _json(dict.fromkeys(names, time.time_ns() // 1000))


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode()
