"""A relying party and a browser, by hand, so that a test can bend each step."""

import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID, uuid4

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet

from sso.identities import find_or_link
from sso.sign_ins import start_session
from tenancy.acts import Act
from tests.service.oauth2.browsers import Browser

CALLBACK = "https://crm.example.com/callback"
AFTER = "https://crm.example.com/after"


class Relying:
    """A client of our provider; `ask` gives the parameters of a correct request for a test to change."""

    def __init__(self, api, http, product, client_id, secret):
        self.api = api
        self.http = http
        self.product = product
        self.client_id = client_id
        self.secret = secret

    @classmethod
    async def register(cls, api, http, product, client_id=None, **settings):
        client_id = client_id or f"crm-{uuid4().hex[:8]}"
        body = {
            "product": product,
            "name": "CRM",
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [AFTER],
            **settings,
        }
        answer = await api.put(f"/v1/clients/{client_id}", json=body)
        assert answer.status_code == 200, answer.text
        return cls(api, http, product, client_id, answer.json().get("secret"))

    def request(self, **changes):
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid profile",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return verifier, {name: value for name, value in parameters.items() if value is not None}

    async def call(self, path, form, *, auth=True):
        return await self.http.post(
            f"/oauth2/{path}",
            data=form,
            auth=httpx2.BasicAuth(self.client_id, self.secret) if auth and self.secret else None,
        )

    async def exchange(self, code, verifier, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": verifier,
            **({} if self.secret else {"client_id": self.client_id}),
            **changes,
        }
        return await self.call("token", {name: value for name, value in form.items() if value is not None})

    async def refresh(self, refresh_token, **changes):
        return await self.call(
            "token", {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes}
        )

    async def introspect(self, token):
        answer = await self.call("introspect", {"token": token})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def userinfo(self, token):
        return await self.http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"})

    async def tokens(self, browser, **changes):
        """The whole code flow in a browser that is signed in."""
        verifier, parameters = self.request(**changes)
        answer = await browser.get("/oauth2/authorize", params=parameters)
        code = told(answer, parameters)["code"]
        tokens = await self.exchange(code, verifier)
        assert tokens.status_code == 200, tokens.text
        return tokens.json()

    async def claims(self, id_token):
        """The ID token's claims, verified with what the provider publishes."""
        keys = KeySet.import_key_set((await self.http.get("/oauth2/jwks")).json())
        return jwt.decode(id_token, keys, algorithms=["RS256", "ES256"]).claims


def told(answer, parameters):
    """What a redirect to the client tells it; state and issuer must be right."""
    assert answer.status_code == 303, answer.text
    link = answer.headers["location"]
    assert link.startswith(parameters.get("redirect_uri", CALLBACK)), link
    values = dict(parse_qsl(urlsplit(link).query))
    assert values.pop("state", None) == parameters.get("state")
    assert values.pop("iss")
    return values


def query_of(link):
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


async def linked(tenant_id, user_name, *, connection="koogallery"):
    """Link an account of the same name, as the first sign-in does; the member's id."""
    member = await find_or_link(
        tenant_id,
        connection,
        subject=user_name,
        user_name=user_name,
        name=None,
        creates_members=False,
        act=Act(actor="test", at=datetime.now(UTC)),
    )
    return member.member_id


async def sign_in(app, office, user_name, *, upstream=None, connection="koogallery", ago=timedelta(0)):
    """A browser in which somebody has signed in."""
    runtime = app.state.runtime
    member = await office.get(f"/members/{user_name}")
    await linked(UUID(office.tenant_id), user_name, connection=connection)
    _, cookie = await start_session(
        runtime.sessions,
        UUID(office.tenant_id),
        UUID(member["id"]),
        connection=connection,
        upstream=upstream,
        act=Act(actor="test", at=runtime.clock() - ago),
    )
    browser = Browser(app)
    browser.cookies["tenon-session"] = cookie
    return browser
