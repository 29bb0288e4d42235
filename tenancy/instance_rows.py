"""Reading instances: one, several or a page of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import Db, system_scope
from tenancy.errors import InstanceUnknown
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.secrets import Keyring


class InstanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase; `state` is provisioning, active, frozen or released."""

    instance_id: str
    product: str
    order_id: str
    order_line_id: str
    state: str
    expires_at: datetime | None
    trial: bool
    front_end_url: str | None
    admin_url: str | None
    memo: str | None
    order: dict[str, Any] | None
    opened_at: datetime
    tenants: list[UUID]


_COLUMNS = """
i.instance_id, i.product, i.order_id, i.order_line_id, i.state, i.expires_at, i.trial, i.front_end_url,
i.admin_url, i.memo, i.order_details, i.opened_at,
ARRAY(SELECT b.tenant_id FROM binding b WHERE b.instance_id = i.instance_id AND NOT b.ended
      ORDER BY b.tenant_id) AS tenants
"""


async def find_order_line(db: Db, line: tuple[str, str, str]) -> InstanceRecord | None:
    """The instance of an order line, if it has been opened."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM instance i WHERE product = $1 AND order_id = $2 AND order_line_id = $3",
        *line,
    )
    return None if row is None else _record(row)


async def find_instances(product: str, instance_ids: list[str]) -> list[InstanceRecord]:
    """The instances of a product among these ids that are not released, in the order asked for."""
    async with system_scope() as db:
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM instance i"
            " WHERE product = $1 AND instance_id = ANY($2) AND state <> 'released'",
            product,
            instance_ids,
        )
    found = {row["instance_id"]: _record(row) for row in rows}
    return [found[instance_id] for instance_id in dict.fromkeys(instance_ids) if instance_id in found]


async def read_instance(instance_id: str) -> InstanceRecord:
    """Read one instance.

    Raises:
        InstanceUnknown: there is no such instance.
    """
    async with system_scope() as db:
        row = await db.fetchrow(f"SELECT {_COLUMNS} FROM instance i WHERE instance_id = $1", instance_id)
    if row is None:
        raise InstanceUnknown
    return _record(row)


async def list_instances(
    *, product: str | None, state: str | None, cursor: str | None, limit: int
) -> Page[InstanceRecord]:
    """List instances by id."""
    async with system_scope() as db:
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM instance i WHERE ($1::text IS NULL OR product = $1)"
            " AND ($2::text IS NULL OR state = $2) AND instance_id > $3 ORDER BY instance_id LIMIT $4",
            product,
            state,
            decode_cursor(cursor, str) or "",
            limit + 1,
        )
    return page_of([_record(row) for row in rows], limit, key=lambda instance: instance.instance_id)


def _record(row: Any) -> InstanceRecord:
    order = row["order_details"]
    return msgspec.convert(
        {**row, "order": None if order is None else msgspec.json.decode(order)}, InstanceRecord
    )


def contact_purpose(instance_id: str) -> str:
    """What the buyer's contact data is sealed for."""
    return f"contact:{instance_id}"


async def read_contact(instance_id: str, *, keyring: Keyring) -> dict[str, str]:
    """The buyer's contact data, empty when the marketplace sent none."""
    async with system_scope() as db:
        sealed = await db.fetchval("SELECT contact FROM instance WHERE instance_id = $1", instance_id)
    if sealed is None:
        return {}
    return msgspec.json.decode(
        keyring.open(sealed, purpose=contact_purpose(instance_id)), type=dict[str, str]
    )
