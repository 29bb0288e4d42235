"""Signing in and out: where sessions begin and end, each told in the tenant's log."""

from datetime import datetime
from uuid import UUID, uuid4

from sso.bearer import make_cookie
from sso.client_sessions import Reason, end_parts
from sso.errors import NoAccess, NotSignedIn
from sso.measures import count_begun, count_ended
from sso.sessions import Held, Session, SessionStore, Upstream
from tenancy.acts import Act, record_act
from tenancy.database import tenant_scope
from tenancy.event_objects import SessionFact
from tenancy.events import Event
from tenancy.standings import Standing, find_standing


async def start_session(
    store: SessionStore,
    tenant_id: UUID,
    member_id: UUID,
    *,
    connection: str,
    upstream: Upstream | None,
    authenticated_at: datetime | None = None,
    act: Act,
) -> tuple[Session, str]:
    """Sign a member in: a new session, whatever there was before, and the text of its cookie.

    `authenticated_at` is when the upstream says that the person proved who it is, if it says so.

    Raises:
        NoAccess: the member is not there, disabled, or may use no app of the tenant.
        SessionsUnavailable: Redis is away.
    """
    standing = await find_standing(tenant_id, member_id, connection=connection, now=act.at)
    if standing is None or not standing.allowed:
        raise NoAccess
    session_id = uuid4()
    cookie, digest = make_cookie(session_id)
    session = Session(
        id=session_id,
        tenant_id=tenant_id,
        member_id=member_id,
        connection=connection,
        digest=digest,
        authenticated_at=min(authenticated_at or act.at, act.at),
        started_at=act.at,
        until=act.at + store.lifetimes.most,
    )
    # Nobody has the cookie yet, so a session that could not be told of is of no use to anybody.
    await store.start(session, upstream)
    fact = SessionFact(user_name=standing.user_name, connection=connection)
    async with tenant_scope(tenant_id, changing=True) as db:
        started = Event(type="session.started", subject=str(session_id), data=fact)
        await record_act(db, act, [started], tenant_id=tenant_id)
    count_begun(connection)
    return session, cookie


async def end_session(store: SessionStore, session: Session, *, reason: Reason, act: Act) -> None:
    """End a session and have its clients told, which outlives a crash right after.

    Raises:
        SessionsUnavailable: Redis is away; the duty to tell the clients stands, and who tells them ends it.
    """
    async with tenant_scope(session.tenant_id, changing=True) as db:
        user_name = await db.fetchval(
            "SELECT user_name FROM member WHERE tenant_id = $1 AND id = $2",
            session.tenant_id,
            session.member_id,
        )
        # An erased tenant has nobody left to tell.
        if user_name is not None:
            await end_parts(db, session.tenant_id, session.id, reason, now=act.at)
            ended = tell_end(session, user_name, reason)
            await record_act(db, act, [ended], tenant_id=session.tenant_id)
    count_ended(reason)
    await store.end(session)


def tell_end(session: Session, user_name: str, reason: Reason) -> Event:
    """The event of a session's end."""
    fact = SessionFact(user_name=user_name, connection=session.connection, reason=reason)
    return Event(type="session.ended", subject=str(session.id), previous=fact)


async def demand_standing(held: Held | None, *, app_id: str | None = None, now: datetime) -> Standing:
    """The standing of whoever a session is of, which every use of it depends on.

    Raises:
        NotSignedIn: there is no such session any more, or its member may not use the app, or any.
    """
    standing = None
    if held is not None:
        session = held.session
        standing = await find_standing(
            session.tenant_id, session.member_id, app_id=app_id, connection=session.connection, now=now
        )
    if standing is None or not standing.allowed:
        raise NotSignedIn
    return standing
