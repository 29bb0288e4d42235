"""Two tenants with the same facts: of one every change is told, of the other nothing, in the same process."""

import contextlib
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from bench.bare_events import Db, last_number, log_fingerprint
from bench.event_switch import without_events
from bench.servers import Server
from tenancy.bindings import Place

_STATE = """
SELECT (SELECT (count(*), sum(hashtextextended(concat_ws('/', code, name, parent_code), 0)))
        FROM department WHERE tenant_id = $1 AND removed_at IS NULL)::text,
       (SELECT (count(*), sum(hashtextextended(concat_ws('/', user_name, name, position, enabled), 0)))
        FROM member WHERE tenant_id = $1)::text,
       (SELECT (count(*), sum(hashtextextended(department_code, 0)))
        FROM membership WHERE tenant_id = $1)::text,
       (SELECT count(*) FROM access WHERE tenant_id = $1)
"""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant; `told_before` is how many events it had before it was measured."""

    is_told: bool
    place: Place
    tenant_id: UUID
    told_before: int


async def make_sides(server: Server, db: Db) -> tuple[Side, Side]:
    """Two new enterprises, the one of which nothing is told first."""
    sides = []
    for is_told in (False, True):
        enterprise = server.marketplace.open_enterprise()
        tenant_id = await db.fetchval("SELECT id FROM tenant WHERE external_id = $1", enterprise.tenant_id)
        place = Place(
            product=enterprise.product, instance_id=enterprise.instance_id, external_id=enterprise.tenant_id
        )
        told_before = await last_number(db, tenant_id)
        sides.append(Side(is_told=is_told, place=place, tenant_id=tenant_id, told_before=told_before))
    return sides[0], sides[1]


async def time_sides(
    sides: tuple[Side, Side], round_: int, step: Callable[[Side], Awaitable[None]], *, server: Server | None
) -> tuple[float, float]:
    """Seconds of a step without events and with them, each after the server has settled, if one is given.

    Which of them comes first changes from round to round.
    """
    seconds = {}
    for side in sides if round_ % 2 else reversed(sides):
        if server is not None:
            await server.settle()
        with contextlib.nullcontext() if side.is_told else without_events():
            started = time.perf_counter()
            await step(side)
            seconds[side.is_told] = time.perf_counter() - started
    return seconds[False], seconds[True]


async def demand_same(db: Db, sides: tuple[Side, Side]) -> None:
    """Make sure that both tenants are in the same state, and that of one everything was told, in one log."""
    states = [tuple(await db.fetchrow(_STATE, side.tenant_id, timeout=60) or ()) for side in sides]
    if states[0] != states[1]:
        raise RuntimeError(f"Without events there is {states[0]}, with them {states[1]}.")
    quiet, told = [await log_fingerprint(db, side.tenant_id, after=side.told_before) for side in sides]
    if quiet[0] or quiet[3] or not told[0] or not told[0] == told[3] == told[4]:
        raise RuntimeError(f"Of one tenant {quiet} was told instead of nothing, of the other {told}.")
