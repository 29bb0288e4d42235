"""Bindings: which enterprise uses which instance, and what a push about it may do."""

from collections import OrderedDict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from tenancy.database import Db, system_scope, tenant_scope
from tenancy.errors import InstanceUnknown, TenantErased, TenantUnknown
from tenancy.event_objects import BindingObject, TenantObject, object_of
from tenancy.events import Event
from tenancy.gates import read_gates, record_gates, tell_bindings
from tenancy.pushes import Outcome, Push, outcome_of, record_push

KOOGALLERY = "koogallery"
SELLER = "koogallery-seller"

_CACHED_TENANTS = 10_000


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a push speaks: the enterprise, through one instance of a product.

    Debug calls and seller-side calls speak about shadow tenants, which no buyer's data ever meets;
    their instance is whatever they say it is.
    """

    product: str
    instance_id: str
    external_id: str
    source: str = KOOGALLERY
    is_test: bool = False

    @property
    def is_debug(self) -> bool:
        """Whether a debug call speaks: its ids are invented and must not be refused as unknown."""
        return self.is_test and self.source == KOOGALLERY


class TenantFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the marketplace says about an enterprise."""

    code: str
    name: str
    domain_name: str
    order_id: str = ""


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before a push is applied."""

    described: bool
    departments_listed_at: datetime | None
    bound: bool
    ended: bool
    ended_time: datetime | None
    instance_is_open: bool

    def is_stale(self, at: datetime) -> bool:
        """Whether the binding has ended after the time of a message."""
        return self.ended_time is not None and at < self.ended_time


# The ids of tenants never change, so they may be remembered; an erased tenant is noticed when used.
_known: OrderedDict[tuple[str, str, bool], UUID] = OrderedDict()


async def find_tenant(place: Place) -> UUID | None:
    """The id of the enterprise, placeholders included; None when nothing was ever heard of it."""
    key = (place.source, place.external_id, place.is_test)
    if key in _known:
        _known.move_to_end(key)
        return _known[key]
    async with system_scope() as db:
        found: UUID | None = await db.fetchval(
            "SELECT id FROM tenant WHERE source = $1 AND external_id = $2 AND is_test = $3", *key
        )
    if found is not None:
        _known[key] = found
        if len(_known) > _CACHED_TENANTS:
            _known.popitem(last=False)
    return found


def forget_tenant(place: Place) -> None:
    """Drop a remembered id: the tenant has been erased."""
    _known.pop((place.source, place.external_id, place.is_test), None)


async def require_tenant(place: Place, *, now: datetime) -> UUID:
    """The tenant that an addition speaks about; a debug call makes its shadow tenant on the way.

    Raises:
        InstanceUnknown: no such instance of this product, or it has been released.
        TenantUnknown: the enterprise has not been synchronised yet.
    """
    tenant_id = await find_tenant(place)
    if tenant_id is not None:
        return tenant_id
    if place.is_debug:
        return await _make_placeholder(place, now=now)
    await _demand_instance(place)
    raise TenantUnknown


async def remember_tenant(place: Place, *, now: datetime) -> UUID | None:
    """The tenant that a removal speaks about, made as a placeholder when the removal came first.

    A removal must be remembered, or a delayed older addition would bring back what was removed.

    Returns:
        None when the instance is unknown: nothing can ever be added through it.
    """
    tenant_id = await find_tenant(place)
    if tenant_id is not None:
        return tenant_id
    try:
        await _demand_instance(place)
    except InstanceUnknown:
        return None
    return await _make_placeholder(place, now=now)


async def _demand_instance(place: Place) -> None:
    if place.is_test:
        return
    async with system_scope() as db:
        product = await db.fetchval(
            "SELECT product FROM instance WHERE instance_id = $1 AND state <> 'released'", place.instance_id
        )
    if product != place.product:
        raise InstanceUnknown


async def _make_placeholder(place: Place, *, now: datetime) -> UUID:
    async with system_scope() as db:
        await db.execute(
            "INSERT INTO tenant (id, source, external_id, is_test, code, name, domain_name, created_at,"
            " unbound_at) VALUES ($1, $2, $3, $4, '', '', '', $5, $5) ON CONFLICT DO NOTHING",
            uuid4(),
            place.source,
            place.external_id,
            place.is_test,
            now,
        )
    tenant_id = await find_tenant(place)
    assert tenant_id is not None
    return tenant_id


_ADMIT = """
SELECT t.source_time IS NOT NULL AS described, t.departments_listed_at,
       b.instance_id IS NOT NULL AND b.source_time > 'epoch' AS bound,
       coalesce(b.ended, false) AS ended, b.ended_time,
       i.product = $3 AND i.state <> 'released' AS instance_is_open
