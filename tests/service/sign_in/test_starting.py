"""Where a sign-in starts: enterprise, way, and what goes wrong before anybody is asked who they are."""

from uuid import uuid4

import msgspec
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sso.bearer import make_family_id, make_token
from sso.flows import FlowStore
from sso.sessions import SessionStore
from tests.ports import free_port
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import sign_in

ACME = {
    "kind": "oidc",
    "issuer": "https://login.acme.example",
    "client_id": "tenon",
    "secret": "a-secret-of-acme",
    "title": "Acme account",
}


@pytest.fixture
def without_redis(app, runtime):
    """The application while nothing answers where sessions are kept."""
    redis = Redis(port=free_port(), socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0))
    app.state.runtime = msgspec.structs.replace(
        runtime, sessions=SessionStore(redis, runtime.sessions.lifetimes), flows=FlowStore(redis)
    )
    yield app
    app.state.runtime = runtime


async def code_of(office):
    return (await office.get(""))["code"]


async def test_without_an_enterprise_a_page_asks_for_its_code(browser):
    asked = await browser.get("/sign-in")
    assert asked.status_code == 200
    assert 'name="tenant"' in asked.text
    assert asked.headers["cache-control"] == "no-store"


async def test_an_unknown_code_is_said_to_be_so(browser):
    asked = await browser.get("/sign-in", params={"tenant": "nobody.example"})
    assert asked.status_code == 404
    assert "nobody.example" in asked.text


async def test_an_empty_code_is_asked_for_again(browser):
    assert (await browser.get("/sign-in?tenant=")).status_code == 400


async def test_the_code_of_an_enterprise_leads_to_its_sign_in(centre, browser, office):
    own = f"own-{office.tenant_id}.example"
    assert (await office.enterprise.bind(domainName=centre.centre.url, tenantCode=own)).code == "000000"
    answer = await browser.get("/sign-in", params={"tenant": await code_of(office)})
    assert answer.status_code == 303
    assert "portal-login" in answer.headers["location"]


async def test_a_code_that_two_enterprises_share_leads_nowhere(centre, browser, office, marketplace):
    """Nobody is told which enterprises there are, and nobody is sent to the wrong one."""
    other = await marketplace.open_enterprise()
    assert (await other.bind(tenantCode=await code_of(office))).code == "000000"
    answer = await browser.get("/sign-in", params={"tenant": await code_of(office)})
    assert answer.status_code == 404


async def test_the_enterprises_that_a_browser_has_signed_in_to_are_offered_by_name(centre, browser, office):
    await browser.get(centre.link("ann"))
    asked = await browser.get("/sign-in")
    assert (await office.get(""))["name"] in asked.text
    assert f"tenant={office.tenant_id}" in asked.text
    stranger = await Browser(browser.app).get("/sign-in")
    assert (await office.get(""))["name"] not in stranger.text


async def test_where_there_are_several_ways_a_page_offers_them(centre, browser, office):
    await office.put("/connections/acme", ACME)
    asked = await browser.get("/sign-in", params={"tenant": office.tenant_id})
    assert asked.status_code == 200
    assert "Acme account" in asked.text
    assert "connection=koogallery" in asked.text


async def test_an_administrator_can_switch_the_marketplaces_account_login_off(centre, browser, office):
    await office.put("/connections/koogallery", {"kind": "koogallery", "enabled": False})
    answer = await browser.get("/sign-in", params={"tenant": office.tenant_id})
    assert answer.status_code == 403
    refused = await browser.get(centre.link("ann"))
    assert refused.status_code == 403
    assert "tenon-session" not in browser.cookies


async def test_a_sign_in_without_an_application_returns_to_a_path_of_ours(centre, browser, office):
    await browser.get("/sign-in", params={"tenant": office.tenant_id, "return_to": "/signed-in?x=1"})
    answer = await browser.get(centre.link("ann"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/signed-in?x=1")


async def test_while_redis_is_away_a_page_says_so_and_nothing_else_is_lost(without_redis, centre, office):
    browser = Browser(without_redis)
    for path in (f"/sign-in?tenant={office.tenant_id}", centre.link("ann")):
        answer = await browser.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert answer.headers["content-type"].startswith("text/html")
    assert (await office.get("/members/ann"))["enabled"]


async def test_while_redis_is_away_clients_are_told_to_try_again(without_redis, relying, clock):
    token, _ = make_token("refresh", uuid4(), make_family_id(now=clock()))
    answer = await relying.refresh(token)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def test_when_redis_has_lost_everything_people_sign_in_again(app, centre, office, relying, runtime):
    browser = await sign_in(app, office, "ann")
    tokens = await relying.tokens(browser)
    async for key in runtime.sessions._redis.scan_iter("tenon:session*"):
        await runtime.sessions._redis.delete(key)
    assert not (await relying.introspect(tokens["access_token"]))["active"]
    assert (await relying.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    again = await browser.get(centre.link("ann"))
    assert again.status_code == 303
    assert (await relying.tokens(browser))["access_token"]
