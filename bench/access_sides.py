"""The two tenants between which changes of access are compared, and how each is asked."""

import http.client
import time
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from bench.bare_events import Db
from bench.calls import APP_ID, OPERATOR_TOKEN, Connection, Enterprise, accepted, sign
from bench.populations import Tree, grow_tree, make_tenants, populate
from bench.servers import Server
from service.koogallery.canonical import canonical

ROOT, GRANTED, UNGRANTED, MOVING = "R", "A", "B", "M"
MOVING_NAME = f"部门 {MOVING}"

_MEMBERS = 100_000
_SECONDS = 150


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """The limit's tenant with its connection, and ours, the same people in both."""

    server: Server
    enterprise: Enterprise
    ours: UUID
    limit: UUID
    db: Db
    superuser: Db


async def make_sides(server: Server, db: Db, superuser: Db) -> Sides:
    """5 000 departments on 6 levels with 20 people each: half of them below a department that moves."""
    enterprise = server.marketplace.open_enterprise()
    ours = await superuser.fetchval("SELECT id FROM tenant WHERE external_id = $1", enterprise.tenant_id)
    limit = (await make_tenants(superuser, 1))[0]
    moving = grow_tree(MOVING, UNGRANTED, size=2500, fan_out=14)
    resting = grow_tree("E", ROOT, size=2497, fan_out=14)
    inner: list[tuple[str, str | None]] = [(ROOT, None), (GRANTED, ROOT), (UNGRANTED, ROOT)]
    tree = Tree(
        departments=[*inner, *moving.departments, *resting.departments],
        homes=[
            code for pair in zip(moving.homes, [*resting.homes, "E", "E", "E"], strict=True) for code in pair
        ],
    )
    await populate(superuser, [ours, limit], tree, members=_MEMBERS)
    await server.settle()
    return Sides(server=server, enterprise=enterprise, ours=ours, limit=limit, db=db, superuser=superuser)


async def hold_due(sides: Sides, condition: str) -> None:
    """Have the limit's people ready, so that it need not look for them."""
    async with sides.db.transaction():
        await enter(sides)
        await sides.db.execute("DROP TABLE IF EXISTS due")
        await sides.db.execute(
            "CREATE TEMPORARY TABLE due AS SELECT m.id AS member_id, m.user_name FROM member m"
            f" JOIN membership s ON s.tenant_id = m.tenant_id AND s.member_id = m.id WHERE {condition}"
        )
    await sides.db.execute("ANALYZE due")


async def enter(sides: Sides) -> None:
    """Put the transaction of the limit into the scope of its tenant."""
    await sides.db.execute("SELECT set_config('app.tenant_id', $1, true)", str(sides.limit))


def push(sides: Sides, interface: str, **fields: object) -> float:
    """Seconds until a signed call about our tenant was answered with success."""
    path, body = sides.enterprise.call(interface, datetime.now(UTC), **fields)
    with Connection(sides.server.port) as connection:
        connection.get("/health/live")  # the marketplace keeps its connections too
        request = sign(path, body, canonical(body))
        started = time.perf_counter()
        answer = connection.send(request)
        seconds = time.perf_counter() - started
    accepted(answer)
    return seconds


def grant_path(sides: Sides, department: str) -> str:
    """The path of a grant of the app to a department of our tenant."""
    return f"/v1/tenants/{sides.ours}/apps/{APP_ID}/grants/department/{department}"


def ask(server: Server, method: str, path: str) -> int:
    """The status of the answer; none of these is so short that the client's own time would matter."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_SECONDS)
    try:
        connection.request(method, path, headers={"authorization": f"Bearer {OPERATOR_TOKEN}"})
        return connection.getresponse().status
    finally:
        connection.close()


def demand(status: int, expected: int) -> None:
    """Make sure of the status of an answer."""
    if status != expected:
        raise RuntimeError(f"The server answered {status} instead of {expected}.")
