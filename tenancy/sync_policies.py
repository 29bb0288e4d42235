"""When a full list is held for review instead of being applied."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import msgspec

from tenancy.acts import Act, record_act
from tenancy.database import Db, tenant_scope
from tenancy.event_objects import SyncPolicyFact
from tenancy.events import Event
from tenancy.tenants import demand_tenant

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class SyncPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on a full list is held.

    When it would remove more than `max_removed` departments and more than `max_removed_percent` of them, or
    take an app from more than `max_losing` people.
    """

    max_removed: _Count = 20
    max_removed_percent: _Percent = 20
    max_losing: _Count = 50

    def judge(
        self, counts: Mapping[str, int], *, is_empty: bool, departments: int, losing: int
    ) -> str | None:
        """Why a list is to be held that would change so much; None when it is not.

        `departments` is how many there were before, `losing` how many people lose an app.
        """
        removed = counts.get("department.removed", 0)
        if is_empty and removed:
            return f"The list is empty and would remove all {removed} departments."
        if removed > self.max_removed and removed * 100 > self.max_removed_percent * departments:
            return f"The list would remove {removed} of {departments} departments."
        if losing > self.max_losing:
            return f"The list would take an app from {losing} people."
        return None


_PUT = """
INSERT INTO sync_policy (tenant_id, max_removed, max_removed_percent, max_losing, updated_at, updated_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id) DO UPDATE
SET max_removed = excluded.max_removed, max_removed_percent = excluded.max_removed_percent,
    max_losing = excluded.max_losing, updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""


async def find_policy(db: Db, tenant_id: UUID) -> SyncPolicy:
    """The tenant's policy, or the one for all who have set none."""
    row = await db.fetchrow(
        "SELECT max_removed, max_removed_percent, max_losing FROM sync_policy WHERE tenant_id = $1", tenant_id
    )
    return SyncPolicy() if row is None else SyncPolicy(**row)


async def read_policy(tenant_id: UUID) -> SyncPolicy:
    """Read when full lists are held.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        return await find_policy(db, tenant_id)


async def put_policy(tenant_id: UUID, policy: SyncPolicy, *, act: Act) -> SyncPolicy:
    """Set when full lists are held; repeating changes nothing.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        before = await find_policy(db, tenant_id)
        if before != policy:
            values = (policy.max_removed, policy.max_removed_percent, policy.max_losing)
            await db.execute(_PUT, tenant_id, *values, act.at, act.actor)
            event = Event(
                type="sync_policy.changed",
                subject=str(tenant_id),
                data=_fact(policy),
                previous=_fact(before),
            )
            await record_act(db, act, [event], tenant_id=tenant_id)
    return policy


def _fact(policy: SyncPolicy) -> SyncPolicyFact:
    return SyncPolicyFact(**msgspec.to_builtins(policy))
