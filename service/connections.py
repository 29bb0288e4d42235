"""Connections over HTTP: the ways to sign in to a tenant, trying them, and the accounts they have linked."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response

from service.callers import act_of, demand_token
from service.connection_shapes import ConnectionInput, ConnectionTest, ConnectionView, OidcInput, view
from service.names import name_after
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.revisions import IfMatch, etag, expected_revision
from service.runtime import Runtime
from service.sign_in.callbacks import callback_of
from service.webhooks.targets import EndpointUrlInvalid, check_url
from sso.connection_rows import Connection, KoogallerySettings
from sso.connection_secrets import open_secret
from sso.connections import list_connections, put_connection, read_connection, remove_connection
from sso.errors import OidcSettingsInvalid
from sso.identities import IdentityRecord, list_identities, unlink
from sso.oidc_settings import OidcSettings, check_settings
from sso.probes import probe
from tenancy.errors import Conflict
from tenancy.paging import Page

OfMember = Annotated[str | None, QueryParameter(description="The user name of one member.", max_length=255)]

# Where the subject begins: /v1/tenants/{}/connections/{}/identities/.
_SUBJECT = 6


class ConnectionUntestable(Conflict):
    """Only connections of OpenID Connect can be tried; the marketplace's login is tried by signing in."""


@get("/")
async def show_connections(
    tenant_id: FromPath[UUID], state: State, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ConnectionView]:
    """List the ways to sign in by name."""
    page = await list_connections(tenant_id, cursor=cursor, limit=limit)
    return Page([_view(connection, state.runtime) for connection in page.items], page.next)


@get("/{connection:str}")
async def show_connection(
    tenant_id: FromPath[UUID], connection: FromPath[str], state: State
) -> Response[ConnectionView]:
    """Show a way to sign in."""
    return _tagged(await read_connection(tenant_id, connection), state.runtime)


@put("/{connection:str}")
async def write_connection(
    tenant_id: FromPath[UUID],
    connection: FromPath[str],
    data: JSONBody[ConnectionInput],
    request: Request[Any, Any, State],
    state: State,
    if_match: IfMatch = None,
) -> Response[ConnectionView]:
    """Create or replace a way to sign in; a secret that is left out stays while issuer and client do."""
    runtime: Runtime = state.runtime
    settings = data.settings()
    if isinstance(settings, OidcSettings):
        _check(settings, runtime)
    written = await put_connection(
        tenant_id,
        connection,
        settings,
        secret=data.secret if isinstance(data, OidcInput) else None,
        keyring=runtime.keyring,
        expected_revision=expected_revision(if_match),
        act=act_of(request),
    )
    return _tagged(written, runtime)


@delete("/{connection:str}")
async def drop_connection(
    tenant_id: FromPath[UUID],
    connection: FromPath[str],
    request: Request[Any, Any, State],
    if_match: IfMatch = None,
) -> None:
    """Remove a way to sign in with the accounts it has linked; `koogallery` becomes as it was at first."""
    revision = expected_revision(if_match)
    await remove_connection(tenant_id, connection, expected_revision=revision, act=act_of(request))


@post("/{connection:str}/test", status_code=200)
async def try_connection(
    tenant_id: FromPath[UUID], connection: FromPath[str], state: State
) -> ConnectionTest:
    """Try a connection to an identity provider and say in plain words what is wrong."""
    runtime: Runtime = state.runtime
    found = await read_connection(tenant_id, connection)
    if isinstance(found.settings, KoogallerySettings):
        raise ConnectionUntestable
    # What was read before somebody mended it there must not be judged again.
    runtime.upstreams.discovery.forget(found.settings.issuer)
    steps = await probe(
        found.settings,
        open_secret(found, runtime.keyring),
        runtime.upstreams.discovery,
        runtime.upstreams.transport,
        redirect_uri=callback_of(runtime.settings, tenant_id, connection),
    )
    return ConnectionTest(ok=all(step.ok is not False for step in steps), steps=steps)


@get("/{connection:str}/identities")
async def show_identities(
    tenant_id: FromPath[UUID],
    connection: FromPath[str],
    user_name: OfMember = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[IdentityRecord]:
    """List the accounts that are linked to members."""
    return await list_identities(tenant_id, connection, user_name=user_name, cursor=cursor, limit=limit)


@delete("/{connection:str}/identities/{subject:path}")
async def drop_identity(
    tenant_id: FromPath[UUID], connection: FromPath[str], request: Request[Any, Any, State]
) -> None:
    """Unlink an account; its next sign-in links it anew."""
    await unlink(tenant_id, connection, name_after(request, _SUBJECT), act=act_of(request))


def _check(settings: OidcSettings, runtime: Runtime) -> None:
    allowed = runtime.settings
    check_settings(settings, allow_http=allowed.sign_in_http)
    try:
        check_url(settings.issuer, allow_http=allowed.sign_in_http, allow_private=allowed.sign_in_private)
    except EndpointUrlInvalid as error:
        raise OidcSettingsInvalid(f"issuer: {error.detail}") from None


def _view(connection: Connection, runtime: Runtime) -> ConnectionView:
    redirect_uri = callback_of(runtime.settings, connection.tenant_id, connection.name)
    return view(connection, runtime.keyring, redirect_uri=redirect_uri)


def _tagged(connection: Connection, runtime: Runtime) -> Response[ConnectionView]:
    return Response(_view(connection, runtime), headers=etag(connection.revision))


router = Router(
    "/v1/tenants/{tenant_id:uuid}/connections",
    route_handlers=[
        show_connections,
        show_connection,
        write_connection,
        drop_connection,
        try_connection,
        show_identities,
        drop_identity,
    ],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["connections"],
)
