"""Where a sign-in starts: the enterprise is chosen, then the way, then the browser goes to the upstream."""

import secrets
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, Router, get
from litestar.response import Redirect

from service.oauth2.requests import AnyRequest, read_query, send_browser
from service.pages.forms import Enterprise, Way, targets_of
from service.pages.views import EnterpriseError, choose_connection, choose_enterprise
from service.runtime import Runtime
from service.sign_in.callbacks import callback_of
from service.sign_in.cookies import browser_of, read_browser, read_enterprises
from service.sign_in.refusing import HANDLERS, Refused
from sso.authorization import AuthorizationRequest
from sso.clients import Client
from sso.connection_rows import Connection
from sso.connections import list_connections
from sso.flows import PendingRequest, UpstreamFlow, digest_of, make_handle
from sso.koogallery import DEFAULT_PORTAL_URL, portal_link
from sso.oidc import begin
from sso.oidc_settings import OidcSettings
from tenancy.sign_in_places import (
    SignInPlace,
    find_places,
    list_credentials,
    list_places,
    list_products_of,
)

_VERIFIER_BYTES = 48
_LONGEST_CODE = 255


@get("/sign-in")
async def start(request: AnyRequest) -> Response[bytes] | Redirect:
    """Start a sign-in; without `tenant`, an id or the enterprise's code, a page asks for it.

    `connection` says which way; `request` is the handle of an authorization request, `return_to` a path of
    ours for what has none.
    """
    runtime: Runtime = request.app.state.runtime
    parameters = read_query(request)
    tenant, connection = parameters.get("tenant"), parameters.get("connection")
    pending, return_to = parameters.get("request"), parameters.get("return_to")
    fields = {name: value for name, value in (("request", pending), ("return_to", return_to)) if value}
    asked, client = await _find_asker(request, pending)
    product, title = (client.product, client.settings.name) if client else (None, None)
    if return_to is not None and not is_own_path(return_to):
        raise Refused("bad_request", note="The return_to must be a path of this server.")
    if tenant is None:
        was_asked = b"tenant=" in request.scope["query_string"]
        return await _ask_enterprise(request, fields, title, asked, error="missing" if was_asked else None)
    place = await _find_place(tenant.strip())
    if place is None:
        return await _ask_enterprise(request, fields, title, asked, typed=tenant.strip(), error="unknown")
    portal = await _find_portal(runtime, place, product, wanted=asked.app if asked else None)
    ways = await _ways_of(place, has_portal=portal is not None)
    chosen = [one for one in ways if connection is None or one.name == connection]
    if not chosen:
        raise Refused("no_way_in", enterprise=place.name)
    if len(chosen) > 1:
        return choose_connection(
            request.headers.get("accept-language"),
            product=title,
            enterprise=place.name,
            fields={**fields, "tenant": str(place.tenant_id)},
            ways=[Way(connection=one.name, title=_title_of(one)) for one in chosen],
            other_enterprise=f"/sign-in?{urlencode(fields)}" if fields else "/sign-in",
        )
    secret, cookies = browser_of(request)
    begun = UpstreamFlow(
        tenant_id=place.tenant_id,
        connection=chosen[0].name,
        browser=digest_of(secret),
        product=product,
        pending=pending,
        return_to=return_to,
    )
    settings = chosen[0].settings
    if isinstance(settings, OidcSettings):
        link = await _begin_at_provider(runtime, settings, begun, asked)
    else:
        assert portal is not None
        link = await _begin_at_portal(runtime, portal, begun)
    return send_browser(link, cookies)


