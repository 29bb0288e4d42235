"""An auth centre in a box: signs in without a password, answers vendors, and remembers what it was asked.

Source: the marketplace's account login (authorize, token, user information, logout) and its workbench.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from service.simulator.asgi import Message, Receive, Reply, Send, json_reply, read_body, send_reply
from service.simulator.auth_centre_pages import error_page
from service.simulator.auth_centre_requests import (
    AUTHORIZE,
    FORM,
    LOGOUT,
    PORTAL,
    TOKEN,
    USERINFO,
    WORKBENCH,
    Asked,
    Request,
    read_request,
)
from service.simulator.auth_centre_tokens import OAuthRefused, answer_token, answer_userinfo
from service.simulator.auth_centre_visits import Visits, with_query
from service.simulator.enterprises import Enterprise
from service.simulator.listening import listen, serve
from service.simulator.marketplace import utc_now
from service.simulator.tickets import Tickets

_REMEMBERED = 10_000


class AuthCentre:
    """Plays the auth centre at one address (ASGI), for one enterprise or for several that share it.

    `asked` holds the latest requests, and `count` says how many have come at all.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Answer at `url` (no path), which is what enterprises announce as their domain name."""
        self.url = url
        self.asked: deque[Asked] = deque(maxlen=_REMEMBERED)
        self.count = 0
        self.tickets = Tickets(clock)
        self._enterprises: dict[str, Enterprise] = {}
        self._visits = Visits(self.tickets, self._enterprises)
        self._news = asyncio.Condition()
        self._routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("POST", TOKEN): self._token,
            ("GET", USERINFO): self._userinfo,
            ("GET", AUTHORIZE): self._visits.authorize,
            ("GET", LOGOUT): self._visits.sign_out,
            ("GET", PORTAL): self._visits.start,
            ("GET", WORKBENCH): self._visits.start,
        }

    def admit(self, enterprise: Enterprise) -> Enterprise:
        """Serve an enterprise from now on, or the same one (by client id) with other properties."""
        self._enterprises[enterprise.buyer.client_id] = enterprise
        return enterprise

    def portal_link(self, enterprise: Enterprise) -> str:
        """Return where a vendor's login button leads; the application's id stands behind the `#`."""
        return f"{self.url}{PORTAL}#/portal-login?ind=UNOP&appId={enterprise.buyer.app_id}"

    def workbench_link(self, enterprise: Enterprise, user_name: str) -> str:
        """Return a link that signs a member in and starts the application unasked."""
        query = {"client_id": enterprise.buyer.client_id, "account": user_name}
        return f"{self.url}{WORKBENCH}?{urlencode(query)}"

    def login_link(self, enterprise: Enterprise, user_name: str) -> str:
        """Return the vendor's login address with a fresh code of a member, as browsers are sent there."""
        code = self.tickets.issue_code(client_id=enterprise.buyer.client_id, user_name=user_name)
        return with_query(enterprise.login_url, code=code, tenant=enterprise.buyer.tenant_id)

    def requests_of(self, enterprise: Enterprise, path: str) -> list[Asked]:
        """List what was asked at a path with the client id or a token of an enterprise."""
        own = enterprise.buyer.client_id
        return [asked for asked in self.asked if asked.path == path and asked.client_id == own]

    def requests_since(self, count: int, *paths: str) -> list[Asked]:
        """List what was asked at some paths since there were so many requests."""
        fresh = list(self.asked)[-(self.count - count) :] if self.count > count else []
        return [asked for asked in fresh if asked.path in paths]

    async def wait_for(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until a condition holds, which is judged after each request; whether it does in the end."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            return condition()
        return True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI)."""
        if scope["type"] != "http":
            return
        request = read_request(scope, await read_body(receive), cookie=self._visits.cookie)
        # Looked up before answering, which may end what the request names.
        client_id = self._client_of(request)
        reply = self._answer(request)
        kept = {name: value for name, value in request.parameters.items() if name != "client_secret"}
        asked = Asked(path=request.path, status=reply.status, client_id=client_id, parameters=kept)
        async with self._news:
            self.asked.append(asked)
            self.count += 1
            self._news.notify_all()
        await send_reply(send, reply)

    def _answer(self, request: Request) -> Reply:
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = f"The simulated auth centre has no {request.method} {request.path}."
            return error_page(known, status=404)
        try:
            return route(request)
        except OAuthRefused as refusal:
            return refusal.reply()

    def _token(self, request: Request) -> Reply:
        if request.content_type != FORM:
            raise OAuthRefused("invalid_request", f"Content-Type must be {FORM}")
        return json_reply(answer_token(self.tickets, self._enterprises, request.parameters))

    def _userinfo(self, request: Request) -> Reply:
        return json_reply(answer_userinfo(self.tickets, self._enterprises, request.bearer))

    def _client_of(self, request: Request) -> str:
        if request.path != USERINFO:
            return request.parameters.get("client_id", "")
        ticket = self.tickets.find_access(request.bearer)
        return ticket.client_id if ticket else ""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where an auth centre listens, by default at a free port.

    `url` is the address by which others reach it, when that is not the one it listens on.
    """

    host: str = "127.0.0.1"
    port: int = 0
    url: str = ""


@asynccontextmanager
async def open_auth_centre(
    site: Site = Site(),  # noqa: B008 - frozen
    *,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[AuthCentre]:
    """Serve an auth centre while the context is open; raises CannotListen."""
    with listen(site.host, site.port) as (listener, own_url):
        centre = AuthCentre(site.url.rstrip("/") or own_url, clock=clock)
        async with serve(centre, listener):
            yield centre
