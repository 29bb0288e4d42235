"""Tenants and what is in them over HTTP; everything here is read."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter

from service.callers import demand_token
from service.names import name_after
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.push_filters import choose_pushes
from tenancy.department_rows import DepartmentRecord, list_departments, read_department, read_tree
from tenancy.event_pages import EventRecord, list_changes
from tenancy.member_pages import MemberRecord, list_members, read_member
from tenancy.paging import Page
from tenancy.push_pages import (
    PushDetail,
    PushFilter,
    PushRecord,
    list_pushes,
    read_push,
)
from tenancy.tenants import TenantRecord, TenantSummary, list_tenants, read_tenant
from tenancy.tree import Node


class Tree(msgspec.Struct, frozen=True):
    """The whole tree, parents before their children; `depth` is 0 at the top."""

    items: list[Node]


# Where the last name of the path begins: /v1/tenants/{}/departments/ and …/members/.
_NAME = 4

Text = Annotated[str | None, QueryParameter(max_length=255)]


@get("/")
async def show_tenants(
    external_id: Text = None,
    product: Text = None,
    test: FromQuery[bool] = False,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[TenantSummary]:
    """List enterprises; with `test=true` the shadow tenants of debug and seller-side calls instead."""
    return await list_tenants(
        external_id=external_id, product=product, is_test=test, cursor=cursor, limit=limit
    )


@get("/{tenant_id:uuid}")
async def show_tenant(tenant_id: FromPath[UUID]) -> TenantRecord:
    """Show an enterprise."""
    return await read_tenant(tenant_id)


@get("/{tenant_id:uuid}/departments")
async def show_departments(
    tenant_id: FromPath[UUID],
    parent: Text = None,
    removed: FromQuery[bool] = False,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DepartmentRecord]:
    """List departments; with `parent` its children only, with an empty `parent` the top."""
    return await list_departments(tenant_id, parent=parent, removed=removed, cursor=cursor, limit=limit)


@get("/{tenant_id:uuid}/departments/{code:path}")
async def show_department(tenant_id: FromPath[UUID], request: Request[Any, Any, State]) -> DepartmentRecord:
    """Show a department."""
    return await read_department(tenant_id, name_after(request, _NAME))


@get("/{tenant_id:uuid}/tree")
async def show_tree(tenant_id: FromPath[UUID]) -> Tree:
    """Show the whole tree."""
    return Tree(await read_tree(tenant_id))


@get("/{tenant_id:uuid}/members")
async def show_members(
    tenant_id: FromPath[UUID],
    department: Text = None,
    recursive: FromQuery[bool] = False,
    q: Text = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[MemberRecord]:
    """List members, of a department if one is named, with a name or user name that contains `q`."""
    return await list_members(
        tenant_id, department=department, recursive=recursive, query=q, cursor=cursor, limit=limit
    )


@get("/{tenant_id:uuid}/members/{user_name:path}")
async def show_member(tenant_id: FromPath[UUID], request: Request[Any, Any, State]) -> MemberRecord:
    """Show a member."""
    return await read_member(tenant_id, name_after(request, _NAME))


@get("/{tenant_id:uuid}/pushes", dependencies={"which": Provide(choose_pushes, sync_to_thread=False)})
async def show_pushes(
    tenant_id: FromPath[UUID],
    which: NamedDependency[PushFilter],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[PushRecord]:
    """List signed calls about this tenant, newest first."""
    return await list_pushes(tenant_id, which=which, cursor=cursor, limit=limit)


@get("/{tenant_id:uuid}/pushes/{push:uuid}")
async def show_push(tenant_id: FromPath[UUID], push: FromPath[UUID]) -> PushDetail:
    """Show a signed call, what became of it and the first of its changes."""
    return await read_push(tenant_id, push)


@get("/{tenant_id:uuid}/pushes/{push:uuid}/changes")
async def show_changes(
    tenant_id: FromPath[UUID], push: FromPath[UUID], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[EventRecord]:
    """List what a signed call changed."""
    return await list_changes(tenant_id, push, cursor=cursor, limit=limit)


router = Router(
    "/v1/tenants",
    route_handlers=[
        show_tenants,
        show_tenant,
        show_departments,
        show_department,
        show_tree,
        show_members,
        show_member,
        show_pushes,
        show_push,
        show_changes,
    ],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["tenants"],
)
