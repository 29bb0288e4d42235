"""Grants: an administrator lets a department, a member, a group or everyone use an app."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from tenancy.access_rows import members_of, record_act_on
from tenancy.acts import Act
from tenancy.authorisations import WORD, given_by
from tenancy.database import Db, tenant_scope
from tenancy.errors import AppUnknown, GrantedByMarketplace, GrantUnknown
from tenancy.event_objects import GrantObject
from tenancy.events import Author, Event, author_of
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.subjects import Subject, SubjectType, demand_subject


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A permission to use an app: `local` from our API, or the marketplace's word through an instance."""

    type: SubjectType
    id: str
    source: Literal["local", "marketplace"]
    instance_id: str | None
    since: datetime
    by: Author


_APP_IS_LIVE = "SELECT EXISTS (SELECT FROM app WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL)"

_PUT = """
INSERT INTO grant_ (tenant_id, app_id, subject_type, subject, granted_at, granted_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING subject
"""

_DELETE = """
DELETE FROM grant_ WHERE tenant_id = $1 AND app_id = $2 AND subject_type = $3 AND subject = $4
RETURNING granted_at, granted_by
"""

# Each local grant, and each person whom the marketplace authorises, once for each instance.
_GRANTS = f"""
SELECT type, id, source, instance_id, since, coalesce(granted_by, {given_by("cause_id")}) AS by
FROM (
    SELECT g.subject_type AS type, g.subject AS id, 'local' AS source, '' AS instance_id,
           g.granted_at AS since, g.granted_by, NULL::uuid AS cause_id
    FROM grant_ g WHERE g.tenant_id = $1 AND g.app_id = $2
    UNION ALL
    SELECT 'member', m.user_name, 'marketplace', a.instance_id, a.changed_at, NULL, a.push_id
    FROM authorisation a
    JOIN member m ON m.tenant_id = $1 AND m.id = a.member_id
    LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
    WHERE a.tenant_id = $1 AND a.app_id = $2 AND m.removed_at IS NULL AND {WORD} = 'granted'
) AS grants
"""


async def demand_app(db: Db, tenant_id: UUID, app_id: str) -> None:
    """Refuse an app that the tenant does not have, or not any more.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    if not await db.fetchval(_APP_IS_LIVE, tenant_id, app_id):
        raise AppUnknown


async def grant_access(tenant_id: UUID, app_id: str, subject: Subject, *, act: Act) -> Grant:
    """Let the subject use the app, with all who will ever belong to it; repeating changes nothing.

    Raises:
        AppUnknown, DepartmentUnknown, MemberUnknown, GroupUnknown: the app or the subject is not there.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_app(db, tenant_id, app_id)
        await demand_subject(db, tenant_id, subject)
        granted = await db.fetchval(_PUT, tenant_id, app_id, subject.type, subject.id, act.at, act.actor)
        if granted is not None:
            data = GrantObject(app=app_id, type=subject.type, id=subject.id)
            event = Event(type="grant.added", subject=app_id, data=data)
            await record_act_on(db, tenant_id, members_of(subject), act, [event])
        return (await _read(db, tenant_id, app_id, subject))[0]


async def revoke_access(tenant_id: UUID, app_id: str, subject: Subject, *, act: Act) -> None:
    """Withdraw a local grant; what is not granted may be withdrawn as often as you like.

    Raises:
        AppUnknown, DepartmentUnknown, MemberUnknown, GroupUnknown: the app or the subject is not there.
        GrantedByMarketplace: there is no local grant, but the marketplace has authorised the member.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_app(db, tenant_id, app_id)
        revoked = await db.fetchrow(_DELETE, tenant_id, app_id, subject.type, subject.id)
        if revoked is None:
            await demand_subject(db, tenant_id, subject, gone_too=True)
            if await _read(db, tenant_id, app_id, subject):
                raise GrantedByMarketplace
            return
        previous = GrantObject(app=app_id, type=subject.type, id=subject.id)
        event = Event(type="grant.removed", subject=app_id, previous=previous)
        await record_act_on(db, tenant_id, members_of(subject), act, [event])


async def read_grant(tenant_id: UUID, app_id: str, subject: Subject) -> Grant:
    """Read the grant to one subject: the local one, failing that the marketplace's.

    Raises:
        AppUnknown: the tenant has no such app.
        GrantUnknown: the subject has no grant.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_app(db, tenant_id, app_id)
        grants = await _read(db, tenant_id, app_id, subject)
    if not grants:
        raise GrantUnknown
    return grants[0]


async def list_grants(
    tenant_id: UUID, app_id: str, *, source: str | None, cursor: str | None, limit: int
) -> Page[Grant]:
    """List the grants of an app by subject, from both sources or from one.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    after = decode_cursor(cursor, tuple[str, str, str, str]) or ("", "", "", "")
    async with tenant_scope(tenant_id) as db:
        await demand_app(db, tenant_id, app_id)
        rows = await db.fetch(
            f"{_GRANTS} WHERE ($3::text IS NULL OR source = $3)"
            " AND (type, id, source, instance_id) > ($4, $5, $6, $7)"
            " ORDER BY type, id, source, instance_id LIMIT $8",
            tenant_id,
            app_id,
            source,
            *after,
            limit + 1,
        )
    grants = [_grant(row) for row in rows]
    return page_of(
        grants, limit, key=lambda grant: (grant.type, grant.id, grant.source, grant.instance_id or "")
    )


async def _read(db: Db, tenant_id: UUID, app_id: str, subject: Subject) -> list[Grant]:
    rows = await db.fetch(
        f"{_GRANTS} WHERE type = $3 AND id = $4 ORDER BY source, instance_id",
        tenant_id,
        app_id,
        subject.type,
        subject.id,
    )
    return [_grant(row) for row in rows]


def _grant(row: Any) -> Grant:
    return msgspec.convert(
        {**row, "by": author_of(row["by"]), "instance_id": row["instance_id"] or None}, Grant
    )
