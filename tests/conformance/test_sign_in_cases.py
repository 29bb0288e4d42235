"""Signing in with the marketplace's account: the auth centre is the simulator's, over real HTTP."""

from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import msgspec
import pytest

from service.simulator.auth_centre import open_auth_centre
from service.simulator.auth_centre_requests import LOGOUT, TOKEN, USERINFO
from service.simulator.auth_centre_visits import with_query
from service.simulator.browser import Browser
from service.simulator.buyers import make_buyer
from service.simulator.cases import Outcome
from service.simulator.enterprises import Enterprise
from service.simulator.marketplace import Marketplace
from service.simulator.scorecard import run_scorecard
from service.simulator.scorecard_output import text_line
from service.simulator.sign_in_steps import WANG
from service.simulator.sign_in_story import sign_in_story
from service.simulator.sign_ins import SignIns
from sso.keys import load_private_key, public_line
from tests.conformance.test_score_card import SIGN_IN, on_the_wire
from tests.marketplace import BASE_KEY, KIT_KEY, user

HOME = "http://tenon.test"
SESSION = "tenon-session"


@pytest.fixture(autouse=True)
def present(clock, frozen):
    """Sessions and codes live in the present."""
    clock.freeze(None)


@pytest.fixture(scope="module")
async def centre():
    async with open_auth_centre() as opened:
        yield opened


@pytest.fixture
def transports(app):
    return {HOME: httpx2.ASGITransport(app=app, raise_app_exceptions=False)}


@pytest.fixture
async def browser(transports, centre):
    async with Browser(HOME, centre.url, transports=transports) as person:
        yield person


class Place:
    """An enterprise at both ends: as the marketplace announces it, and as its auth centre knows it."""

    def __init__(self, announced, known, centre):
        self.announced = announced
        self.known = known
        self.centre = centre

    @property
    def link(self):
        return self.centre.workbench_link(self.known, WANG.user_name)

    def asked(self, path):
        return self.centre.requests_of(self.known, path)

    def change(self, **changes):
        self.centre.admit(msgspec.structs.replace(self.known, **changes))


@pytest.fixture
def open_place(marketplace, product, centre):
    async def open_one():
        announced = await marketplace.open_enterprise(app=f"app-{uuid4().hex[:8]}")
        buyer = make_buyer(uuid4().hex, name="星河制造", short_name="xinghe")
        buyer = msgspec.structs.replace(buyer, tenant_id=announced.tenant, app_id=announced.app)
        await announced.bind(at=0.001, domainName=centre.url)
        await announced.application(at=0.001, clientId=buyer.client_id, secret=buyer.client_secret)
        assert (await announced.members([user(WANG.user_name)])).code == "000000"
        known = Enterprise(
            buyer=buyer,
            login_url=f"{HOME}/sign-in/koogallery/{product}",
            members={WANG.user_name: WANG},
        )
        return Place(announced, centre.admit(known), centre)

    return open_one


@pytest.fixture
async def place(open_place):
    return await open_place()


def is_signed_in(visit):
    return visit.status == 200 and visit.place == f"{HOME}/signed-in" and SESSION in visit.cookies


async def test_tenon_passes_the_sign_in_cases_of_its_own_score_card(
    app, product, private_key, centre, transports
):
    sign_ins = SignIns(
        centre=centre,
        login_url=f"{HOME}/sign-in/koogallery/{product}",
        logout_url=f"{HOME}/sign-out",
        told_seconds=0,
        patience_seconds=0.1,
        transports=transports,
    )
    async with Marketplace(
        f"{HOME}/koogallery/{product}",
        base_key=BASE_KEY,
        kit_key=KIT_KEY,
        public_key_line=public_line(load_private_key(private_key)),
        transport=httpx2.ASGITransport(app=on_the_wire(app), raise_app_exceptions=False),
    ) as marketplace:
        results = await run_scorecard(marketplace, only=SIGN_IN, sign_ins=sign_ins)
    assert [text_line(result) for result in results if result.outcome is Outcome.FAIL] == []
    # Tokens that live for less than a minute are taken to live that long.
    assert {result.number for result in results if result.outcome is Outcome.SKIPPED} == {79}


async def test_case_74_a_code_signs_in_with_the_enterprises_own_credential(place, open_place, browser):
    other = await open_place()
    visit = await browser.open(place.link)
    assert is_signed_in(visit), visit.summary
    assert WANG.user_name in visit.body.decode()
    [token] = place.asked(TOKEN)
    assert (token.status, token.parameters["grant_type"]) == (200, "authorization_code")
    assert [userinfo.status for userinfo in place.asked(USERINFO)] == [200]
    assert other.asked(TOKEN) == []


