"""Clients over HTTP: the relying parties of our OpenID provider; their secrets are shown once."""

from typing import Annotated, Any

from litestar import Request, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response
from msgspec import structs

from service.callers import act_of, demand_token
from service.client_shapes import ClientInput, ClientView, WrittenClient, view
from service.endpoint_shapes import MadeSecret
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.revisions import IfMatch, etag, expected_revision
from service.runtime import Runtime
from service.webhooks.targets import EndpointUrlInvalid, check_url
from sso.client_changes import add_secret, put_client, remove_client, remove_old_secret
from sso.client_rules import ClientSettingsInvalid
from sso.client_secrets import digest_secret, make_secret
from sso.clients import Client, list_clients, read_client
from tenancy.paging import Page

OfProduct = Annotated[str | None, QueryParameter(description="Those of one product only.", max_length=63)]


@get("/")
async def show_clients(
    product: OfProduct = None, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ClientView]:
    """List clients by id."""
    page = await list_clients(product=product, cursor=cursor, limit=limit)
    return Page([view(client) for client in page.items], page.next)


@get("/{client_id:str}")
async def show_client(client_id: FromPath[str]) -> Response[ClientView]:
    """Show a client."""
    client = await read_client(client_id)
    return Response(view(client), headers=etag(client.revision))


@put("/{client_id:str}")
async def write_client(
    client_id: FromPath[str],
    data: JSONBody[ClientInput],
    request: Request[Any, Any, State],
    state: State,
    if_match: IfMatch = None,
) -> Response[WrittenClient]:
    """Create or replace a client; the secret of one that proves itself by a secret is shown only now."""
    runtime: Runtime = state.runtime
    settings, secret = data.settings(), make_secret()
    if settings.backchannel_logout_uri is not None:
        _check_logout(settings.backchannel_logout_uri, runtime)
    client = await put_client(
        client_id,
        data.product,
        settings,
        secret=secret,
        act=act_of(request),
        expected_revision=expected_revision(if_match),
    )
    runtime.clients.forget(client_id)
    shown = secret if digest_secret(secret) in client.secrets else None
    written = WrittenClient(**structs.asdict(view(client)), secret=shown)
    return Response(written, headers=_private(client))


@delete("/{client_id:str}")
async def drop_client(
    client_id: FromPath[str], request: Request[Any, Any, State], state: State, if_match: IfMatch = None
) -> None:
    """Remove a client; it can use no token any more."""
    runtime: Runtime = state.runtime
    await remove_client(client_id, act=act_of(request), expected_revision=expected_revision(if_match))
    runtime.clients.forget(client_id)


@post("/{client_id:str}/secrets")
async def make_new_secret(
    client_id: FromPath[str], request: Request[Any, Any, State], state: State
) -> Response[MadeSecret]:
    """Make a second secret, shown only now; both are valid until the old one is removed."""
    runtime: Runtime = state.runtime
    secret = make_secret()
    client = await add_secret(client_id, secret=secret, act=act_of(request))
    runtime.clients.forget(client_id)
    return Response(MadeSecret(secret=secret), headers=_private(client))


@delete("/{client_id:str}/secrets/old")
async def drop_old_secret(client_id: FromPath[str], request: Request[Any, Any, State], state: State) -> None:
    """Remove the old secret once the client has the new one."""
    runtime: Runtime = state.runtime
    await remove_old_secret(client_id, act=act_of(request))
    runtime.clients.forget(client_id)


def _check_logout(url: str, runtime: Runtime) -> None:
    settings = runtime.settings
    try:
        check_url(url, allow_http=settings.sign_in_http, allow_private=settings.sign_in_private)
    except EndpointUrlInvalid as error:
        raise ClientSettingsInvalid(f"backchannel_logout_uri: {error.detail}") from error


def _private(client: Client) -> dict[str, str]:
    return {**etag(client.revision), "Cache-Control": "no-store"}


router = Router(
    "/v1/clients",
    route_handlers=[
        show_clients,
        show_client,
        write_client,
        drop_client,
        make_new_secret,
        drop_old_secret,
    ],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["clients"],
)
