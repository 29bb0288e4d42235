"""Acts of administrators and of Tenon itself: each that changes something is one entry of the audit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from tenancy.changes import Cause, ChangeFact, change_columns, count_changes, encode
from tenancy.database import NO_TENANT, Db

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
        """What the act's changes refer to."""
        return Cause(id=self.id, by=self.actor, at=self.at)


_INSERT_ACT = """
WITH recorded AS (
    INSERT INTO audit (tenant_id, id, at, actor, address, action, subject, before, after, counts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
)
INSERT INTO change (tenant_id, cause_id, number, action, subject, before, after)
SELECT $1, $2, c.number, c.action, c.subject, c.before::jsonb, c.after::jsonb
FROM unnest($11::text[], $12::text[], $13::text[], $14::text[])
     WITH ORDINALITY AS c (action, subject, before, after, number)
"""


async def record_act(
    db: Db,
    act: Act,
    changes: Sequence[ChangeFact],
    *,
    tenant_id: UUID = NO_TENANT,
    differences: Mapping[str, int] = {},
) -> None:
    """Write the act with its changes, the first of which names it, in the caller's transaction.

    `differences` counts the changes that are written already, numbered after these.
    """
    named = changes[0]
    await db.execute(
        _INSERT_ACT,
        tenant_id,
        act.id,
        act.at,
        act.actor,
        act.address,
        named.action,
        named.subject,
        encode(named.before),
        encode(named.after),
        encode(count_changes(changes, differences)),
        *change_columns(changes),
    )
