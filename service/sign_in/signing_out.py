"""Signing out: here, in the applications and upstream, as the person or a client of the session wants.

Source: OpenID Connect RP-Initiated Logout 1.0.
"""

from urllib.parse import urlencode

import structlog
from litestar import HttpMethod, Response, Router, get, post, route
from litestar.response import Redirect

from service.callers import act_by
from service.oauth2.requests import MOST_BYTES, AnyRequest, read_form, read_hint, read_query, send_browser
from service.pages.forms import Person, Post, targets_of
from service.pages.views import confirm_sign_out, signed_out
from service.runtime import Runtime
from service.sign_in.cookies import csrf_of, drop_cookie, find_session, has_csrf, has_session_cookie
from service.sign_in.landing import person_of
from service.sign_in.refusing import HANDLERS, Refused
from sso.authorization import with_query
from sso.clients import Client
from sso.flows import SignOutFlow
from sso.issued_tokens import Hint
from sso.oauth_errors import InvalidRequest
from sso.sessions import Held
from sso.sign_ins import end_session
from sso.upstreams import find_logout_link
from tenancy.errors import Invalid, Unavailable
from tenancy.sign_in_places import list_places
from tenancy.standings import find_standing

log = structlog.get_logger(__name__)

_DONE = "/sign-out/done"


@get("/sign-out")
async def ask_to_sign_out(request: AnyRequest) -> Response[bytes] | Redirect:
    """Ask whether to sign out."""
    return await _ask(request, None, None)


@post("/sign-out", status_code=200)
async def sign_out(request: AnyRequest) -> Response[bytes] | Redirect:
    """End the session, as a form of ours has asked for."""
    form = await read_form(request)
    held = await find_session(request)
    if held is None:
        return await _leave(request, form.get("flow"))
    if not has_csrf(request, form.get("csrf")):
        raise Refused("expired_flow")
    return await _end(request, held, form.get("flow"))


@route("/oauth2/end-session", http_method=[HttpMethod.GET, HttpMethod.POST], status_code=200)
async def end_session_for_client(request: AnyRequest) -> Response[bytes] | Redirect:
    """End the session that a client names by its ID token; without one, ask the person first."""
    runtime: Runtime = request.app.state.runtime
    try:
        is_form = request.method == HttpMethod.POST
        parameters = await read_form(request) if is_form else read_query(request)
        if is_form and not has_session_cookie(request):
            # Browsers keep our cookies from forms of other sites, but not from what those redirect to.
            return send_browser(f"/oauth2/end-session?{urlencode(parameters)}")
        hint = await read_hint(runtime, parameters.get("id_token_hint"))
        client = await _find_client(runtime, parameters.get("client_id"), hint)
        link = _demand_link(client, parameters)
    except Invalid as error:
        raise Refused("bad_request", note=error.detail or error.message) from error
    handle = None if link is None else await runtime.flows.put(SignOutFlow(link=link))
    held = await find_session(request)
    if held is None:
        return await _leave(request, handle)
    # A hint of this very session proves that the request is no other site's.
    if hint is not None and hint.sid == str(held.session.id):
        return await _end(request, held, handle)
    return await _ask(request, handle, link)


@get(_DONE)
async def finish(request: AnyRequest) -> Response[bytes] | Redirect:
    """Go on to where the application wants, once the upstream has signed the browser out."""
    return await _leave(request, read_query(request).get("state"))


async def _ask(request: AnyRequest, handle: str | None, link: str | None) -> Response[bytes] | Redirect:
    runtime: Runtime = request.app.state.runtime
    held = await find_session(request)
    if held is None:
        return await _leave(request, handle)
    session = held.session
    standing = await find_standing(session.tenant_id, session.member_id, now=runtime.clock())
    # Who has lost everything may still sign out.
    nobody = Person(name="", user_name="", enterprise="")
    person = nobody if standing is None else person_of(standing)
    return confirm_sign_out(
        request.headers.get("accept-language"),
        product=None,
        person=person,
        form=Post(
            action="/sign-out",
            csrf=csrf_of(request),
            fields={} if handle is None else {"flow": handle},
            targets=targets_of(link),
        ),
    )


async def _end(request: AnyRequest, held: Held, handle: str | None) -> Redirect:
    runtime: Runtime = request.app.state.runtime
    session = held.session
    act = act_by(f"member:{session.member_id}", request)
    await end_session(runtime.sessions, session, reason="signed_out", act=act)
    link = await _upstream_link(runtime, held, handle) or f"{_DONE}?{urlencode({'state': handle or ''})}"
    return send_browser(link, [drop_cookie(runtime, "session")])


async def _upstream_link(runtime: Runtime, held: Held, handle: str | None) -> str | None:
    places = await list_places([held.session.tenant_id])
    if held.upstream is None or not places:
        return None
    try:
        return await find_logout_link(
            runtime.upstreams,
            places[0],
            held.session,
            held.upstream,
            back=f"{runtime.settings.public_url}{_DONE}",
            state=handle or "",
        )
    except Unavailable as error:
        # Here everything has ended; that the upstream cannot be asked must not look like a failure of that.
        log.warning("upstream_sign_out_skipped", code=error.code, detail=error.detail)
        return None


async def _leave(request: AnyRequest, handle: str | None) -> Response[bytes] | Redirect:
    runtime: Runtime = request.app.state.runtime
    flow = await runtime.flows.take(SignOutFlow, handle) if handle else None
    if flow is None:
        return signed_out(request.headers.get("accept-language"), product=None, again="/sign-in")
    return send_browser(flow.link)


async def _find_client(runtime: Runtime, client_id: str | None, hint: Hint | None) -> Client | None:
    if hint is not None and client_id not in {None, hint.audience}:
        raise InvalidRequest("The client_id is not the one that the id_token_hint is for.")
    named = client_id or (hint.audience if hint else None)
    client = None if named is None else await runtime.clients.find(named)
    if named is not None and client is None:
        raise InvalidRequest("There is no such client.")
    return client


def _demand_link(client: Client | None, parameters: dict[str, str]) -> str | None:
    wanted = parameters.get("post_logout_redirect_uri")
    if wanted is None:
        return None
    if client is None or wanted not in client.settings.post_logout_redirect_uris:
        raise InvalidRequest("The post_logout_redirect_uri is not registered for this client.")
    state = parameters.get("state")
    return with_query(wanted, **({} if state is None else {"state": state}))


router = Router(
    "/",
    route_handlers=[ask_to_sign_out, sign_out, end_session_for_client, finish],
    exception_handlers=HANDLERS,
    opt={"caller": "browser"},
    request_max_body_size=MOST_BYTES,
    include_in_schema=False,
)
