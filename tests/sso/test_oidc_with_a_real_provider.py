"""Whole sign-ins at `oidc-provider`, a certified OpenID provider that is not ours."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from sso.discovery import Discovery
from sso.errors import CodeRefused, IdTokenRefused, ResponseIssuerRefused, UpstreamClientRefused
from sso.oidc import Person, begin, end_session_link, finish
from sso.oidc_settings import OidcSettings
from sso.probes import probe
from tests.peers import signing_key, upstream_provider

REDIRECT_URI = "http://127.0.0.1:8000/sign-in/oidc"
SIGNED_OUT = "http://127.0.0.1:8000/signed-out"
# Every character that the form encoding of RFC 6749 2.3.1 is about.
SECRET = "s%2B:+ ~e/c=ret"
STATE, NONCE, VERIFIER = "state-1", "nonce-1", "verifier-" * 6

PEOPLE = {
    "subject-1": {
        "preferred_username": "lin",
        "name": "林",
        "email": "lin@example.com",
        "email_verified": False,
    }
}


def client(auth_method):
    secret = {} if auth_method == "none" else {"client_secret": SECRET}
    return {
        "client_id": auth_method,
        "token_endpoint_auth_method": auth_method,
        "redirect_uris": [REDIRECT_URI],
        "post_logout_redirect_uris": [SIGNED_OUT],
        **secret,
    }


CLIENTS = [client(method) for method in ("client_secret_basic", "client_secret_post", "none")]


@pytest.fixture(scope="module")
async def provider():
    async with upstream_provider(clients=CLIENTS, people=PEOPLE) as provider:
        yield provider


@pytest.fixture
async def transport():
    async with httpx2.AsyncHTTPTransport(verify=False) as transport:
        yield transport


class SignIn:
    """One sign-in, in the steps in which the routes do it."""

    def __init__(self, provider, transport, method="client_secret_basic", **settings):
        self.provider = provider
        self.transport = transport
        self.settings = OidcSettings(
            issuer=provider.issuer, client_id=method, auth_method=method, title="Ours", **settings
        )
        self.discovery = Discovery(transport, allow_http=True)
        self.flow = {"nonce": NONCE, "verifier": VERIFIER, "redirect_uri": REDIRECT_URI}

    async def begin(self):
        metadata = await self.discovery.metadata(self.settings.issuer)
        address = begin(self.settings, metadata, state=STATE, **self.flow)
        callback = await self.provider.log_in(address, "subject-1", until=REDIRECT_URI)
        answer = {name: value for name, [value] in parse_qs(urlsplit(callback).query).items()}
        assert answer.pop("state") == STATE
        return answer

    async def finish(self, answer, *, secret=SECRET, **changes):
        flow = {**self.flow, **answer, **changes}
        return await finish(
            self.transport, self.settings, secret, self.discovery, now=datetime.now(UTC), **flow
        )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_a_person_signs_in_with_each_way_in_which_the_client_proves_itself(provider, transport, method):
    sign_in = SignIn(provider, transport, method)
    person = await sign_in.finish(await sign_in.begin(), secret=None if method == "none" else SECRET)
    assert (person.subject, person.user_name, person.name) == ("subject-1", "lin", "林")


async def test_claims_that_the_id_token_does_not_carry_come_from_userinfo(transport):
    async with upstream_provider(clients=CLIENTS, people=PEOPLE, thin=True) as provider:
        sign_in = SignIn(provider, transport)
        person = await sign_in.finish(await sign_in.begin())
    assert (person.user_name, person.name) == ("lin", "林")


async def test_the_provider_may_change_its_key_while_we_run(transport):
    async with upstream_provider(clients=CLIENTS, people=PEOPLE) as provider:
        sign_in = SignIn(provider, transport)
        await sign_in.finish(await sign_in.begin())
    elapsed = {"seconds": 0.0}
    sign_in.discovery = Discovery(transport, allow_http=True, clock=lambda: elapsed["seconds"])
    async with upstream_provider(clients=CLIENTS, people=PEOPLE, port=provider.port) as provider:
        await sign_in.finish(await sign_in.begin())
    async with upstream_provider(
        clients=CLIENTS, people=PEOPLE, port=provider.port, keys=[signing_key(1)]
    ) as provider:
        answer = await sign_in.begin()
        elapsed["seconds"] = 31.0
        assert isinstance(await sign_in.finish(answer), Person)


async def test_a_code_that_was_used_is_refused(provider, transport):
    """RFC 9700 4.5, authorization code injection: a code is worth something once."""
    sign_in = SignIn(provider, transport)
    answer = await sign_in.begin()
    await sign_in.finish(answer)
    with pytest.raises(CodeRefused):
        await sign_in.finish(answer)


async def test_a_code_of_another_sign_in_is_refused_for_its_verifier(provider, transport):
    """RFC 9700 4.5.3.1: PKCE binds a code to the browser that began."""
    sign_in = SignIn(provider, transport)
    with pytest.raises(CodeRefused):
        await sign_in.finish(await sign_in.begin(), verifier="another-verifier-" * 3)


async def test_a_code_for_another_redirect_address_is_refused(provider, transport):
    """RFC 9700 4.1: a code counts only together with the address that it was given to."""
    sign_in = SignIn(provider, transport)
    with pytest.raises(CodeRefused):
        await sign_in.finish(await sign_in.begin(), redirect_uri=f"{REDIRECT_URI}/other")


async def test_an_id_token_of_another_sign_in_is_refused_for_its_nonce(provider, transport):
    """RFC 9700 4.5.3.2: the nonce binds an ID token to the browser that began."""
    sign_in = SignIn(provider, transport)
    with pytest.raises(IdTokenRefused) as refused:
        await sign_in.finish(await sign_in.begin(), nonce="nonce-2")
    assert refused.value.reason == "nonce_differs"


@pytest.mark.parametrize("iss", ["https://attacker.example.com", None, "", "slash"])
async def test_a_mixed_up_answer_is_refused_and_its_code_stays_unused(provider, transport, iss):
    """RFC 9700 4.4.2.1, mix-up: no code goes to another provider than the one that has given it out."""
    sign_in = SignIn(provider, transport)
    answer = await sign_in.begin()
    with pytest.raises(ResponseIssuerRefused):
        await sign_in.finish(answer, iss=f"{provider.issuer}/" if iss == "slash" else iss)
    assert isinstance(await sign_in.finish(answer), Person)


async def test_a_wrong_client_secret_is_told_from_a_wrong_code(provider, transport):
    sign_in = SignIn(provider, transport)
    answer = await sign_in.begin()
    with pytest.raises(UpstreamClientRefused) as refused:
        await sign_in.finish(answer, secret="wrong")
    assert refused.value.reason == "invalid_client"
    assert isinstance(await sign_in.finish(answer), Person)


async def test_the_provider_accepts_the_link_for_signing_out(provider, transport):
    sign_in = SignIn(provider, transport)
    person = await sign_in.finish(await sign_in.begin())
    metadata = await sign_in.discovery.metadata(provider.issuer)
    link = end_session_link(metadata, person.id_token_hint, SIGNED_OUT, STATE)
    async with httpx2.AsyncClient(trust_env=False) as browser:
        page = await browser.get(link)
    assert page.status_code == 200
    assert 'name="xsrf"' in page.text


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_the_test_button_finds_nothing_wrong_with_a_good_connection(provider, transport, method):
    sign_in = SignIn(provider, transport, method)
    secret = None if method == "none" else SECRET
    findings = await probe(sign_in.settings, secret, sign_in.discovery, transport, redirect_uri=REDIRECT_URI)
    assert [(finding.step, finding.ok) for finding in findings] == [
        ("settings", True),
        ("address", True),
        ("description", True),
        ("issuer", True),
        ("endpoints", True),
        ("algorithms", True),
        ("pkce", True),
        ("keys", True),
        ("client", True),
        ("redirect_uri", None),
    ]


async def test_the_test_button_tells_a_wrong_secret(provider, transport):
    sign_in = SignIn(provider, transport)
    findings = await probe(sign_in.settings, "wrong", sign_in.discovery, transport, redirect_uri=REDIRECT_URI)
    [finding] = [finding for finding in findings if finding.ok is False]
    assert finding.step == "client"
    assert "Compare client id and secret" in finding.message
