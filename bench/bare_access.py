"""The limit of grants and moves: the least SQL that gives access to very many people or takes it."""

from datetime import UTC, datetime
from typing import cast

from bench.access_sides import GRANTED, MOVING, MOVING_NAME, ROOT, UNGRANTED, Sides, enter
from bench.bare_events import new_push
from bench.calls import APP_ID
from tenancy.acts import Act, record_act
from tenancy.database import Db
from tenancy.event_objects import DepartmentObject, GrantObject
from tenancy.events import Event, insert_events
from tenancy.pushes import outcome_of, record_push

_GIVE = """
INSERT INTO access (tenant_id, member_id, app_id, instance_id, since)
SELECT $1, member_id, $2, $3, $4 FROM due
"""

_TAKE = """
DELETE FROM access a USING due d
WHERE a.tenant_id = $1 AND a.member_id = d.member_id AND a.app_id = $2 AND a.instance_id = $3
"""

_ACCESS = "jsonb_object(ARRAY['app', $2::text, 'user_name', user_name])"

_GAINED = f"""
SELECT 'access.gained' AS type, user_name AS subject, {_ACCESS} AS data, NULL::jsonb AS previous FROM due
"""

_LOST = f"""
SELECT 'access.lost' AS type, user_name AS subject, NULL::jsonb AS data, {_ACCESS} AS previous FROM due
"""

# After the event of the grant or of the move itself.
_TELL = {gains: insert_events(facts, first="1") for gains, facts in ((True, _GAINED), (False, _LOST))}


async def grant_bare(sides: Sides, gains: bool) -> None:
    """Write what a grant of the root, or its withdrawal, comes to."""
    act = Act(actor="operator:bootstrap", at=datetime.now(UTC))
    differences = await _change_access(sides, gains, act.at)
    grant = GrantObject(app=APP_ID, type="department", id=ROOT)
    event = (
        Event(type="grant.added", subject=APP_ID, data=grant)
        if gains
        else Event(type="grant.removed", subject=APP_ID, previous=grant)
    )
    await record_act(_step(sides), act, [event], tenant_id=sides.limit, differences=differences)


async def move_bare(sides: Sides, gains: bool) -> None:
    """Write what the move of a department below a granted one, or away from it, comes to."""
    now = datetime.now(UTC)
    differences = await _change_access(sides, gains, now)
    before, after = (
        DepartmentObject(code=MOVING, name=MOVING_NAME, parent_code=parent)
        for parent in ((UNGRANTED, GRANTED) if gains else (GRANTED, UNGRANTED))
    )
    await sides.db.execute(
        "UPDATE department SET parent_code = $3, source_time = $4 WHERE tenant_id = $1 AND code = $2",
        *(sides.limit, MOVING, after.parent_code, now),
    )
    events = [Event(type="department.moved", subject=MOVING, data=after, previous=before)]
    push = new_push("singleOrgSync", sides.enterprise, source_time=now)
    outcome = outcome_of(events, differences)
    await record_push(_step(sides), sides.limit, push, outcome, events=events)


async def _change_access(sides: Sides, gains: bool, now: datetime) -> dict[str, int]:
    await enter(sides)
    scope = (sides.limit, APP_ID, str(sides.limit))
    if gains:
        await sides.db.execute(_GIVE, *scope, now)
    else:
        await sides.db.execute(_TAKE, *scope)
    status = await sides.db.execute(_TELL[gains], sides.limit, APP_ID)
    return {"access.gained" if gains else "access.lost": int(status.rsplit(maxsplit=1)[-1])}


def _step(sides: Sides) -> Db:
    """The limit's connection, which comes from no pool, as steps of the service take it."""
    return cast("Db", sides.db)
