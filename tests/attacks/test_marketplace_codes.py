"""Codes of the marketplace that somebody else has brought: its sign-in has no state that could tell."""

import pytest

from tests.attacks.asking import SESSION, assert_page, csrf_in, field_in, is_signed_in
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import Relying, query_of
from tests.service.sign_in.centres import Centre
from tests.service.sign_in.conftest import auth_centre, centre

__all__ = ["auth_centre", "centre"]


async def signed_in(app, link):
    browser = Browser(app)
    answer = await browser.get(link)
    assert answer.status_code == 303, answer.text
    assert await is_signed_in(browser)
    return browser


async def is_of(browser, name):
    return name in (await browser.get("/signed-in")).text


@pytest.fixture
async def foreign(auth_centre, neighbour, product):
    """The attacker's own enterprise, where mallory may use the app."""
    await neighbour.authorise("mallory")
    return await Centre(auth_centre, neighbour, product, "mallory").announce()


async def test_signing_in_always_makes_a_new_session_and_ends_the_one_before(centre, app, office):
    """RFC 9700 4.7, session fixation: what was known before signing in is worth nothing after."""
    browser = await signed_in(app, centre.link("ann"))
    before = browser.cookies[SESSION]
    answer = await browser.get(centre.link("ann"))
    assert answer.status_code == 303
    assert browser.cookies[SESSION] != before
    old = Browser(app)
    old.cookies[SESSION] = before
    assert not await is_signed_in(old)
    assert await is_signed_in(browser)


async def test_a_session_cookie_that_was_planted_is_replaced(centre, app):
    """RFC 9700 4.7: the victim signs in, the attacker's cookie gets nothing."""
    browser = Browser(app)
    browser.cookies[SESSION] = planted = "A" * 54
    await browser.get(centre.link("ann"))
    assert browser.cookies[SESSION] != planted
    attacker = Browser(app)
    attacker.cookies[SESSION] = planted
    assert not await is_signed_in(attacker)


async def test_a_code_in_a_link_does_not_take_a_session_over(centre, foreign, app):
    """Login CSRF: whoever is signed in is asked before another account takes its place."""
    browser = await signed_in(app, centre.link("ann"))
    page = await browser.get(foreign.link("mallory"))
    assert page.status_code == 200
    assert await is_of(browser, "Ann")
    assert_page(await browser.post("/sign-in/switch", data={"flow": field_in(page, "flow"), "csrf": "x"}))
    assert await is_of(browser, "Ann")


async def test_a_code_in_a_link_does_not_take_a_session_over_where_the_link_before_began_a_sign_in(
    centre, foreign, app
):
    """Login CSRF: another site can begin a sign-in as well as end it, so having begun one says nothing."""
    browser = await signed_in(app, centre.link("ann"))
    begun = await browser.get("/sign-in", params={"tenant": foreign.office.tenant_id})
    assert begun.status_code == 303
    page = await browser.get(foreign.link("mallory"))
    assert await is_of(browser, "Ann")
    assert page.status_code == 200


async def test_the_question_of_another_browser_cannot_be_answered(centre, foreign, app, relying):
    """CSRF on the switch: the answer belongs to the session that was asked, once."""
    browser = await signed_in(app, centre.link("ann"))
    page = await browser.get(foreign.link("mallory"))
    other = await signed_in(app, centre.link("ann"))
    csrf = csrf_in(await other.get("/sign-out"))
    assert_page(await other.post("/sign-in/switch", data={"flow": field_in(page, "flow"), "csrf": csrf}))
    nobody = Browser(app)
    form = {"flow": field_in(page, "flow"), "csrf": csrf_in(page)}
    assert_page(await nobody.post("/sign-in/switch", data=form))
    assert await is_of(browser, "Ann")


async def test_a_code_that_is_brought_twice_signs_nobody_in_the_second_time(centre, app):
    """RFC 9700 4.5."""
    link = centre.link("ann")
    await signed_in(app, link)
    again = Browser(app)
    assert_page(await again.get(link), 403)
    assert SESSION not in again.cookies


async def test_a_code_with_another_enterprise_signs_nobody_in(centre, foreign, app):
    """RFC 9700 4.4, mix-up: neither enterprise's code works under the name of the other."""
    for link in (
        foreign.link("mallory", tenant=centre.office.enterprise.tenant),
        centre.link("ann", tenant=foreign.office.enterprise.tenant),
    ):
        browser = Browser(app)
        assert (await browser.get(link)).status_code == 403
        assert SESSION not in browser.cookies


async def test_a_waiting_request_for_one_enterprise_is_not_answered_by_another(
    centre, foreign, app, relying, office
):
    """RFC 9700 4.4: the application gets nobody of the attacker's enterprise for the victim's request."""
    _, request = relying.request(tenant=office.tenant_id)
    browser = Browser(app)
    await browser.follow(await browser.get("/oauth2/authorize", params=request))
    assert_page(await browser.get(foreign.link("mallory")), 403)
    assert SESSION not in browser.cookies


async def test_the_request_of_one_browser_is_not_answered_in_another(centre, app, relying, office):
    """RFC 9700 4.7: the code of the marketplace signs in where it is brought, and nowhere else."""
    _, request = relying.request(tenant=office.tenant_id)
    victim, attacker = Browser(app), Browser(app)
    sent = await attacker.get("/oauth2/authorize", params=request)
    await attacker.follow(sent)
    handle = query_of(sent.headers["location"])["request"]
    answer = await victim.get(centre.link("ann"))
    assert handle not in answer.headers["location"]
    assert_page(await victim.get("/oauth2/continue", params={"request": handle}))
    answer = await attacker.get("/oauth2/continue", params={"request": handle})
    assert answer.headers["location"].startswith("/sign-in?")


async def test_a_sign_in_returns_to_a_path_of_any_characters(centre, app, office):
    """What is in an address of ours is never an error of ours."""
    for path in ("/x?y=1&z=2", "/中文", "/\"'<>`{|}^", "/%2F%2Fevil.example", "/x#y", "/..//evil.example"):
        browser = Browser(app)
        await browser.get("/sign-in", params={"tenant": office.tenant_id, "return_to": path})
        answer = await browser.get(centre.link("ann"))
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/")
        assert not answer.headers["location"].startswith("//")


async def test_whoever_comes_unasked_is_sent_to_the_registered_address_only(centre, api, http, product, app):
    """RFC 9700 4.11: what stands beside the code in the link is not looked at."""
    initiate = "https://crm.example.com/begin"
    await Relying.register(api, http, product, initiate_login_uri=initiate)
    for more in (
        "return_to=//evil.example",
        "initiate_login_uri=https://evil.example",
        "state=x&iss=https://evil.example",
    ):
        answer = await Browser(app).get(f"{centre.link('ann')}&{more}")
        assert answer.headers["location"].startswith(f"{initiate}?iss=")
        assert "evil" not in answer.headers["location"]
