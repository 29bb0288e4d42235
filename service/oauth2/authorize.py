"""The authorization endpoint: a client's request, the person's session, and a code for the client.

Source: RFC 6749 3.1 and 4.1, OpenID Connect Core 3.1.2, RFC 9126 4, RFC 9207, RFC 9700 2.1 and 4.
"""

from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import HttpMethod, Response, Router, get, post, route
from litestar.datastructures import Cookie
from litestar.response import Redirect

from service.oauth2.requests import (
    MOST_BYTES,
    AnyRequest,
    describe,
    read_form,
    read_hint,
    read_query,
    send_browser,
)
from service.oauth2.tokens import REQUEST_URI
from service.pages.forms import AppChoice, Post, targets_of
from service.pages.views import choose_app
from service.runtime import Runtime
from service.sign_in.cookies import (
    browser_of,
    csrf_of,
    find_session,
    has_csrf,
    has_session_cookie,
    read_browser,
)
from service.sign_in.landing import person_of
from service.sign_in.refusing import HANDLERS, Refused, back_to, refuse_access
from sso.authorization import (
    AuthorizationRequest,
    answer_link,
    demand_redirect_uri,
    read_request,
)
from sso.clients import Client
from sso.flows import PendingRequest, PushedRequest, digest_of
from sso.issuing import issue_code
from sso.oauth_errors import (
    AccessDenied,
    InteractionRequired,
    InvalidRequest,
    InvalidRequestUri,
    LoginRequired,
)
from sso.presence import find_present
from sso.sessions import Session
from tenancy.errors import DomainError, Forbidden, Invalid
from tenancy.standings import Standing, list_usable_apps


@route("/oauth2/authorize", http_method=[HttpMethod.GET, HttpMethod.POST], status_code=200)
async def authorize(request: AnyRequest) -> Response[bytes] | Redirect:
    """Answer with a code, an error for the client, or the way to sign in."""
    runtime: Runtime = request.app.state.runtime
    # Until client and redirect URI are proven, nothing is sent anywhere: what is wrong is a page.
    try:
        is_form = request.method == HttpMethod.POST
        parameters = await read_form(request) if is_form else read_query(request)
        if is_form and not has_session_cookie(request):
            # Browsers keep our cookies from forms of other sites, but not from what those redirect to.
            return send_browser(f"/oauth2/authorize?{urlencode(parameters)}")
        client = await _demand_client(runtime, parameters.get("client_id"))
        if "request_uri" in parameters:
            parameters = await _take_pushed(runtime, client, parameters["request_uri"])
        elif client.settings.require_pushed_authorization_requests:
            raise InvalidRequest("This client has to push its requests.")
        redirect_uri = demand_redirect_uri(parameters, client)
    except (Invalid, InvalidRequestUri) as error:
        raise Refused("bad_request", note=error.detail or error.message) from error
    try:
        asked = read_request(parameters, client)
        hint = await read_hint(runtime, parameters.get("id_token_hint"))
        if hint is not None:
            if hint.audience != client.client_id:
                raise InvalidRequest("The id_token_hint was made for another client.")
            asked = msgspec.structs.replace(asked, subject=hint.subject)
    except (Invalid, Forbidden) as error:
        return _tell(runtime, redirect_uri, parameters.get("state"), error)
    return await _answer(request, client, asked)


@get("/oauth2/continue")
async def go_on(request: AnyRequest) -> Response[bytes] | Redirect:
    """Go on with a request after its person has signed in."""
    return await _go_on(request, read_query(request))


@post("/oauth2/continue", status_code=200)
async def choose(request: AnyRequest) -> Response[bytes] | Redirect:
    """Go on with a request after its person has chosen an app."""
    form = await read_form(request)
    if not has_csrf(request, form.get("csrf")):
        raise Refused("expired_flow")
    return await _go_on(request, form, app=form.get("app"))


async def _go_on(
    request: AnyRequest, parameters: dict[str, str], *, app: str | None = None
) -> Response[bytes] | Redirect:
    runtime: Runtime = request.app.state.runtime
    handle = parameters.get("request", "")
    pending = await runtime.flows.find(PendingRequest, handle)
    # Another browser than the one that brought the request must not get its answer (RFC 9700 4.7).
    if pending is None or pending.browser != digest_of(read_browser(request) or ""):
        raise Refused("expired_flow")
    client = await _demand_client(runtime, pending.request.client_id)
    return await _answer(request, client, pending.request, handle=handle, pending=pending, app=app)


