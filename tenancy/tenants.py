"""Reading tenants, with their bindings and counts."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import Db, system_scope, tenant_scope
from tenancy.errors import TenantUnknown
from tenancy.paging import Page, decode_cursor, page_of


class BindingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An instance used by the tenant; `active` until it was unbound or released."""

    instance_id: str
    product: str | None
    active: bool


class TenantSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One enterprise."""

    id: UUID
    source: str
    external_id: str
    code: str
    name: str
    domain_name: str
    is_test: bool
    created_at: datetime
    unbound_at: datetime | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many are there, removed ones not counted."""

    departments: int
    members: int
    groups: int
    apps: int


class TenantRecord(TenantSummary, frozen=True, kw_only=True):
    """One enterprise with what it uses and has."""

    bindings: list[BindingRecord]
    counts: Counts


_COLUMNS = (
    "t.id, t.source, t.external_id, t.code, t.name, t.domain_name, t.is_test, t.created_at, t.unbound_at"
)

_LIST = f"""
SELECT {_COLUMNS} FROM tenant t
WHERE t.source_time IS NOT NULL AND t.is_test = $1 AND ($2::text IS NULL OR t.external_id = $2) AND t.id > $4
  AND ($3::text IS NULL OR EXISTS (SELECT FROM binding b JOIN instance i USING (instance_id)
                                   WHERE b.tenant_id = t.id AND i.product = $3 AND NOT b.ended))
ORDER BY t.id LIMIT $5
"""

_COUNTS = """
SELECT (SELECT count(*) FROM department WHERE tenant_id = $1 AND removed_at IS NULL) AS departments,
       (SELECT count(*) FROM member WHERE tenant_id = $1 AND removed_at IS NULL) AS members,
       (SELECT count(*) FROM group_ WHERE tenant_id = $1) AS groups,
       (SELECT count(*) FROM app WHERE tenant_id = $1 AND removed_at IS NULL) AS apps
"""

_BINDINGS = """
SELECT b.instance_id, i.product, NOT b.ended AND i.state IS DISTINCT FROM 'released' AS active
FROM binding b LEFT JOIN instance i USING (instance_id)
WHERE b.tenant_id = $1 ORDER BY b.instance_id
"""


async def list_tenants(
    *, external_id: str | None, product: str | None, is_test: bool, cursor: str | None, limit: int
) -> Page[TenantSummary]:
    """List enterprises by id; shadow tenants only when asked for."""
    async with system_scope() as db:
        rows = await db.fetch(
            _LIST, is_test, external_id, product, decode_cursor(cursor, UUID) or UUID(int=0), limit + 1
        )
    tenants = [msgspec.convert(dict(row), TenantSummary) for row in rows]
    return page_of(tenants, limit, key=lambda tenant: tenant.id)


async def demand_tenant(db: Db, tenant_id: UUID) -> Any:
    """Read the tenant's own row in its scope.

    Raises:
        TenantUnknown: there is none, or only a placeholder.
    """
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM tenant t WHERE id = $1 AND source_time IS NOT NULL", tenant_id
    )
    if row is None:
        raise TenantUnknown
    return row


async def read_tenant(tenant_id: UUID) -> TenantRecord:
    """Read one enterprise.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    async with tenant_scope(tenant_id) as db:
        row = await demand_tenant(db, tenant_id)
        bindings = await db.fetch(_BINDINGS, tenant_id)
        counts = await db.fetchrow(_COUNTS, tenant_id)
    assert counts is not None
    return msgspec.convert(
        {**row, "bindings": [dict(binding) for binding in bindings], "counts": dict(counts)}, TenantRecord
    )