def is_own_path(path: str) -> bool:
    """Whether a browser that is sent there stays here; it reads two slashes as the name of another host."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


async def _find_asker(
    request: AnyRequest, handle: str | None
) -> tuple[AuthorizationRequest | None, Client | None]:
    """The authorization request that waits for this sign-in, and the client that has brought it."""
    if handle is None:
        return None, None
    runtime: Runtime = request.app.state.runtime
    pending = await runtime.flows.find(PendingRequest, handle)
    if pending is None or pending.browser != digest_of(read_browser(request) or ""):
        raise Refused("expired_flow")
    client = await runtime.clients.find(pending.request.client_id)
    if client is None:
        raise Refused("unknown_client")
    return pending.request, client


async def _find_place(named: str) -> SignInPlace | None:
    try:
        found = await list_places([UUID(named)])
    except ValueError:
        if len(named) > _LONGEST_CODE:
            return None
        # People write it as they like, the marketplace in small letters.
        found = await find_places(named) or await find_places(named.lower())
    # Where several enterprises have one code, only the id that a browser or an application knows will do.
    return found[0] if len(found) == 1 else None


async def _ask_enterprise(
    request: AnyRequest,
    fields: dict[str, str],
    title: str | None,
    asked: AuthorizationRequest | None,
    *,
    typed: str = "",
    error: EnterpriseError | None = None,
) -> Response[bytes]:
    known = {place.tenant_id: place for place in await list_places(read_enterprises(request))}
    return choose_enterprise(
        request.headers.get("accept-language"),
        product=title,
        fields=fields,
        enterprises=[
            Enterprise(tenant=str(one), name=known[one].name, code=known[one].code)
            for one in read_enterprises(request)
            if one in known
        ],
        # Where the enterprise signs in is known only afterwards.
        form_targets=targets_of(asked.redirect_uri if asked else None),
        typed=typed,
        error=error,
    )


async def _ways_of(place: SignInPlace, *, has_portal: bool) -> list[Connection]:
    """The connections that can be used; the marketplace's account login only with an app to name there."""
    page = await list_connections(place.tenant_id)
    return [
        one
        for one in page.items
        if isinstance(one.settings, OidcSettings) or (one.settings.enabled and has_portal)
    ]


async def _find_portal(
    runtime: Runtime, place: SignInPlace, product: str | None, *, wanted: str | None
) -> tuple[str, str] | None:
    """The product and the app that a sign-in at the marketplace's portal is for: `wanted`, or the newest."""
    if not place.domain_name:
        return None
    for slug in [product] if product is not None else await list_products_of(place.tenant_id):
        credentials = await list_credentials(place.tenant_id, slug, keyring=runtime.keyring)
        if credentials:
            apps = [credential.app_id for credential in credentials]
            return slug, wanted if wanted in apps else apps[0]
    return None


def _title_of(connection: Connection) -> str | None:
    return connection.settings.title if isinstance(connection.settings, OidcSettings) else None


async def _begin_at_provider(
    runtime: Runtime, settings: OidcSettings, begun: UpstreamFlow, asked: AuthorizationRequest | None
) -> str:
    nonce, verifier = make_handle(), secrets.token_urlsafe(_VERIFIER_BYTES)
    metadata = await runtime.upstreams.discovery.metadata(settings.issuer)
    state = await runtime.flows.put(
        msgspec.structs.replace(begun, issuer=settings.issuer, nonce=nonce, verifier=verifier)
    )
    return begin(
        settings,
        metadata,
        redirect_uri=callback_of(runtime.settings, begun.tenant_id, begun.connection),
        state=state,
        nonce=nonce,
        verifier=verifier,
        is_fresh=asked is not None and asked.is_fresh,
        max_age=None if asked is None else asked.max_age,
    )


async def _begin_at_portal(runtime: Runtime, portal: tuple[str, str], begun: UpstreamFlow) -> str:
    slug, app_id = portal
    product = await runtime.products.find(slug)
    portal_url = (product.settings.portal_url if product else None) or DEFAULT_PORTAL_URL
    # The portal gives no state back: what ties its answer to the browser is the browser's own cookie.
    await runtime.flows.put(
        msgspec.structs.replace(begun, product=slug), handle=marketplace_handle(begun.browser)
    )
    return portal_link(portal_url, app_id)


def marketplace_handle(browser: bytes) -> str:
    """The handle of the sign-in that a browser has begun at the marketplace's portal."""
    return f"koogallery-{browser.hex()[:48]}"


router = Router(
    "/",
    route_handlers=[start],
    exception_handlers=HANDLERS,
    opt={"caller": "browser"},
    include_in_schema=False,
)
