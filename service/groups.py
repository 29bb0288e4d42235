"""Groups of a tenant over HTTP."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, delete, get, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from service.callers import act_of, demand_token
from service.names import subject_of
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.revisions import IfMatch, etag, expected_revision
from tenancy.group_pages import (
    Content,
    EffectiveMember,
    list_effective_members,
    list_group_members,
    list_groups,
    read_group,
)
from tenancy.groups import Group, put_group, put_group_member, remove_group, remove_group_member
from tenancy.paging import Page


class GroupInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group as it is written."""

    name: Annotated[str, msgspec.Meta(description="1 to 255 characters.")]


@get("/")
async def show_groups(
    tenant_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Group]:
    """List groups."""
    return await list_groups(tenant_id, cursor=cursor, limit=limit)


@get("/{group:str}")
async def show_group(tenant_id: FromPath[UUID], group: FromPath[str]) -> Response[Group]:
    """Show a group."""
    return _tagged(await read_group(tenant_id, group))


@put("/{group:str}")
async def write_group(
    tenant_id: FromPath[UUID],
    group: FromPath[str],
    data: JSONBody[GroupInput],
    request: Request[Any, Any, State],
    if_match: IfMatch = None,
) -> Response[Group]:
    """Create or rename a group."""
    written = await put_group(
        tenant_id,
        group,
        name=data.name,
        expected_revision=expected_revision(if_match),
        act=act_of(request),
    )
    return _tagged(written)


@delete("/{group:str}")
async def drop_group(
    tenant_id: FromPath[UUID], group: FromPath[str], request: Request[Any, Any, State]
) -> None:
    """Remove a group, from other groups and from grants too."""
    await remove_group(tenant_id, group, act=act_of(request))


@get("/{group:str}/members")
async def show_contents(
    tenant_id: FromPath[UUID], group: FromPath[str], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Content]:
    """List what a group contains directly."""
    return await list_group_members(tenant_id, group, cursor=cursor, limit=limit)


@get("/{group:str}/effective-members")
async def show_effective_members(
    tenant_id: FromPath[UUID], group: FromPath[str], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[EffectiveMember]:
    """List everybody who belongs to a group, directly or not."""
    return await list_effective_members(tenant_id, group, cursor=cursor, limit=limit)


@put("/{group:str}/members/{subject_type:str}/{subject:path}", status_code=204)
async def put_in(
    tenant_id: FromPath[UUID],
    group: FromPath[str],
    subject_type: FromPath[str],
    request: Request[Any, Any, State],
) -> None:
    """Put a member, a department with all below it, or another group into a group."""
    content = subject_of(request, subject_type)
    await put_group_member(tenant_id, group, content, act=act_of(request))


@delete("/{group:str}/members/{subject_type:str}/{subject:path}")
async def take_out(
    tenant_id: FromPath[UUID],
    group: FromPath[str],
    subject_type: FromPath[str],
    request: Request[Any, Any, State],
) -> None:
    """Take a subject out of a group."""
    content = subject_of(request, subject_type)
    await remove_group_member(tenant_id, group, content, act=act_of(request))


def _tagged(group: Group) -> Response[Group]:
    return Response(group, headers=etag(group.revision))


router = Router(
    "/v1/tenants/{tenant_id:uuid}/groups",
    route_handlers=[
        show_groups,
        show_group,
        write_group,
        drop_group,
        show_contents,
        show_effective_members,
        put_in,
        take_out,
    ],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["groups"],
)
