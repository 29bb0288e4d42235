"""Vendors that sign people in with the marketplace's account: a right one, and one for each mistake."""

import contextlib
import secrets
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx2
import msgspec

from sso.keys import decrypt_client_secret

from .vendors import CarefulVendor

VENDOR = "http://vendor.example"
LOGIN_URL, LOGOUT_URL, PAGE_URL = f"{VENDOR}/login", f"{VENDOR}/logout", f"{VENDOR}/home"


class Credential(msgspec.Struct):
    client_id: str
    client_secret: str


class Session(msgspec.Struct):
    tenant: str
    user_name: str
    refresh_token: str
    expires_in: int


class Stop(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class SignInVendor(CarefulVendor):
    """Signs in as documented: pages `/login`, `/home` and `/logout` beside the production address."""

    asks_before_logout = False
    lands_elsewhere = False
    renders_in_place = False

    def __init__(self, *, private_key: str) -> None:
        super().__init__(private_key=private_key)
        self.domains: dict[str, str] = {}
        self.credentials: dict[str, Credential] = {}
        self.members: set[tuple[str, str]] = set()
        self.sessions: dict[str, Session] = {}

    def _kit(self, interface: str, body: dict[str, Any]) -> dict[str, Any] | None:
        answer = super()._kit(interface, body)
        tenant, flag = body["tenantId"], int(body.get("flag", 1))
        if interface == "tenantSync" and flag:
            self.domains[tenant] = body["domainName"]
        if interface == "applicationSync" and flag:
            secret = decrypt_client_secret(body["clientSecret"], [self.private_key])
            self.credentials[tenant] = Credential(client_id=body["clientId"], client_secret=secret or "")
        if interface == "authSync":
            users = {(tenant, user["userName"]) for user in body["userList"]}
            self.members = self.members | users if flag in {1, 2} else self.members - users
        return answer

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Any) -> None:
        if not scope["path"].startswith(("/login", "/home", "/logout")):
            await super().__call__(scope, receive, send)
            return
        query = dict(parse_qsl(scope["query_string"].decode()))
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        cookies = SimpleCookie(headers.get("cookie", ""))
        session_id = cookies["sid"].value if "sid" in cookies else ""
        try:
            if scope["path"] == "/login":
                status, extra, text = await self.sign_in(query)
            elif scope["path"] == "/home":
                status, extra, text = await self.show_home(session_id)
            else:
                status, extra, text = self.sign_out(session_id, scope["method"])
        except Stop as stop:
            status, extra, text = stop.status, {}, stop.text
        raw = [(name.encode(), value.encode()) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": text.encode()})

    async def sign_in(self, query: dict[str, str]):
        tenant = query.get("tenant", "")
        domain, credential = self.domain_of(tenant), self.credential_of(tenant)
        form = {"grant_type": "authorization_code", "code": query.get("code", "")}
        tokens = await self.ask_token(domain, credential, form)
        userinfo = await self.ask_userinfo(domain, tokens["access_token"])
        self.check(tenant, userinfo)
        session = Session(
            tenant=tenant,
            user_name=userinfo["userName"],
            refresh_token=tokens["refresh_token"],
            expires_in=tokens["expires_in"],
        )
        return self.open_session(session)

    def open_session(self, session: Session):
        session_id = secrets.token_hex(8)
        self.sessions[session_id] = session
        cookie = {"set-cookie": f"sid={session_id}; Path=/; HttpOnly"}
        if self.renders_in_place:
            return 200, cookie, "welcome"
        target = "https://app.example/start" if self.lands_elsewhere else "/home"
        return 302, {"location": target, **cookie}, ""

    def domain_of(self, tenant: str) -> str:
        if tenant not in self.domains:
            raise Stop(404, "unknown enterprise")
        return self.domains[tenant]

    def credential_of(self, tenant: str) -> Credential:
        return self.credentials[tenant]

    async def ask_token(self, domain: str, credential: Credential, form: dict[str, str]) -> dict[str, Any]:
        known = {"client_id": credential.client_id, "client_secret": credential.client_secret}
        answer = await self.call("POST", f"{domain}/api/v1/oauth2/token", data=known | form)
        if not answer.is_success:
            raise Stop(403, "the auth centre refused")
        return answer.json()

    async def ask_userinfo(self, domain: str, access_token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = await self.call("GET", f"{domain}/api/v1/oauth2/userinfo", headers=headers)
        if not answer.is_success:
            raise Stop(403, "the auth centre refused")
        return answer.json()

    async def call(self, method: str, url: str, **kwargs) -> httpx2.Response:
        async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=5) as client:
            try:
                return await client.request(method, url, **kwargs)
            except httpx2.HTTPError as error:
                raise Stop(502, "the auth centre cannot be reached") from error

    def check(self, tenant: str, userinfo: dict[str, Any]) -> None:
        if userinfo["tenant"] != tenant:
            raise Stop(403, "another enterprise")
        if (tenant, userinfo["userName"]) not in self.members:
            raise Stop(403, "no access")

    async def show_home(self, session_id: str):
        session = self.sessions.get(session_id)
        if session is None:
            raise Stop(401, "please sign in")
        # No clock here: what holds for hours is young, what holds for seconds is old by now.
        if session.expires_in < 60:
            await self.renew(session)
        return 200, {}, f"hello {session.user_name}"

    async def renew(self, session: Session) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": session.refresh_token}
        domain, credential = self.domain_of(session.tenant), self.credential_of(session.tenant)
        tokens = await self.ask_token(domain, credential, form)
        session.refresh_token, session.expires_in = tokens["refresh_token"], tokens["expires_in"]

    def sign_out(self, session_id: str, method: str):
        if self.asks_before_logout and method == "GET":
            return 200, {}, '<form method="post" action="/logout"><input type="hidden" name="t" value="1">'
        if session_id not in self.sessions:
            raise Stop(401, "please sign in")
        session = self.end_session(session_id)
        target = f"{self.domains[session.tenant]}/api/v1/logout?redirect_url={quote(PAGE_URL, safe='')}"
        return 302, {"location": target, "set-cookie": "sid=; Path=/; Max-Age=0"}, ""

    def end_session(self, session_id: str) -> Session:
        return self.sessions.pop(session_id)


class LatestCredential(SignInVendor):
    """Case 74: one credential for everybody, the latest."""

    def credential_of(self, tenant: str) -> Credential:
        return list(self.credentials.values())[-1]


class ForgetsTheSession(SignInVendor):
    """Case 74: asks for everything, then shows the page that it shows to everybody."""

    def open_session(self, session: Session):
        return 302, {"location": "/login?again=1"}, ""

    async def sign_in(self, query: dict[str, str]):
        try:
            return (200, {}, "please sign in") if "again" in query else await super().sign_in(query)
        except Stop:
            return 302, {"location": "/login?again=1"}, ""


class AnyDomain(SignInVendor):
    """Case 75: an unknown enterprise is taken for the latest one."""

    def domain_of(self, tenant: str) -> str:
        return self.domains.get(tenant) or list(self.domains.values())[-1]

    def credential_of(self, tenant: str) -> Credential:
        return self.credentials.get(tenant) or list(self.credentials.values())[-1]


class BelievesTheCallback(SignInVendor):
    """Cases 75, 76: opens a session whatever the auth centre says."""

    async def sign_in(self, query: dict[str, str]):
        try:
            return await super().sign_in(query)
        except Stop:
            return self.open_session(Session("?", "?", "", 7200))


class AnyTenant(SignInVendor):
    """Case 77: does not compare the enterprises."""

    def check(self, tenant: str, userinfo: dict[str, Any]) -> None:
        if (tenant, userinfo["userName"]) not in self.members:
            raise Stop(403, "no access")


class AnyMember(SignInVendor):
    """Case 78: everybody whom the auth centre knows."""

    def check(self, tenant: str, userinfo: dict[str, Any]) -> None:
        if userinfo["tenant"] != tenant:
            raise Stop(403, "another enterprise")


class RenewsWithTheAccessToken(SignInVendor):
    """Case 79: sends something else than the refresh token."""

    async def renew(self, session: Session) -> None:
        session.refresh_token = "not-the-refresh-token"
        with contextlib.suppress(Stop):
            await super().renew(session)


class RenewsAsAnother(SignInVendor):
    """Case 79: with a credential of another enterprise."""

    async def renew(self, session: Session) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": session.refresh_token}
        other = Credential(client_id="another", client_secret="another")
        with contextlib.suppress(Stop):
            await self.ask_token(self.domain_of(session.tenant), other, form)


class NeverRenews(SignInVendor):
    """Case 79: nobody can see whether that is a mistake."""

    async def renew(self, session: Session) -> None:
        pass


class LocalLogout(SignInVendor):
    """Case 80: stays signed in at the enterprise."""

    def sign_out(self, session_id: str, method: str):
        self.end_session(session_id)
        return 302, {"location": "/home", "set-cookie": "sid=; Path=/; Max-Age=0"}, ""


class KeepsTheSession(SignInVendor):
    """Case 80: takes the cookie back, and forgets the session behind it."""

    def end_session(self, session_id: str) -> Session:
        return self.sessions[session_id]
