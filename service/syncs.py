"""Full lists of departments under review: dry runs, held ones, and when they are held."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter

from service.callers import act_of, demand_token
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from tenancy.held_rows import Review
from tenancy.held_rows import State as ReviewState
from tenancy.paging import Page
from tenancy.plans import PlannedChanges
from tenancy.reviews import approve_push, list_reviews, plan_held_push, reject_push
from tenancy.sync_policies import SyncPolicy, put_policy, read_policy
from tenancy.syncs import plan_departments
from tenancy.tree import Department

_LARGEST_LIST = 32 * 1024 * 1024

_Code = Annotated[str, msgspec.Meta(min_length=1)]
_Changes = Annotated[int, QueryParameter(ge=0, le=10_000, description="How many of the changes to show.")]
# The framework keeps the name `state` for itself.
_State = Annotated[ReviewState | None, QueryParameter(name="state")]
_Type = Annotated[
    str | None, QueryParameter(name="type", description="Only changes of this type, such as `access.lost`.")
]


class ListedDepartment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A department of a full list; no parent means the top."""

    code: _Code
    name: _Code
    parent_code: _Code | None = None


class FullList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All departments of an enterprise."""

    departments: list[ListedDepartment]


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan that is approved, by its digest; left out, the one made when the list was held."""

    digest: str | None = None


@post("/departments:plan", status_code=200, request_max_body_size=_LARGEST_LIST)
async def plan_full_list(
    tenant_id: FromPath[UUID],
    data: JSONBody[FullList],
    request: Request[Any, Any, State],
    event_type: _Type = None,
    limit: _Changes = 100,
) -> PlannedChanges:
    """Show what a full list would change if it came now, who would lose what included; nothing is written."""
    departments = [Department(item.code, item.name, item.parent_code) for item in data.departments]
    act = act_of(request)
    return await plan_departments(tenant_id, departments, event_type=event_type, limit=limit, act=act)


@get("/reviews")
async def show_reviews(
    tenant_id: FromPath[UUID],
    wanted: _State = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[Review]:
    """List the full lists that were held, newest first; `state=held` are those that wait."""
    return await list_reviews(tenant_id, state=wanted, cursor=cursor, limit=limit)


@get("/pushes/{push:uuid}/plan")
async def show_plan(
    tenant_id: FromPath[UUID],
    push: FromPath[UUID],
    request: Request[Any, Any, State],
    event_type: _Type = None,
    limit: _Changes = 100,
) -> PlannedChanges:
    """Show what a held list would change now."""
    return await plan_held_push(tenant_id, push, event_type=event_type, limit=limit, act=act_of(request))


@post("/pushes/{push:uuid}/approve", status_code=200)
async def approve(
    tenant_id: FromPath[UUID],
    push: FromPath[UUID],
    request: Request[Any, Any, State],
    data: JSONBody[Approval | None] = None,
) -> Review:
    """Apply a held list, provided that it still changes what its plan says."""
    digest = None if data is None else data.digest
    return await approve_push(tenant_id, push, digest=digest, act=act_of(request))


@post("/pushes/{push:uuid}/reject", status_code=200)
async def reject(
    tenant_id: FromPath[UUID], push: FromPath[UUID], request: Request[Any, Any, State]
) -> Review:
    """Decide that a held list is not applied."""
    return await reject_push(tenant_id, push, act=act_of(request))


@get("/sync-policy")
async def show_policy(tenant_id: FromPath[UUID]) -> SyncPolicy:
    """Show from where on full lists are held."""
    return await read_policy(tenant_id)


@put("/sync-policy")
async def write_policy(
    tenant_id: FromPath[UUID], data: JSONBody[SyncPolicy], request: Request[Any, Any, State]
) -> SyncPolicy:
    """Set from where on full lists are held; what is left out is as for everybody."""
    return await put_policy(tenant_id, data, act=act_of(request))


router = Router(
    "/v1/tenants/{tenant_id:uuid}",
    route_handlers=[plan_full_list, show_reviews, show_plan, approve, reject, show_policy, write_policy],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["syncs"],
)