async def _answer(
    request: AnyRequest,
    client: Client,
    asked: AuthorizationRequest,
    *,
    handle: str | None = None,
    pending: PendingRequest | None = None,
    app: str | None = None,
) -> Response[bytes] | Redirect:
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock()
    is_silent = "none" in asked.prompts
    session, standing = await find_present(runtime.upstreams, await find_session(request), now=now)
    if session is None or standing is None or not _satisfies(session, standing, asked, pending, runtime):
        # Who has just signed in as somebody else than the hint names would only do so again.
        is_another = session is not None and _is_new(session, pending) and not _is_named(session, asked)
        if is_silent or is_another:
            return _tell(runtime, asked.redirect_uri, asked.state, LoginRequired())
        return await _send_to_sign_in(request, asked, handle)
    apps = await list_usable_apps(session.tenant_id, session.member_id, client.product, now=now)
    # The person chooses where the client leaves it open.
    wanted = asked.app or app
    usable = [one for one in apps if wanted is None or one.app_id == wanted]
    if not usable:
        if is_silent:
            return _tell(runtime, asked.redirect_uri, asked.state, AccessDenied())
        denied = _link_of(runtime, asked.redirect_uri, asked.state, AccessDenied())
        raise await refuse_access(
            runtime,
            session.tenant_id,
            standing,
            product=client.product,
            app_id=wanted,
            back=back_to(client, denied),
        )
    if len(usable) > 1:
        if is_silent:
            return _tell(runtime, asked.redirect_uri, asked.state, InteractionRequired())
        handle, cookies = (handle, []) if handle else await _keep(request, asked)
        page = choose_app(
            request.headers.get("accept-language"),
            product=client.settings.name,
            person=person_of(standing),
            apps=[AppChoice(app=one.app_id, instance=one.instance_id) for one in usable],
            form=Post(
                action="/oauth2/continue",
                csrf=csrf_of(request),
                fields={"request": handle},
                targets=targets_of(asked.redirect_uri),
            ),
        )
        page.cookies.extend(cookies)
        return page
    if handle is not None and await runtime.flows.take(PendingRequest, handle) is None:
        raise Refused("expired_flow")
    code = await issue_code(runtime.sessions, session, asked, app_id=usable[0].app_id, now=now)
    return send_browser(
        answer_link(asked.redirect_uri, issuer=runtime.settings.public_url, state=asked.state, code=code)
    )


def _satisfies(
    session: Session,
    standing: Standing,
    asked: AuthorizationRequest,
    pending: PendingRequest | None,
    runtime: Runtime,
) -> bool:
    """Whether the session is of the enterprise that was asked for, and as fresh as was asked for."""
    if asked.tenant is not None and not _is_of(session, standing, asked.tenant.strip()):
        return False
    if not _is_named(session, asked):
        return False
    if _is_new(session, pending):
        return True
    if asked.is_fresh:
        return False
    age = runtime.clock() - session.authenticated_at
    return asked.max_age is None or age <= timedelta(seconds=asked.max_age)


def _is_new(session: Session, pending: PendingRequest | None) -> bool:
    """Whether the session began after the request was brought, which is as fresh as can be."""
    return pending is not None and session.started_at >= pending.brought_at


def _is_named(session: Session, asked: AuthorizationRequest) -> bool:
    """Whether the session is of the person whom the request wants, if any (OpenID Connect Core 3.1.2.1)."""
    return asked.subject is None or asked.subject == str(session.member_id)


def _is_of(session: Session, standing: Standing, named: str) -> bool:
    """Whether the session is of the enterprise with this id or code, read as the sign-in page reads it."""
    try:
        return UUID(named) == session.tenant_id
    except ValueError:
        return standing.tenant_code in {named, named.lower()}


async def _send_to_sign_in(request: AnyRequest, asked: AuthorizationRequest, handle: str | None) -> Redirect:
    cookies: list[Cookie] = []
    if handle is None:
        handle, cookies = await _keep(request, asked)
    hints = {"tenant": asked.tenant, "connection": asked.connection}
    query = {"request": handle, **{name: value for name, value in hints.items() if value is not None}}
    return send_browser(f"/sign-in?{urlencode(query)}", cookies)


async def _keep(request: AnyRequest, asked: AuthorizationRequest) -> tuple[str, list[Cookie]]:
    runtime: Runtime = request.app.state.runtime
    secret, cookies = browser_of(request)
    pending = PendingRequest(request=asked, browser=digest_of(secret), brought_at=runtime.clock())
    return await runtime.flows.put(pending), cookies


async def _demand_client(runtime: Runtime, client_id: str | None) -> Client:
    client = None if client_id is None else await runtime.clients.find(client_id)
    if client is None:
        raise Refused("unknown_client")
    return client


async def _take_pushed(runtime: Runtime, client: Client, uri: str) -> dict[str, str]:
    pushed = None
    if uri.startswith(REQUEST_URI):
        pushed = await runtime.flows.take(PushedRequest, uri.removeprefix(REQUEST_URI))
    if pushed is None or pushed.client_id != client.client_id:
        raise InvalidRequestUri
    return pushed.parameters


def _tell(runtime: Runtime, redirect_uri: str, state: str | None, error: DomainError) -> Redirect:
    return send_browser(_link_of(runtime, redirect_uri, state, error))


def _link_of(runtime: Runtime, redirect_uri: str, state: str | None, error: DomainError) -> str:
    return answer_link(
        redirect_uri,
        issuer=runtime.settings.public_url,
        state=state,
        error=error.code,
        error_description=describe(error),
    )


router = Router(
    "/",
    route_handlers=[authorize, go_on, choose],
    exception_handlers=HANDLERS,
    opt={"caller": "browser"},
    request_max_body_size=MOST_BYTES,
    tags=["openid"],
    include_in_schema=False,
)
