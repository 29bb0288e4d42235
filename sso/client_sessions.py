"""What clients have of sessions: noted when they get a part in one, so that they can be told of its end."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from sso.sessions import Session
from tenancy.database import Db, tenant_scope

# Why a session ended, as receipts and events say.
Reason = Literal[
    "signed_out",
    "ended_by_admin",
    "access_ended",
    "connection_ended",
    "replaced",
    "upstream_ended",
    "client_removed",
]

# A client that a new code brings into the session again is told once, of the app it uses now. What was ended
# with its whole session stays so, whatever a request that was under way still does.
_NOTE = """
INSERT INTO client_session (tenant_id, session_id, client_id, app_id, member_id, began_at, expires_at,
                            connection, attempts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
ON CONFLICT (tenant_id, session_id, client_id) DO UPDATE
SET app_id = excluded.app_id, ended_at = NULL, reason = NULL, due_at = NULL, leased_until = NULL,
    attempts = 0, acknowledged_at = NULL, status = NULL, error = NULL
WHERE (client_session.ended_at IS NULL AND client_session.app_id <> excluded.app_id)
   OR client_session.reason IN ('access_ended', 'client_removed')
"""

_END_ALL = """
UPDATE client_session SET ended_at = $3, reason = $4, due_at = $3
WHERE tenant_id = $1 AND session_id = $2 AND ended_at IS NULL
"""

# Of the members $5 all parts, of the pairs ($3, $4) of member and app those of the app. A session that has
# run out meanwhile was over anyway.
_END_OF_MEMBERS = """
UPDATE client_session s SET ended_at = $2, reason = 'access_ended', due_at = $2
WHERE s.tenant_id = $1 AND s.member_id = ANY ($3::uuid[]) AND s.ended_at IS NULL AND s.expires_at > $2
  AND (s.member_id = ANY ($5::uuid[])
       OR (s.member_id, s.app_id) IN (SELECT * FROM unnest($3::uuid[], $4::text[])))
RETURNING s.session_id, s.client_id, s.member_id
"""


_END_OF_CONNECTION = """
UPDATE client_session SET ended_at = $3, reason = 'connection_ended', due_at = $3
WHERE tenant_id = $1 AND connection = $2 AND ended_at IS NULL AND expires_at > $3
  AND ($4::uuid IS NULL OR member_id = $4)
"""


class EndedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A client's part in a session that has just ended."""

    session_id: UUID
    client_id: str
    member_id: UUID


async def note_client(session: Session, client_id: str, app_id: str, *, now: datetime) -> None:
    """Note that a client has a part in the session, before it is given anything."""
    async with tenant_scope(session.tenant_id) as db:
        await db.execute(
            _NOTE,
            session.tenant_id,
            session.id,
            client_id,
            app_id,
            session.member_id,
            now,
            session.until,
            session.connection,
        )


async def end_parts(db: Db, tenant_id: UUID, session_id: UUID, reason: Reason, *, now: datetime) -> None:
    """Have all clients told that the session has ended."""
    await db.execute(_END_ALL, tenant_id, session_id, now, reason)


async def end_parts_of_members(
    db: Db,
    tenant_id: UUID,
    lost: Sequence[tuple[UUID, str]],
    gone: Collection[UUID],
    *,
    now: datetime,
) -> list[EndedPart]:
    """Have clients told whose member has lost the app they were used for.

    `lost` is pairs of member and app; of the members `gone`, who have no app left, all clients are told.
    """
    members, apps = zip(*lost, strict=True)
    rows = await db.fetch(_END_OF_MEMBERS, tenant_id, now, list(members), list(apps), list(gone))
    return [EndedPart(**row) for row in rows]


async def end_parts_of_connection(
    db: Db, tenant_id: UUID, connection: str, *, member_id: UUID | None = None, now: datetime
) -> None:
    """Have clients told whose sessions began by this connection, all or those of one member."""
    await db.execute(_END_OF_CONNECTION, tenant_id, connection, now, member_id)
