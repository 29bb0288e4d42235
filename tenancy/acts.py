"""Acts of administrators and of Tenon itself: each that changes something is one entry of the audit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from tenancy.database import NO_TENANT, Db
from tenancy.events import CLOSE_CHANGE_SET, Cause, Event, change_set_values, count_events, encode

SYSTEM = "system"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's wish to change something, told through our API or found due by the worker.

    `actor` is who, such as `operator:9f2c…` or `tenant_admin:9f2c…` with the id of the token, or `system`;
    `address` is where from.
    """

    actor: str
    at: datetime
    address: str | None = None
    id: UUID = msgspec.field(default_factory=uuid4)

    @property
    def cause(self) -> Cause:
        """What the act's events refer to."""
        return Cause(id=self.id, by=self.actor, at=self.at)


_INSERT_ACT = f"""
WITH {CLOSE_CHANGE_SET}
INSERT INTO audit (tenant_id, id, at, actor, action, subject, before, after, counts, address)
VALUES ($1, $2, $3, $4, $10, $11, $12, $13, $14, $15)
"""


async def record_act(
    db: Db,
    act: Act,
    events: Sequence[Event],
    *,
    tenant_id: UUID = NO_TENANT,
    differences: Mapping[str, int] = {},
) -> None:
    """Write the act with its events, the first of which names it, in the caller's transaction.

    `differences` counts the events that are written already, numbered after these.
    """
    named, counts = events[0], count_events(events, differences)
    await db.execute(
        _INSERT_ACT,
        tenant_id,
        *change_set_values(act.cause, events, counts),
        named.type,
        named.subject,
        encode(named.previous),
        encode(named.data),
        encode(counts),
        act.address,
    )


_NOTE_ACT = """
INSERT INTO audit (tenant_id, id, at, actor, action, subject, before, after, counts, address)
VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, '{}', $8)
"""


async def note_act(
    db: Db,
    act: Act,
    action: str,
    subject: str,
    *,
    data: msgspec.Struct | None = None,
    tenant_id: UUID = NO_TENANT,
) -> None:
    """Write an act that changes nothing, such as reading what somebody has to answer for."""
    await db.execute(
        _NOTE_ACT, tenant_id, act.id, act.at, act.actor, action, subject, encode(data), act.address
    )
