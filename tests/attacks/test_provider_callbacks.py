"""Answers of identity providers in the wrong browser, at the wrong address or of the wrong provider."""

import time

import pytest

from tests.attacks.asking import SESSION, ask, assert_page, csrf_in, field_in
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import query_of, sign_in
from tests.sso.issuers import open_issuer


@pytest.fixture
async def issuer():
    async with open_issuer() as one:
        yield one


@pytest.fixture
async def connect(office, issuer):
    """Makes a connection to the issuer, the only one whose callback is called by this name."""

    async def make(name):
        body = {"kind": "oidc", "issuer": issuer.url, "client_id": "tenon", "secret": "hush", "title": name}
        await office.put(f"/connections/{name}", body)

    await make("work")
    return make


async def begin(browser, office, **params):
    answer = await browser.get(
        "/sign-in", params={"tenant": office.tenant_id, "connection": "work", **params}
    )
    assert answer.status_code == 303, answer.text
    return query_of(answer.headers["location"])


def callback(office, name="work"):
    return f"/sign-in/oidc/{office.tenant_id}/{name}"


def is_refused(answer, browser):
    return answer.status_code >= 400 and "location" not in answer.headers and SESSION not in browser.cookies


async def test_a_sign_in_begun_in_one_browser_is_not_finished_in_another(app, office, connect, issuer):
    """RFC 9700 4.7, login CSRF: the attacker's state and code in the victim's browser, and the reverse."""
    attacker, victim = Browser(app), Browser(app)
    sent = await begin(attacker, office)
    await begin(victim, office)
    answer = await victim.get(callback(office), params={"state": sent["state"], "code": "code-1"})
    assert is_refused(answer, victim)
    assert issuer.asked("/token") == []


async def test_a_state_is_good_once_and_at_its_own_address_only(app, office, neighbour, connect, issuer):
    """RFC 9700 4.4.2.2, mix-up: each connection has a redirect URI of its own."""
    await connect("other")
    for path in (callback(office, "other"), callback(neighbour), "/sign-in/koogallery/x"):
        browser = Browser(app)
        sent = await begin(browser, office)
        query = {"state": sent["state"], "code": "code-1"}
        assert is_refused(await browser.get(path, params=query), browser)
        if "/oidc/" in path:
            assert is_refused(await browser.get(callback(office), params=query), browser)
    assert issuer.asked("/token") == []


async def test_an_answer_of_another_provider_is_refused_before_its_code_goes_anywhere(
    app, office, connect, issuer
):
    """RFC 9207 2.4, RFC 9700 4.4: codes and errors alike."""
    issuer.metadata["authorization_response_iss_parameter_supported"] = True
    for values in ({"code": "code-1"}, {"error": "access_denied"}):
        for iss in ({"iss": "https://evil.example"}, {"iss": f"{issuer.url}/"}, {}):
            browser = Browser(app)
            sent = await begin(browser, office)
            query = {"state": sent["state"], **values, **iss}
            assert is_refused(await browser.get(callback(office), params=query), browser)
    assert issuer.asked("/token") == []


async def test_every_sign_in_has_secrets_of_its_own(app, office, connect):
    """RFC 9700 2.1.1 and 4.5.3: state, nonce and challenge are never used twice."""
    browser = Browser(app)
    sent = [await begin(browser, office) for _ in range(3)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name] for one in sent}) == 3
        assert all(len(one[name]) >= 32 for one in sent)
    assert {one["code_challenge_method"] for one in sent} == {"S256"}


async def test_a_callback_with_garbage_is_a_page(app, office, connect):
    """CWE-209."""
    browser = Browser(app)
    for query in ("state=%00&code=%00", "state=x&state=y", "code=%FF", "state=" + "x" * 5000):
        assert_page(await browser.get(f"{callback(office)}?{query}"))


async def test_asking_for_a_new_sign_in_reaches_the_provider(relying, app, office, connect):
    """OpenID Connect Core 3.1.2.1: else its own session answers, and nobody has signed in anew."""
    for changes in ({"prompt": "login"}, {"max_age": "0"}):
        browser = Browser(app)
        _, request = relying.request(tenant=office.tenant_id, connection="work", **changes)
        sent = await browser.follow(await ask(browser, request))
        query = query_of(sent.headers["location"])
        assert query.get("prompt") == "login" or query.get("max_age") == "0"


async def test_another_sites_sign_in_at_a_provider_does_not_take_a_session_over(app, office, connect, issuer):
    """Login CSRF: whom a provider signs in unasked does not take the place of whoever is here."""
    await office.authorise("ann", "lin")
    browser = await sign_in(app, office, "ann")
    before = browser.cookies[SESSION]
    sent = await begin(browser, office)
    now = int(time.time())
    issuer.claims |= {"nonce": sent["nonce"], "iat": now, "exp": now + 300}
    page = await browser.get(callback(office), params={"state": sent["state"], "code": "code-1"})
    assert page.status_code == 200
    assert browser.cookies[SESSION] == before
    form = {"flow": field_in(page, "flow"), "csrf": csrf_in(page)}
    answer = await browser.post("/sign-in/switch", data=form)
    assert answer.status_code == 303
    assert browser.cookies[SESSION] != before
    assert "Lin" in (await browser.get("/signed-in")).text
