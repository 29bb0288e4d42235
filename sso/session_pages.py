"""Sessions as administrators see them: who is signed in, and ending that."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from sso.sessions import Held, SessionStore
from sso.sign_ins import end_session
from tenancy.acts import Act
from tenancy.database import Db, tenant_scope
from tenancy.errors import MemberUnknown, NotFound
from tenancy.paging import Page, decode_cursor, encode_cursor
from tenancy.tenants import demand_tenant


class SessionUnknown(NotFound):
    """There is no such session, or not any more."""


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser; without further use it ends at `expires_at`.

    `clients` have a part in it: they have been told who has signed in.
    """

    id: UUID
    user_name: str
    connection: str
    started_at: datetime
    used_at: datetime
    expires_at: datetime
    clients: list[str]


_DETAILS = """
SELECT o.member_id, m.user_name,
       ARRAY(SELECT s.client_id FROM client_session s
             WHERE s.tenant_id = $1 AND s.session_id = o.session_id AND s.ended_at IS NULL
             ORDER BY s.client_id) AS clients,
       o.session_id
FROM unnest($2::uuid[], $3::uuid[]) AS o (session_id, member_id)
JOIN member m ON m.tenant_id = $1 AND m.id = o.member_id
"""


async def list_sessions(
    store: SessionStore,
    tenant_id: UUID,
    *,
    user_name: str | None,
    cursor: str | None,
    limit: int,
    now: datetime,
) -> Page[SessionRecord]:
    """List sessions of a tenant, or of one member, oldest first; a page may lack some that have run out.

    Raises:
        TenantUnknown: there is no such tenant.
        MemberUnknown: the tenant has no such member.
        SessionsUnavailable: Redis is away.
    """
    after = decode_cursor(cursor, tuple[int, str])
    member_id = await _find_member(tenant_id, user_name)
    found = await store.list_ids(tenant_id, member_id=member_id, after=after, limit=limit + 1)
    shown = found[:limit]
    held = await store.read([UUID(session_id) for _, session_id in shown], now=now)
    async with tenant_scope(tenant_id) as db:
        details = await _read_details(db, tenant_id, held)
    items = [
        _record(one, details[session_id], idle_end=one.used_at + store.lifetimes.idle)
        for session_id, one in held.items()
        if session_id in details
    ]
    return Page(items, encode_cursor(shown[-1]) if len(found) > limit else None)


async def end_one_session(store: SessionStore, tenant_id: UUID, session_id: UUID, *, act: Act) -> None:
    """Sign somebody out.

    Raises:
        SessionUnknown: the tenant has no such session.
        SessionsUnavailable: Redis is away.
    """
    held = (await store.read([session_id], now=act.at)).get(session_id)
    if held is None or held.session.tenant_id != tenant_id:
        raise SessionUnknown
    await end_session(store, held.session, reason="ended_by_admin", act=act)


async def end_sessions_of(store: SessionStore, tenant_id: UUID, user_name: str, *, act: Act) -> None:
    """Sign a member out everywhere; one who is nowhere signed in stays so.

    Raises:
        TenantUnknown: there is no such tenant.
        MemberUnknown: the tenant has no such member.
        SessionsUnavailable: Redis is away.
    """
    member_id = await _find_member(tenant_id, user_name)
    assert member_id is not None
    held = await store.read(await store.list_of_members(tenant_id, [member_id]), now=act.at)
    for one in held.values():
        # Each is an act of its own.
        own = Act(actor=act.actor, at=act.at, address=act.address)
        await end_session(store, one.session, reason="ended_by_admin", act=own)


async def _find_member(tenant_id: UUID, user_name: str | None) -> UUID | None:
    """The member's id, a removed one's too; None when nobody is asked for."""
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        if user_name is None:
            return None
        member_id: UUID | None = await db.fetchval(
            "SELECT id FROM member WHERE tenant_id = $1 AND user_name = $2 AND source_time IS NOT NULL",
            tenant_id,
            user_name,
        )
    if member_id is None:
        raise MemberUnknown
    return member_id


async def _read_details(db: Db, tenant_id: UUID, held: dict[UUID, Held]) -> dict[UUID, Any]:
    members = [one.session.member_id for one in held.values()]
    rows = await db.fetch(_DETAILS, tenant_id, list(held), members)
    return {row["session_id"]: row for row in rows}


def _record(held: Held, details: Any, *, idle_end: datetime) -> SessionRecord:
    session = held.session
    return SessionRecord(
        id=session.id,
        user_name=details["user_name"],
        connection=session.connection,
        started_at=session.started_at,
        used_at=held.used_at,
        expires_at=min(idle_end, session.until),
        clients=details["clients"],
    )
