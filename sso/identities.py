"""Identities: which account at a connection is which member, linked at the first sign-in."""

from datetime import datetime
from uuid import UUID

import msgspec

from sso.client_sessions import end_parts_of_connection
from sso.connection_rows import demand_connection
from sso.errors import IdentityTaken, MemberNotKnown, MemberRemoved
from tenancy.access_rows import members_listed, record_act_on
from tenancy.acts import Act, record_act
from tenancy.arrivals import NewMember, add_arrival
from tenancy.connection_facts import IdentityFact
from tenancy.database import Db, tenant_scope
from tenancy.errors import NameInvalid, NotFound
from tenancy.events import Event
from tenancy.names import demand_name
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.tenants import demand_tenant


class IdentityUnknown(NotFound):
    """There is no such identity."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """The member as whom somebody has signed in, and whether link and member came to be by that."""

    member_id: UUID
    user_name: str
    is_linked_now: bool = False
    is_created_now: bool = False


class IdentityRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The account `subject` at a connection belongs to this member."""

    subject: str
    user_name: str
    member_id: UUID
    linked_at: datetime


_LINKED = """
SELECT m.id, m.user_name, m.removed_at IS NOT NULL AS removed
FROM identity i JOIN member m ON m.tenant_id = $1 AND m.id = i.member_id
WHERE i.tenant_id = $1 AND i.connection = $2 AND i.subject = $3
"""

_DESCRIBED = """
SELECT m.id, m.removed_at IS NOT NULL AS removed,
       EXISTS (SELECT FROM identity i
               WHERE i.tenant_id = $1 AND i.connection = $3 AND i.member_id = m.id) AS taken
FROM member m WHERE m.tenant_id = $1 AND m.user_name = $2 AND m.source_time IS NOT NULL
"""

_LINK = """
INSERT INTO identity (tenant_id, connection, subject, member_id, linked_at) VALUES ($1, $2, $3, $4, $5)
"""

_UNLINK = """
DELETE FROM identity i USING member m
WHERE i.tenant_id = $1 AND i.connection = $2 AND i.subject = $3 AND m.tenant_id = $1 AND m.id = i.member_id
RETURNING m.id, m.user_name
"""

_LIST = """
SELECT i.subject, m.user_name, i.member_id, i.linked_at
FROM identity i JOIN member m ON m.tenant_id = $1 AND m.id = i.member_id
WHERE i.tenant_id = $1 AND i.connection = $2 AND i.subject > $4 AND ($3::text IS NULL OR m.user_name = $3)
ORDER BY i.subject LIMIT $5
"""


async def find_or_link(
    tenant_id: UUID,
    connection_name: str,
    *,
    subject: str,
    user_name: str,
    name: str | None,
    creates_members: bool,
    act: Act,
) -> Arrival:
    """Find the member whom an account belongs to; at its first sign-in, link it by the user name.

    An account that is linked stays so whatever it calls itself later. With `creates_members`, somebody
    whom nobody has described becomes a plain member.

    Raises:
        MemberNotKnown: there is no such member, and none is to be created.
        MemberRemoved: the member was removed; signing in does not bring it back.
        IdentityTaken: the member is linked to another account of this connection.
        NameInvalid: nobody can be created under this user name.
        TenantUnknown, ConnectionUnknown: they have been removed meanwhile.
    """
    account = (connection_name, subject)
    async with tenant_scope(tenant_id) as db:
        arrival = await _find_linked(db, tenant_id, account)
    if arrival is not None:
        return arrival
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        await demand_connection(db, tenant_id, connection_name)
        arrival = await _find_linked(db, tenant_id, account)
        if arrival is not None:
            return arrival
        member_id = await _find_described(db, tenant_id, connection_name, user_name)
        created = None
        if member_id is None:
            if not creates_members:
                raise MemberNotKnown
            created = await _create(db, tenant_id, user_name, name, act)
            member_id = created.id
        await db.execute(_LINK, tenant_id, *account, member_id, act.at)
        linked = Event(
            type="identity.linked",
            subject=user_name,
            data=IdentityFact(connection=connection_name, user_name=user_name),
        )
        if created is None:
            await record_act(db, act, [linked], tenant_id=tenant_id)
        else:
            people = members_listed([member_id])
            await record_act_on(db, tenant_id, people, act, [*created.events, linked])
    return Arrival(
        member_id=member_id, user_name=user_name, is_linked_now=True, is_created_now=created is not None
    )


async def unlink(tenant_id: UUID, connection_name: str, subject: str, *, act: Act) -> None:
    """Forget which member an account belongs to, so that the next sign-in links it, or another, anew.

    Sessions that began with it have ended.

    Raises:
        TenantUnknown, ConnectionUnknown, IdentityUnknown: there is no such thing.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        await demand_connection(db, tenant_id, connection_name)
        member = await db.fetchrow(_UNLINK, tenant_id, connection_name, subject)
        if member is None:
            raise IdentityUnknown
        await end_parts_of_connection(db, tenant_id, connection_name, member_id=member["id"], now=act.at)
        previous = IdentityFact(connection=connection_name, user_name=member["user_name"])
        unlinked = Event(type="identity.unlinked", subject=member["user_name"], previous=previous)
        await record_act(db, act, [unlinked], tenant_id=tenant_id)


async def list_identities(
    tenant_id: UUID, connection_name: str, *, user_name: str | None = None, cursor: str | None, limit: int
) -> Page[IdentityRecord]:
    """List the accounts of a connection by subject; with `user_name`, that of one member.

    Raises:
        TenantUnknown, ConnectionUnknown: there is no such thing.
    """
    after = decode_cursor(cursor, str) or ""
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        await demand_connection(db, tenant_id, connection_name)
        rows = await db.fetch(_LIST, tenant_id, connection_name, user_name, after, limit + 1)
    return page_of([IdentityRecord(**row) for row in rows], limit, key=lambda identity: identity.subject)


async def _find_linked(db: Db, tenant_id: UUID, account: tuple[str, str]) -> Arrival | None:
    row = await db.fetchrow(_LINKED, tenant_id, *account)
    if row is None:
        return None
    if row["removed"]:
        raise MemberRemoved
    return Arrival(member_id=row["id"], user_name=row["user_name"])


async def _find_described(db: Db, tenant_id: UUID, connection_name: str, user_name: str) -> UUID | None:
    """The member of this user name, whom the account may have."""
    row = await db.fetchrow(_DESCRIBED, tenant_id, user_name, connection_name)
    if row is None:
        return None
    if row["removed"]:
        raise MemberRemoved
    if row["taken"]:
        raise IdentityTaken
    member_id: UUID = row["id"]
    return member_id


async def _create(db: Db, tenant_id: UUID, user_name: str, name: str | None, act: Act) -> NewMember:
    if demand_name(user_name) != user_name:
        raise NameInvalid
    created = await add_arrival(db, tenant_id, user_name=user_name, name=_shown(name), cause=act.cause)
    if created is None:
        raise MemberRemoved
    return created


def _shown(name: str | None) -> str:
    """The name as it is shown; none where it cannot be."""
    try:
        return demand_name(name or "")
    except NameInvalid:
        return ""
