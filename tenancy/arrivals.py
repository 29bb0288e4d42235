"""People who sign in before the marketplace has described them."""

from uuid import UUID

import msgspec

from tenancy.database import Db
from tenancy.events import Cause, Event
from tenancy.member_events import tell_member
from tenancy.member_facts import IMPLIED_AT, MemberFacts, describe
from tenancy.member_rows import read_known, write_members

# Whoever signs in is authorised for nothing by that: the words about all apps are words of other apps.
_NO_APP = ("", "")


class NewMember(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is there from now on, and what is to be told of it."""

    id: UUID
    events: list[Event]


async def add_arrival(
    db: Db, tenant_id: UUID, *, user_name: str, name: str, cause: Cause
) -> NewMember | None:
    """Add a plain member whom nobody has described yet; None when the marketplace has removed the person.

    Everything about the member is as old as can be, so that whatever the marketplace says, or has said of
    an app, wins. The caller records the events, and refreshes the access of the member.
    """
    rows = await read_known(db, tenant_id, *_NO_APP, [user_name], ended_time=None)
    row = rows[user_name]
    known = describe(row.known, MemberFacts(user_name, {"name": name}), IMPLIED_AT)
    if known.removed:
        return None
    arrived = msgspec.structs.replace(row, known=known, was=row.known)
    await write_members(db, tenant_id, *_NO_APP, [arrived], cause=cause)
    return NewMember(id=arrived.id, events=tell_member(arrived, *_NO_APP))
