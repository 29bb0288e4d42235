"""Reviewing held full lists: planned against the present, approved or rejected."""

from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.acts import Act, record_act
from tenancy.bindings import Place, admit, demand_binding
from tenancy.database import Db, tenant_scope
from tenancy.department_lists import apply_list
from tenancy.errors import PlanChanged, SyncOutdated, TenantUnknown
from tenancy.event_objects import HeldFact
from tenancy.events import Event
from tenancy.held_rows import (
    COLUMNS,
    HeldList,
    Review,
    State,
    decide_held,
    demand_held,
    find_review,
    review_of,
)
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.plans import PlannedChanges, digest_changes, plan_list
from tenancy.tenants import demand_tenant

_LIST = f"""
SELECT {COLUMNS} FROM held_push
WHERE tenant_id = $1 AND ($2::text IS NULL OR state = $2)
  AND ($3::timestamptz IS NULL OR (held_at, push_id) < ($3, $4))
ORDER BY held_at DESC, push_id DESC LIMIT $5
"""


async def list_reviews(
    tenant_id: UUID, *, state: State | None, cursor: str | None, limit: int
) -> Page[Review]:
    """List the pushes that were held, newest first, in whatever state or in one.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    at, last = decode_cursor(cursor, tuple[datetime, UUID]) or (None, None)
    async with tenant_scope(tenant_id) as db:
        await demand_tenant(db, tenant_id)
        rows = await db.fetch(_LIST, tenant_id, state, at, last, limit + 1)
    reviews = [review_of(row) for row in rows]
    return page_of(reviews, limit, key=lambda review: (review.held_at, review.push_id))


async def plan_held_push(
    tenant_id: UUID, push_id: UUID, *, event_type: str | None, limit: int, act: Act
) -> PlannedChanges:
    """What a held list would change now, which may be other than when it was held; writes nothing.

    Raises:
        TenantUnknown, PushUnknown: there is no such tenant or push.
        PushNotHeld: it does not wait, or not any more.
        SyncOutdated: it can no longer be applied.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        held = await _demand(db, tenant_id, push_id)
        return await plan_list(
            db,
            tenant_id,
            held.departments,
            at=held.source_time,
            cause=act.cause,
            event_type=event_type,
            limit=limit,
        )


async def approve_push(tenant_id: UUID, push_id: UUID, *, digest: str | None, act: Act) -> Review:
    """Apply a held list to the present, exactly as its plan says.

    `digest` names the plan that the administrator has seen; None means the one made when it was held.

    Raises:
        TenantUnknown, PushUnknown: there is no such tenant or push.
        PushNotHeld: it does not wait, or not any more.
        SyncOutdated: it can no longer be applied.
        PlanChanged: it would change something else by now; nothing is changed.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        held = await _demand(db, tenant_id, push_id)
        counts = await apply_list(
            db, tenant_id, held.departments, at=held.source_time, cause=act.cause, first=1
        )
        now = await digest_changes(db, tenant_id)
        if now != (digest or held.review.digest):
            raise PlanChanged(f"Its digest is {now} now; it comes to {counts}.")
        return await _decide(db, tenant_id, push_id, held, "approved", act, counts)


async def reject_push(tenant_id: UUID, push_id: UUID, *, act: Act) -> Review:
    """Decide that a held list is not applied.

    Raises:
        TenantUnknown, PushUnknown: there is no such tenant or push.
        PushNotHeld: it does not wait, or not any more.
    """
    async with tenant_scope(tenant_id, changing=True) as db:
        await demand_tenant(db, tenant_id)
        held = await demand_held(db, tenant_id, push_id)
        return await _decide(db, tenant_id, push_id, held, "rejected", act, {})


async def _demand(db: Db, tenant_id: UUID, push_id: UUID) -> HeldList:
    """A list that waits, of an enterprise that still uses the instance."""
    tenant = await demand_tenant(db, tenant_id)
    held = await demand_held(db, tenant_id, push_id)
    place = Place(
        product=held.product,
        instance_id=held.instance_id,
        external_id=tenant["external_id"],
        source=tenant["source"],
        is_test=tenant["is_test"],
    )
    admission = await admit(db, tenant_id, place)
    demand_binding(admission, place, held.source_time)
    if admission.ended:
        raise TenantUnknown
    listed_at = admission.departments_listed_at
    if listed_at is not None and held.source_time < listed_at:
        raise SyncOutdated
    return held


async def _decide(
    db: Db,
    tenant_id: UUID,
    push_id: UUID,
    held: HeldList,
    state: State,
    act: Act,
    differences: dict[str, int],
) -> Review:
    await decide_held(db, tenant_id, push_id, state=state, by=act.actor, now=act.at)
    fact = HeldFact(reason=held.review.reason, counts=differences or held.review.counts)
    event = Event(type=f"sync.{state}", subject=str(push_id), data=fact)
    await record_act(db, act, [event], tenant_id=tenant_id, differences=differences)
    review = await find_review(db, tenant_id, push_id)
    assert review is not None
    return msgspec.structs.replace(review, counts=fact.counts)
