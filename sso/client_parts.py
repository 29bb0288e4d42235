"""A client's part in a session as Redis has it: the families that the client got there."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from sso.families import Family, encode_family
from sso.logout_rows import Duty
from sso.sessions import SessionStore
from tenancy.standings import find_standing

_SECOND_FIELD: Final = msgspec.msgpack.encode("app_id")


async def drop_part(store: SessionStore, session_id: UUID, client_id: str) -> int:
    """Take back all that a client was given in a session; how many families that were.

    Raises:
        SessionsUnavailable: Redis is away.
    """
    return await store.drop_families(session_id, _start_of(client_id))


async def take_back(store: SessionStore, duty: Duty, *, now: datetime) -> None:
    """Take back what a client is about to be told of: once more, for who did so first may have been killed.

    The whole session goes too, unless only some app of its member was lost.

    Raises:
        SessionsUnavailable: Redis is away.
        DatabaseUnavailable: the database is.
    """
    await drop_part(store, duty.session_id, duty.client_id)
    if duty.reason == "access_ended":
        standing = await find_standing(duty.tenant_id, duty.member_id, now=now)
        if standing is not None and standing.allowed:
            return
    await store.forget(duty.tenant_id, [(duty.member_id, duty.session_id)])


def _start_of(client_id: str) -> bytes:
    """How every family of the client begins as it is kept: its first field says whose it is."""
    kept = encode_family(Family(client_id=client_id, app_id="", scopes=()))
    return kept.partition(_SECOND_FIELD)[0]
