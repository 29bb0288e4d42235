"""Where upstreams send browsers back to: who has come is found out, and a session begins."""

import re
from datetime import datetime
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from service.callers import act_by
from service.oauth2.requests import MOST_BYTES, AnyRequest, read_form, read_query
from service.pages.forms import Post, targets_of
from service.pages.views import confirm_switch
from service.runtime import Runtime
from service.sign_in.callbacks import CALLBACK_PATH, callback_of
from service.sign_in.cookies import (
    csrf_of,
    find_session,
    has_csrf,
    make_cookie,
    read_browser,
    remember_enterprise,
)
from service.sign_in.landing import land, person_of
from service.sign_in.refusing import HANDLERS, Refused, refuse_access, remember_flow
from service.sign_in.starting import marketplace_handle
from sso.connections import find_connection
from sso.errors import CodeRefused, ConnectionDisabled, WrongTenant
from sso.flows import SwitchFlow, UpstreamFlow, digest_of
from sso.oidc import check_response_issuer
from sso.oidc_settings import OidcSettings
from sso.sessions import Session, Upstream
from sso.sign_ins import end_session, start_session
from sso.upstreams import Arrived, arrive_from_marketplace, arrive_from_provider
from tenancy.acts import SYSTEM
from tenancy.sign_in_places import SignInPlace, find_place_of_marketplace, list_places
from tenancy.standings import Standing, find_standing, list_usable_apps

_ERROR = re.compile("[a-z_]{1,40}")


@get("/sign-in/koogallery/{product:str}")
async def finish_at_marketplace(request: AnyRequest, product: FromPath[str]) -> Response[bytes] | Redirect:
    """Take the code of an enterprise's auth centre, asked for here or brought unasked from the workbench."""
    runtime: Runtime = request.app.state.runtime
    if await runtime.products.find(product) is None:
        raise Refused("bad_request", note="There is no such product.")
    parameters = read_query(request)
    tenant, code = parameters.get("tenant"), parameters.get("code")
    place = await find_place_of_marketplace(tenant) if tenant else None
    if place is None:
        raise Refused("unknown_enterprise")
    if not code:
        raise CodeRefused
    browser = digest_of(read_browser(request) or "")
    flow = await runtime.flows.take(UpstreamFlow, marketplace_handle(browser))
    remember_flow(request, flow)
    # Whoever began for one enterprise must not end up in another (RFC 9700 4.4: mix-up).
    if flow is not None and flow.tenant_id != place.tenant_id:
        raise WrongTenant
    act = act_by(SYSTEM, request)
    arrived = await arrive_from_marketplace(runtime.upstreams, place, product, code, act=act)
    return await _welcome(request, place, arrived, flow, product=product)


@get(CALLBACK_PATH)
async def finish_at_provider(
    request: AnyRequest, tenant_id: FromPath[UUID], connection: FromPath[str]
) -> Response[bytes] | Redirect:
    """Take the code of an identity provider, which only the browser that was sent there may bring."""
    runtime: Runtime = request.app.state.runtime
    parameters = read_query(request)
    code, iss = parameters.get("code"), parameters.get("iss")
    flow = await runtime.flows.take(UpstreamFlow, parameters.get("state", ""))
    if (
        flow is None
        or (flow.tenant_id, flow.connection) != (tenant_id, connection)
        or flow.browser != digest_of(read_browser(request) or "")
        or flow.nonce is None
        or flow.verifier is None
    ):
        raise Refused("expired_flow")
    remember_flow(request, flow)
    act = act_by(SYSTEM, request)
    await _check_issuer(runtime, flow, iss)
    if "error" in parameters or code is None:
        # A registered name at most: what else a provider writes is for nobody's eyes.
        name = parameters.get("error", "")
        raise CodeRefused(f"Error: {name}." if _ERROR.fullmatch(name) else None)
    arrived = await arrive_from_provider(
        runtime.upstreams,
        flow.tenant_id,
        flow.connection,
        code=code,
        iss=iss,
        redirect_uri=callback_of(runtime.settings, tenant_id, connection),
        nonce=flow.nonce,
        verifier=flow.verifier,
        act=act,
    )
    places = await list_places([flow.tenant_id])
    if not places:
        raise Refused("unknown_enterprise")
    return await _welcome(request, places[0], arrived, flow, product=flow.product)


async def _check_issuer(runtime: Runtime, flow: UpstreamFlow, iss: str | None) -> None:
    connection = await find_connection(flow.tenant_id, flow.connection)
    if connection is None or not isinstance(connection.settings, OidcSettings):
        raise ConnectionDisabled
    # Made anew meanwhile for another provider, it must not be given this one's code.
    if connection.settings.issuer != flow.issuer:
        raise Refused("expired_flow")
    check_response_issuer(await runtime.upstreams.discovery.metadata(connection.settings.issuer), iss)


