"""Leases: the right to tell an endpoint the next events of a tenant, and what these events are."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import Db, tenant_of
from tenancy.event_pages import EVENT_COLUMNS, EncodedRecord, encode_records

# How far one lease reaches at the most: events to tell, and events to look through for them.
_MOST_EVENTS = 50
_WIDEST = 10_000


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right to tell one endpoint the next events of one tenant, in their order.

    Once all `events` are accepted, the stream is at `ends_at`: what comes before it and is not among them is
    of no interest to the endpoint. `causes` are the ids of the pushes and acts behind them, one for each.
    `is_probe` says that the endpoint is failing and tried with this alone.
    """

    tenant_id: UUID
    endpoint_id: UUID
    id: UUID
    url: str
    sealed_secrets: bytes
    revision: int
    is_probe: bool
    events: list[EncodedRecord]
    causes: list[UUID]
    ends_at: int

    @property
    def told_tenant(self) -> UUID | None:
        """The tenant as it is told; None for what belongs to none."""
        return tenant_of(self.tenant_id)


_EVENTS = f"""
SELECT l.place, c.cause_id, {EVENT_COLUMNS}
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
     WITH ORDINALITY AS l (tenant_id, endpoint_id, after, until, place)
JOIN endpoint p ON p.id = l.endpoint_id
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.tenant_id = l.tenant_id AND e.number > l.after AND e.number <= l.until
      AND (p.types IS NULL OR e.type = ANY (p.types) OR split_part(e.type, '.', 1) || '.*' = ANY (p.types))
    ORDER BY e.number LIMIT $5
) AS e
JOIN change_set c ON c.tenant_id = e.tenant_id AND c.number = e.change_set
ORDER BY l.place, e.number
"""


async def read_leases(db: Db, lease: UUID, rows: Sequence[Any], *, probing: Collection[UUID]) -> list[Lease]:
    """The leases of streams that were just taken; those without events have nothing for their endpoint."""
    if not rows:
        return []
    until = [min(row["target"], row["position"] + _WIDEST) for row in rows]
    tenants = [row["tenant_id"] for row in rows]
    endpoints = [row["endpoint_id"] for row in rows]
    events: list[list[EncodedRecord]] = [[] for _ in rows]
    causes: list[list[UUID]] = [[] for _ in rows]
    found = await db.fetch(
        _EVENTS, tenants, endpoints, [row["position"] for row in rows], until, _MOST_EVENTS
    )
    for row, event in zip(found, encode_records(found), strict=True):
        events[row["place"] - 1].append(event)
        causes[row["place"] - 1].append(row["cause_id"])
    told = {
        row["id"]: row
        for row in await db.fetch(
            "SELECT id, url, secrets, revision FROM endpoint WHERE id = ANY ($1::uuid[])", set(endpoints)
        )
    }
    return [
        Lease(
            tenant_id=row["tenant_id"],
            endpoint_id=row["endpoint_id"],
            id=lease,
            url=told[row["endpoint_id"]]["url"],
            sealed_secrets=told[row["endpoint_id"]]["secrets"],
            revision=told[row["endpoint_id"]]["revision"],
            is_probe=row["endpoint_id"] in probing,
            events=mine,
            causes=behind,
            ends_at=end if len(mine) < _MOST_EVENTS else mine[-1].number,
        )
        for row, end, mine, behind in zip(rows, until, events, causes, strict=True)
        if row["endpoint_id"] in told
    ]
