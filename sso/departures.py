"""Departures: whoever has lost an app is taken out of the sessions, in the order in which it was committed.

What somebody may do is asked at every use, so nobody gets anything here that was lost. This is about those
who have to be told: the parts of clients end, and with the last app the sessions themselves.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from sso.client_parts import drop_part
from sso.client_sessions import end_parts_of_members
from sso.measures import count_ended
from sso.sessions import Session, SessionStore
from sso.sign_ins import tell_end
from tenancy.acts import SYSTEM, Act, record_act
from tenancy.database import Db, become_system, system_scope, tenant_scope
from tenancy.feed import feed_events
from tenancy.gates import usable

_NAME = "departures"

_MOST_PLACES = 500


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the order across tenants: events of one tenant, of which some may be losses."""

    read_to: int
    position: int
    tenant_id: UUID
    after: int
    last: int
    has_losses: bool


class _Leaver(msgspec.Struct, frozen=True, kw_only=True):
    """A member who has lost apps, and whether any client has a part in its sessions."""

    member_id: UUID
    user_name: str
    apps: list[str]
    has_parts: bool


class _Overtaken(Exception):
    """Another worker has been here meanwhile."""


_BEGIN = """
INSERT INTO follower (name, position) SELECT $1, coalesce(max(position), 0) FROM feed
ON CONFLICT (name) DO NOTHING
"""

# Without statistics the planner would rather read the whole log.
_AHEAD = """
SELECT w.position < f.position AS is_behind, set_config('enable_seqscan', 'off', true)
FROM follower w LEFT JOIN (SELECT position FROM feed ORDER BY position DESC LIMIT 1) AS f ON true
WHERE w.name = $1
"""

# The first place with losses, else the last that was looked at.
_NEXT = """
WITH ahead AS (
    SELECT w.position AS read_to, f.position, f.tenant_id, f.after, f.last
    FROM follower w JOIN LATERAL (
        SELECT * FROM feed WHERE position > w.position ORDER BY position LIMIT $2
    ) AS f ON true
    WHERE w.name = $1
)
(SELECT *, true AS has_losses FROM ahead a
 WHERE EXISTS (SELECT FROM event e WHERE e.tenant_id = a.tenant_id AND e.number > a.after
                 AND e.number <= a.last AND e.type = 'access.lost')
 ORDER BY position LIMIT 1)
UNION ALL
(SELECT *, false FROM ahead ORDER BY position DESC LIMIT 1)
LIMIT 1
"""

_ADVANCE = "UPDATE follower SET position = $3 WHERE name = $1 AND position = $2"

_LEAVERS = """
SELECT l.member_id, l.user_name, l.apps,
       EXISTS (SELECT FROM client_session s WHERE s.tenant_id = $1 AND s.member_id = l.member_id
                 AND s.ended_at IS NULL AND s.expires_at > $4) AS has_parts
FROM (
    SELECT m.id AS member_id, m.user_name, array_agg(DISTINCT e.previous ->> 'app') AS apps
    FROM event e JOIN member m ON m.tenant_id = $1 AND m.user_name = e.subject
    WHERE e.tenant_id = $1 AND e.number > $2 AND e.number <= $3 AND e.type = 'access.lost'
    GROUP BY m.id, m.user_name
) AS l
"""

# Who may use no app but those of (member, app) that were lost. An app that has come back meanwhile is lost
# all the same: whether somebody has to sign in anew must not depend on how soon this is read.
_GONE = f"""
WITH lost AS (SELECT * FROM unnest($2::uuid[], $3::text[]) AS l (member_id, app_id))
SELECT DISTINCT l.member_id FROM lost l
WHERE NOT EXISTS (
    SELECT FROM member m
    JOIN access a ON a.tenant_id = $1 AND a.member_id = m.id
    JOIN app p ON p.tenant_id = $1 AND p.id = a.app_id AND p.instance_id = a.instance_id
                  AND p.removed_at IS NULL
    JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
    WHERE m.tenant_id = $1 AND m.id = l.member_id AND m.enabled AND m.removed_at IS NULL AND {usable("$4")}
      AND NOT EXISTS (SELECT FROM stopped_app s WHERE s.tenant_id = $1 AND s.app_id = a.app_id)
      AND NOT EXISTS (SELECT FROM lost o WHERE o.member_id = l.member_id AND o.app_id = a.app_id)
)
"""


