"""Undoing what a push did to members, all of them with the same few statements."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tenancy.access_rows import members_listed, refresh_access
from tenancy.database import Db
from tenancy.events import Event
from tenancy.member_events import tell_member
from tenancy.member_rows import MemberRow, read_known, write_members
from tenancy.undo_people import restore_person
from tenancy.undo_rules import Remaining, Restored, Told, Undoing

_BINDING = """
SELECT b.ended_time, coalesce(b.ended, false) OR i.state IS NOT DISTINCT FROM 'released' AS has_ended
FROM (SELECT $2::text AS instance_id) AS asked
LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = asked.instance_id
LEFT JOIN instance i ON i.instance_id = asked.instance_id
"""


async def restore_members(db: Db, undoing: Undoing, told: Sequence[Told], *, first: int) -> Restored:
    """Bring members back to who and where they were, with the marketplace's word before the push.

    `first` is how many events of the change set come before.
    """
    people: dict[str, list[Told]] = {}
    for event in told:
        people.setdefault(event.subject, []).append(event)
    if not people:
        return Restored()
    app_id, instance_id = _find_app(told)
    binding = await db.fetchrow(_BINDING, undoing.tenant_id, instance_id)
    assert binding is not None
    ended_time = binding["ended_time"]
    rows = await read_known(db, undoing.tenant_id, app_id, instance_id, list(people), ended_time=ended_time)
    written: list[MemberRow] = []
    events: list[Event] = []
    remaining: list[Remaining] = []
    for user_name, about in people.items():
        row = rows[user_name]
        known, more = restore_person(row, about, undoing, has_ended=binding["has_ended"])
        remaining += more
        if known != row.known:
            row = msgspec.structs.replace(row, known=known, was=row.known)
            written.append(row)
            events += tell_member(row, app_id, instance_id)
    await write_members(db, undoing.tenant_id, app_id, instance_id, written, cause=undoing.cause)
    differences = {}
    if written:
        concerned = members_listed([row.id for row in written])
        before = first + len(events)
        differences = await refresh_access(db, undoing.tenant_id, concerned, undoing.cause, first=before)
    return Restored(events=events, differences=differences, remaining=remaining)


def _find_app(told: Sequence[Told]) -> tuple[str, str]:
    """The app and the instance of the words that the push gave, all of one app; none if it gave none."""
    words: list[Any] = [event.data for event in told if event.kind == "authorisation" and event.data]
    return (words[0]["app"], words[0]["instance_id"]) if words else ("", "")