async def _demand_access(
    runtime: Runtime, place: SignInPlace, member_id: UUID, *, product: str | None, user_name: str
) -> Standing:
    """Refuse whoever may use no app of the product, or of the enterprise, and say why."""
    now = runtime.clock()
    standing = await find_standing(place.tenant_id, member_id, now=now)
    if standing is None:
        raise Refused("disabled", enterprise=place.name, account=user_name)
    usable = standing.allowed
    if product is not None:
        usable = bool(await list_usable_apps(place.tenant_id, member_id, product, now=now))
    if not usable:
        raise await refuse_access(runtime, place.tenant_id, standing, product=product)
    return standing


async def _welcome(
    request: AnyRequest,
    place: SignInPlace,
    arrived: Arrived,
    flow: UpstreamFlow | None,
    *,
    product: str | None,
) -> Response[bytes] | Redirect:
    """Sign in who has come, or ask first where somebody else is signed in."""
    runtime: Runtime = request.app.state.runtime
    member_id = arrived.member.member_id
    standing = await _demand_access(
        runtime, place, member_id, product=product, user_name=arrived.member.user_name
    )
    held = await find_session(request)
    # Any page can have this browser begin a sign-in and bring somebody else's account (login CSRF).
    if held is not None and held.session.member_id != member_id:
        switch_flow = SwitchFlow(
            session_id=held.session.id,
            tenant_id=place.tenant_id,
            member_id=member_id,
            connection=arrived.connection,
            upstream=arrived.upstream,
            authenticated_at=arrived.authenticated_at,
            product=product,
            begun=flow,
        )
        return await _ask_to_switch(request, held.session, standing, switch_flow)
    return await _sign_in(
        request,
        place.tenant_id,
        member_id,
        flow,
        connection=arrived.connection,
        upstream=arrived.upstream,
        authenticated_at=arrived.authenticated_at,
        before=None if held is None else held.session,
        product=product,
    )


async def _ask_to_switch(
    request: AnyRequest, before: Session, standing: Standing, flow: SwitchFlow
) -> Response[bytes]:
    runtime: Runtime = request.app.state.runtime
    handle = await runtime.flows.put(flow)
    present = await find_standing(before.tenant_id, before.member_id, now=runtime.clock())
    return confirm_switch(
        request.headers.get("accept-language"),
        product=None,
        current=person_of(present or standing),
        new=person_of(standing),
        go_on=Post(
            action="/sign-in/switch",
            csrf=csrf_of(request),
            fields={"flow": handle},
            targets=targets_of(),
        ),
        stay="/signed-in",
    )


@post("/sign-in/switch", status_code=200)
async def switch(request: AnyRequest) -> Redirect:
    """Sign in whoever has come, in place of whoever was there, as the person has confirmed."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    flow = await runtime.flows.take(SwitchFlow, form.get("flow", ""))
    before = await find_session(request)
    if (
        flow is None
        or before is None
        or before.session.id != flow.session_id
        or not has_csrf(request, form.get("csrf"))
    ):
        raise Refused("expired_flow")
    return await _sign_in(
        request,
        flow.tenant_id,
        flow.member_id,
        flow.begun,
        connection=flow.connection,
        upstream=flow.upstream,
        authenticated_at=flow.authenticated_at,
        before=before.session,
        product=flow.product,
    )


async def _sign_in(
    request: AnyRequest,
    tenant_id: UUID,
    member_id: UUID,
    flow: UpstreamFlow | None,
    *,
    connection: str,
    upstream: Upstream,
    authenticated_at: datetime | None,
    before: Session | None,
    product: str | None,
) -> Redirect:
    runtime: Runtime = request.app.state.runtime
    session, cookie = await start_session(
        runtime.sessions,
        tenant_id,
        member_id,
        connection=connection,
        upstream=upstream,
        authenticated_at=authenticated_at,
        act=act_by(f"member:{member_id}", request),
    )
    if before is not None:
        act = act_by(f"member:{before.member_id}", request)
        await end_session(runtime.sessions, before, reason="replaced", act=act)
    cookies = [make_cookie(runtime, "session", cookie), remember_enterprise(request, tenant_id)]
    return await land(request, session, flow, product=product, cookies=cookies)


router = Router(
    "/",
    route_handlers=[finish_at_marketplace, finish_at_provider, switch],
    exception_handlers=HANDLERS,
    opt={"caller": "browser"},
    request_max_body_size=MOST_BYTES,
    include_in_schema=False,
)
