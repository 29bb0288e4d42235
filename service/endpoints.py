"""Endpoints over HTTP: where webhooks go, how far they have come, and telling events again."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response
from msgspec import structs

from service.callers import act_of, demand_token
from service.endpoint_shapes import (
    EndpointChanges,
    EndpointInput,
    EndpointView,
    MadeEndpoint,
    MadeSecret,
    ReplayInput,
    view,
)
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.revisions import IfMatch, etag, expected_revision
from service.runtime import Runtime
from service.webhooks.signing import make_secret
from service.webhooks.targets import check_url
from tenancy.endpoint_pages import (
    AttemptRecord,
    StreamRecord,
    list_attempts,
    list_endpoints,
    list_streams,
    read_endpoint,
)
from tenancy.endpoint_rows import Endpoint
from tenancy.endpoint_secrets import remove_old_secret, rotate_secret
from tenancy.endpoints import change_endpoint, make_endpoint, remove_endpoint
from tenancy.paging import Page
from tenancy.replays import replay_events

OfTenant = Annotated[
    UUID | None, QueryParameter(description="One tenant only; all zeros for what belongs to none.")
]
Failed = Annotated[bool | None, QueryParameter(description="Those that were not accepted, or all others.")]


@get("/")
async def show_endpoints(
    state: State, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[EndpointView]:
    """List endpoints in the order in which they were made."""
    runtime: Runtime = state.runtime
    page = await list_endpoints(cursor=cursor, limit=limit)
    return Page([view(endpoint, runtime.keyring) for endpoint in page.items], page.next)


@post("/")
async def add_endpoint(
    data: JSONBody[EndpointInput], request: Request[Any, Any, State], state: State
) -> Response[MadeEndpoint]:
    """Make an endpoint, told of what happens from now on; its secret is shown only now."""
    runtime: Runtime = state.runtime
    settings = data.settings()
    _check(settings.url, runtime)
    secret = make_secret()
    endpoint = await make_endpoint(settings, secret=secret, keyring=runtime.keyring, act=act_of(request))
    return Response(
        MadeEndpoint(**structs.asdict(view(endpoint, runtime.keyring)), secret=secret),
        headers=etag(endpoint.revision),
    )


@get("/{endpoint:uuid}")
async def show_endpoint(endpoint: FromPath[UUID], state: State) -> Response[EndpointView]:
    """Show an endpoint."""
    return _tagged(await read_endpoint(endpoint), state)


@patch("/{endpoint:uuid}")
async def edit_endpoint(
    endpoint: FromPath[UUID],
    data: JSONBody[EndpointChanges],
    request: Request[Any, Any, State],
    state: State,
    if_match: IfMatch = None,
) -> Response[EndpointView]:
    """Change an endpoint; what is left out stays. Enabled again, it goes on where it was."""
    if isinstance(data.url, str):
        _check(data.url, state.runtime)
    changed = await change_endpoint(
        endpoint, data.apply, act=act_of(request), expected_revision=expected_revision(if_match)
    )
    return _tagged(changed, state)


@delete("/{endpoint:uuid}")
async def drop_endpoint(
    endpoint: FromPath[UUID], request: Request[Any, Any, State], if_match: IfMatch = None
) -> None:
    """Remove an endpoint with what it was to be told."""
    await remove_endpoint(endpoint, act=act_of(request), expected_revision=expected_revision(if_match))


@post("/{endpoint:uuid}/secrets")
async def add_secret(
    endpoint: FromPath[UUID], request: Request[Any, Any, State], state: State
) -> Response[MadeSecret]:
    """Make a second secret, shown only now; both sign until the old one is removed."""
    runtime: Runtime = state.runtime
    secret = make_secret()
    rotated = await rotate_secret(endpoint, secret=secret, keyring=runtime.keyring, act=act_of(request))
    return Response(MadeSecret(secret=secret), headers=etag(rotated.revision))


@delete("/{endpoint:uuid}/secrets/old")
async def drop_old_secret(endpoint: FromPath[UUID], request: Request[Any, Any, State], state: State) -> None:
    """Remove the old secret once the receiver has the new one."""
    runtime: Runtime = state.runtime
    await remove_old_secret(endpoint, keyring=runtime.keyring, act=act_of(request))


@post("/{endpoint:uuid}/replay", status_code=204)
async def replay(
    endpoint: FromPath[UUID], data: JSONBody[ReplayInput], request: Request[Any, Any, State]
) -> None:
    """Go on after a number in the log of a tenant: tell its events again, or leave some out."""
    await replay_events(endpoint, tenant_id=data.tenant_id, after=data.after, act=act_of(request))


@get("/{endpoint:uuid}/attempts")
async def show_attempts(
    endpoint: FromPath[UUID],
    tenant: OfTenant = None,
    failed: Failed = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AttemptRecord]:
    """List attempts, newest first."""
    return await list_attempts(endpoint, tenant_id=tenant, failed=failed, cursor=cursor, limit=limit)


@get("/{endpoint:uuid}/streams")
async def show_streams(
    endpoint: FromPath[UUID], cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[StreamRecord]:
    """List how far the endpoint has been told of each tenant."""
    return await list_streams(endpoint, cursor=cursor, limit=limit)


def _check(url: str, runtime: Runtime) -> None:
    settings = runtime.settings
    check_url(url, allow_http=settings.webhook_http, allow_private=settings.webhook_private)


def _tagged(endpoint: Endpoint, state: State) -> Response[EndpointView]:
    runtime: Runtime = state.runtime
    return Response(view(endpoint, runtime.keyring), headers=etag(endpoint.revision))


router = Router(
    "/v1/endpoints",
    route_handlers=[
        show_endpoints,
        add_endpoint,
        show_endpoint,
        edit_endpoint,
        drop_endpoint,
        add_secret,
        drop_old_secret,
        replay,
        show_attempts,
        show_streams,
    ],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["endpoints"],
)