FROM tenant t
LEFT JOIN binding b ON b.tenant_id = t.id AND b.instance_id = $2
LEFT JOIN instance i ON i.instance_id = $2
WHERE t.id = $1
"""


async def admit(db: Db, tenant_id: UUID, place: Place) -> Admission:
    """Read what stands, under the tenant's lock.

    Raises:
        TenantErased: the tenant has been erased meanwhile; the next try finds or makes another.
    """
    row = await db.fetchrow(_ADMIT, tenant_id, place.instance_id, place.product)
    if row is None:
        forget_tenant(place)
        raise TenantErased
    return Admission(
        described=row["described"],
        departments_listed_at=row["departments_listed_at"],
        bound=row["bound"],
        ended=row["ended"],
        ended_time=row["ended_time"],
        instance_is_open=place.is_test or bool(row["instance_is_open"]),
    )


def demand_binding(admission: Admission, place: Place, at: datetime) -> None:
    """Refuse an addition that the marketplace has to repeat later; debug calls are never refused.

    Raises:
        InstanceUnknown: no such instance of this product, or it has been released.
        TenantUnknown: the enterprise is not bound to the instance, or not any more.
    """
    if not admission.instance_is_open:
        raise InstanceUnknown
    if place.is_debug:
        return
    if not admission.bound or (admission.ended and not admission.is_stale(at)):
        raise TenantUnknown


_DESCRIBE = """
UPDATE tenant SET code = $2, name = $3, domain_name = $4, source_time = $5
WHERE id = $1 AND (source_time IS NULL OR source_time <= $5)
RETURNING id
"""

_BIND = """
INSERT INTO binding (tenant_id, instance_id, order_id, ended, source_time, open)
VALUES ($1, $2, $3, false, $4, false)
ON CONFLICT (tenant_id, instance_id) DO UPDATE
SET ended = binding.ended AND excluded.source_time < binding.ended_time,
    source_time = greatest(binding.source_time, excluded.source_time),
    order_id = CASE WHEN excluded.source_time >= binding.source_time THEN excluded.order_id
               ELSE binding.order_id END
"""

BINDING = (
    "SELECT instance_id, ended, source_time, open FROM binding WHERE tenant_id = $1 AND instance_id = $2"
)

# The retention clock runs while no binding is left, placeholders included.
MARK_UNBOUND = """
UPDATE tenant SET unbound_at = CASE WHEN EXISTS (
        SELECT FROM binding b LEFT JOIN instance i ON i.instance_id = b.instance_id
        WHERE b.tenant_id = $1 AND NOT b.ended AND i.state IS DISTINCT FROM 'released')
    THEN NULL ELSE coalesce(unbound_at, $2) END
WHERE id = $1
"""


async def bind_tenant(place: Place, facts: TenantFacts, *, at: datetime, push: Push) -> Outcome:
    """Describe the enterprise and bind it to the instance; repeating changes nothing.

    Raises:
        InstanceUnknown: no such instance of this product, or it has been released.
    """
    await _demand_instance(place)
    tenant_id = await find_tenant(place) or await _make_placeholder(place, now=push.received_at)
    async with tenant_scope(tenant_id, changing=True) as db:
        before = await db.fetchrow(
            "SELECT code, name, domain_name, source_time FROM tenant WHERE id = $1", tenant_id
        )
        if before is None:
            forget_tenant(place)
            raise TenantErased
        bound = await db.fetchrow(BINDING, tenant_id, place.instance_id)
        gates = await read_gates(db, tenant_id)
        described = await db.fetchval(_DESCRIBE, tenant_id, facts.code, facts.name, facts.domain_name, at)
        await db.execute(_BIND, tenant_id, place.instance_id, facts.order_id, at)
        await db.execute(MARK_UNBOUND, tenant_id, push.received_at)
        events = _tell_tenant(before, facts, place) if described else []
        told = await tell_bindings(db, tenant_id, now=push.received_at, only=place.instance_id)
        now_bound = await db.fetchrow(BINDING, tenant_id, place.instance_id)
        assert now_bound is not None
        if not now_bound["ended"] and (bound is None or bound["ended"]):
            data = object_of(BindingObject, now_bound)
            told = [Event(type="binding.added", subject=place.instance_id, data=data)]
        events += told
        counts = await record_gates(db, tenant_id, gates, first=len(events))
        outcome = outcome_of(events, counts)
        if not events and not described:
            outcome = Outcome(verdict="stale")
        await record_push(db, tenant_id, push, outcome, events=events)
    return outcome


def _tell_tenant(before: Any, facts: TenantFacts, place: Place) -> list[Event]:
    data = TenantObject(
        external_id=place.external_id, code=facts.code, name=facts.name, domain_name=facts.domain_name
    )
    if before["source_time"] is None:
        return [Event(type="tenant.added", subject=place.external_id, data=data)]
    known = {name: before[name] for name in ("code", "name", "domain_name")}
    previous = TenantObject(external_id=place.external_id, **known)
    if previous == data:
        return []
    return [Event(type="tenant.changed", subject=place.external_id, data=data, previous=previous)]