async def follow_departures(store: SessionStore, *, now: datetime) -> bool:
    """Take out whoever has lost an app since the last time; whether there was anybody to take out.

    The first time begins with what is committed from then on. Several workers take turns: each place in the
    order is done once, with the step that says so.

    Raises:
        DatabaseUnavailable: the database is away; the next time goes on where this one has come to.
        SessionsUnavailable: Redis is away, and so it is then.
    """
    await feed_events(now=now)
    has_ended = False
    while (place := await _find_next()) is not None:
        leavers, sessions = await _read(store, place, now=now)
        if not leavers:
            async with system_scope() as db:
                await db.execute(_ADVANCE, _NAME, place.read_to, place.position)
            continue
        try:
            await _take_out(store, place, leavers, sessions, now=now)
        except _Overtaken:
            continue
        has_ended = True
    return has_ended


async def _find_next() -> _Place | None:
    async with system_scope() as db:
        known = await db.fetchrow(_AHEAD, _NAME)
        if known is None:
            await db.execute(_BEGIN, _NAME)
        if known is None or not known["is_behind"]:
            return None
        row = await db.fetchrow(_NEXT, _NAME, _MOST_PLACES)
    return None if row is None else _Place(**row)


async def _read(
    store: SessionStore, place: _Place, *, now: datetime
) -> tuple[list[_Leaver], dict[UUID, Session]]:
    """Those who have something to be taken out of, and the sessions that are still there."""
    if not place.has_losses:
        return [], {}
    async with tenant_scope(place.tenant_id) as db:
        rows = await db.fetch(_LEAVERS, place.tenant_id, place.after, place.last, now)
    leavers = [_Leaver(**row) for row in rows]
    # No transaction is open while Redis is asked.
    ids = await store.list_of_members(place.tenant_id, [leaver.member_id for leaver in leavers])
    held = await store.read(ids, now=now)
    signed_in = {one.session.member_id for one in held.values()}
    concerned = [leaver for leaver in leavers if leaver.has_parts or leaver.member_id in signed_in]
    return concerned, {session_id: one.session for session_id, one in held.items()}


async def _take_out(
    store: SessionStore,
    place: _Place,
    leavers: Sequence[_Leaver],
    sessions: dict[UUID, Session],
    *,
    now: datetime,
) -> None:
    """PostgreSQL first, then Redis; what a crash in between leaves there, whoever tells a client ends.

    Raises:
        _Overtaken: the place is done.
    """
    names = {leaver.member_id: leaver.user_name for leaver in leavers}
    lost = [(leaver.member_id, app_id) for leaver in leavers for app_id in leaver.apps]
    async with tenant_scope(place.tenant_id, changing=True) as db:
        gone = await _find_gone(db, place.tenant_id, lost, now=now)
        parts = await end_parts_of_members(db, place.tenant_id, lost, gone, now=now)
        ended = [session for session in sessions.values() if session.member_id in gone]
        if ended:
            events = [tell_end(session, names[session.member_id], "access_ended") for session in ended]
            await record_act(db, Act(actor=SYSTEM, at=now), events, tenant_id=place.tenant_id)
        await become_system(db)
        if await db.execute(_ADVANCE, _NAME, place.read_to, place.position) != "UPDATE 1":
            raise _Overtaken
    count_ended("access_ended", len(ended))
    await store.forget(place.tenant_id, [(session.member_id, session.id) for session in ended])
    for part in parts:
        if part.member_id not in gone:
            await drop_part(store, part.session_id, part.client_id)


async def _find_gone(
    db: Db, tenant_id: UUID, lost: Sequence[tuple[UUID, str]], *, now: datetime
) -> set[UUID]:
    members, apps = zip(*lost, strict=True)
    rows = await db.fetch(_GONE, tenant_id, list(members), list(apps), now)
    return {row["member_id"] for row in rows}
