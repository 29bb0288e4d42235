"""Where a browser goes once somebody is signed in: on with what was asked, or into the application."""

from urllib.parse import urlencode

from litestar import Response, Router, get
from litestar.datastructures import Cookie
from litestar.response import Redirect

from service.oauth2.requests import AnyRequest, send_browser
from service.pages.forms import Person, Post, targets_of
from service.pages.views import signed_in
from service.runtime import Runtime
from service.sign_in.cookies import csrf_of, find_session
from service.sign_in.refusing import HANDLERS, Refused
from sso.authorization import with_query
from sso.clients import list_clients
from sso.flows import UpstreamFlow
from sso.presence import find_present
from sso.sessions import Session
from tenancy.standings import Standing

_MOST_CLIENTS = 100


def person_of(standing: Standing) -> Person:
    """A member as pages name it."""
    return Person(name=standing.name, user_name=standing.user_name, enterprise=standing.tenant_name)


async def land(
    request: AnyRequest,
    session: Session,
    flow: UpstreamFlow | None,
    *,
    product: str | None,
    cookies: list[Cookie],
) -> Redirect:
    """Send a browser that has just been signed in on its way."""
    if flow is not None and flow.pending is not None:
        link = f"/oauth2/continue?{urlencode({'request': flow.pending})}"
    elif flow is not None and flow.return_to is not None:
        link = flow.return_to
    else:
        runtime: Runtime = request.app.state.runtime
        link = await _initiation(runtime, session, product) or "/signed-in"
    return send_browser(link, cookies)


async def _initiation(runtime: Runtime, session: Session, product: str | None) -> str | None:
    """Where the vendor's application begins a sign-in that somebody else has started.

    The application then asks us for a code, with a state of its own, and gets it (OpenID Connect Core 4).
    """
    page = await list_clients(product=product, cursor=None, limit=_MOST_CLIENTS)
    addresses = {one.settings.initiate_login_uri for one in page.items} - {None}
    if product is None or len(addresses) != 1:
        return None
    address = addresses.pop()
    assert address is not None
    return with_query(address, iss=runtime.settings.public_url, tenant=str(session.tenant_id))


@get("/signed-in")
async def show_signed_in(request: AnyRequest) -> Response[bytes]:
    """Say who is signed in, when there is nowhere to go."""
    runtime: Runtime = request.app.state.runtime
    session, standing = await find_present(
        runtime.upstreams, await find_session(request), now=runtime.clock()
    )
    if session is None or standing is None:
        raise Refused("expired_flow")
    return signed_in(
        request.headers.get("accept-language"),
        product=None,
        person=person_of(standing),
        sign_out=Post(action="/sign-out", csrf=csrf_of(request), targets=targets_of()),
    )


router = Router(
    "/",
    route_handlers=[show_signed_in],
    exception_handlers=HANDLERS,
    opt={"caller": "browser"},
    include_in_schema=False,
)