async def test_case_75_a_callback_of_an_unknown_enterprise_calls_nobody(place, browser, centre):
    login = place.known.login_url
    code = centre.tickets.issue_code(client_id=place.known.buyer.client_id, user_name=WANG.user_name)
    for tenant in (uuid4().hex, "", place.announced.tenant.upper() + "x"):
        before = centre.count
        visit = await browser.open(f"{login}?{urlencode({'code': code, 'tenant': tenant})}")
        assert 400 <= visit.status < 500
        assert SESSION not in visit.cookies
        assert centre.count == before


async def test_case_76_a_code_that_the_auth_centre_refuses_opens_no_session(place, browser):
    link = with_query(place.known.login_url, code="made-up", tenant=place.announced.tenant)
    visit = await browser.open(link)
    assert [token.status for token in place.asked(TOKEN)] == [400]
    assert 400 <= visit.status < 500
    assert SESSION not in visit.cookies


async def test_case_76_a_code_opens_one_session_only(place, browser, transports, centre):
    link = centre.login_link(place.known, WANG.user_name)
    assert is_signed_in(await browser.open(link))
    async with Browser(HOME, transports=transports) as second:
        visit = await second.open(link)
    assert 400 <= visit.status < 500
    assert SESSION not in visit.cookies


async def test_case_77_an_account_of_another_enterprise_is_refused(place, open_place, browser):
    other = await open_place()
    place.change(told_tenant=other.announced.tenant)
    visit = await browser.open(place.link)
    assert [userinfo.status for userinfo in place.asked(USERINFO)] == [200]
    assert 400 <= visit.status < 500
    assert SESSION not in visit.cookies


@pytest.mark.parametrize("flag", [3, 0])
async def test_case_78_a_member_without_authorisation_is_refused_though_signed_in_there(place, browser, flag):
    await place.announced.members([user(WANG.user_name)], flag=flag, at=1)
    visit = await browser.open(place.link)
    assert [userinfo.status for userinfo in place.asked(USERINFO)] == [200]
    assert 400 <= visit.status < 500
    assert SESSION not in visit.cookies


async def test_case_78_a_session_ends_with_the_authorisation(place, browser):
    assert is_signed_in(await browser.open(place.link))
    await place.announced.members([user(WANG.user_name)], flag=3, at=1)
    assert not is_signed_in(await browser.open(f"{HOME}/signed-in"))


async def test_case_79_an_old_access_token_is_renewed_while_its_user_continues(place, browser, clock):
    assert is_signed_in(await browser.open(place.link))
    signed_in_at = clock()
    # Nobody stays signed in without using it.
    clock.freeze(signed_in_at + timedelta(hours=1))
    assert is_signed_in(await browser.open(f"{HOME}/signed-in"))
    assert len(place.asked(TOKEN)) == 1
    clock.freeze(signed_in_at + timedelta(hours=2))
    assert is_signed_in(await browser.open(f"{HOME}/signed-in"))
    _, renewal = place.asked(TOKEN)
    assert (renewal.status, renewal.parameters["grant_type"]) == (200, "refresh_token")
    assert is_signed_in(await browser.open(f"{HOME}/signed-in"))
    assert len(place.asked(TOKEN)) == 2


async def test_case_80_signing_out_ends_the_session_here_and_at_the_enterprise(
    place, browser, transports, centre
):
    assert is_signed_in(await browser.open(place.link))
    async with Browser(HOME, transports=transports) as thief:
        thief.take_cookies(browser)
        assert is_signed_in(await thief.open(f"{HOME}/signed-in"))
        before = centre.count
        asking = await browser.open(f"{HOME}/sign-out")
        assert centre.count == before
        assert await browser.submit(asking)
        [logout] = centre.requests_since(before, LOGOUT)
        assert logout.parameters["redirect_url"]
        assert SESSION not in browser.cookies
        assert not is_signed_in(await thief.open(f"{HOME}/signed-in"))


async def test_the_story_of_the_demonstration_ends_signed_in(place, transports, centre):
    sentence = await sign_in_story(centre, place.known, WANG.user_name, transports=transports)
    assert sentence.startswith(f"{WANG.name} ({WANG.user_name}) has signed in")
    assert SESSION in sentence
