"""Whether there are new events: one look at the counters for all who wait."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from tenancy.database import system_scope


class News(msgspec.Struct, frozen=True, kw_only=True):
    """The newest number of each tenant, and the newest position of the order across tenants.

    `unfed` tells that events wait for their place in that order.
    """

    numbers: dict[UUID, int]
    position: int
    unfed: bool


_NEWS = """
SELECT (SELECT coalesce(max(position), 0) FROM feed) AS position,
       EXISTS (SELECT FROM event_counter WHERE last > fed) AS unfed,
       ARRAY(SELECT tenant_id FROM counted) AS tenants,
       ARRAY(SELECT last FROM counted) AS numbers
"""

_COUNTED = """
WITH counted AS MATERIALIZED (
    SELECT tenant_id, last FROM event_counter WHERE tenant_id = ANY ($1::uuid[])
)
"""


async def read_news(tenants: Sequence[UUID]) -> News:
    """Read how far the logs of these tenants go, and the order across all."""
    async with system_scope() as db:
        row = await db.fetchrow(_COUNTED + _NEWS, tenants)
    assert row is not None
    return News(
        numbers=dict(zip(row["tenants"], row["numbers"], strict=True)),
        position=row["position"],
        unfed=row["unfed"],
    )
