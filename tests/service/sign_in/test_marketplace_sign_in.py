"""Signing in with the marketplace's account, from start to the application and out again."""

import re
from datetime import timedelta
from urllib.parse import quote

import msgspec

from service.simulator.auth_centre_requests import TOKEN, USERINFO
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import Relying, query_of, told
from tests.service.sign_in.centres import Centre


async def test_a_person_comes_from_the_application_and_goes_back_to_it_signed_in(
    centre, relying, browser, office
):
    verifier, request = relying.request(tenant=office.tenant_id)
    answer = await browser.get("/oauth2/authorize", params=request)
    answer = await browser.follow(answer)
    assert answer.status_code == 303
    portal = answer.headers["location"]
    assert portal.endswith(f"#/portal-login?ind=UNOP&appId={office.app}")
    answer = await browser.follow(await browser.get(centre.link("ann")))
    tokens = (await relying.exchange(told(answer, request)["code"], verifier)).json()
    claims = await relying.claims(tokens["id_token"])
    assert claims["user_name"] == "ann"


async def test_whoever_comes_unasked_lands_in_the_application_which_asks_for_a_code_and_gets_it(
    centre, api, http, product, browser, office
):
    initiate = "https://crm.example.com/begin?way=tenon"
    relying = await Relying.register(api, http, product, initiate_login_uri=initiate)
    answer = await browser.get(centre.link("ann"))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{initiate}&iss=")
    assert query_of(answer.headers["location"])["tenant"] == office.tenant_id
    tokens = await relying.tokens(browser, tenant=office.tenant_id)
    assert (await relying.claims(tokens["id_token"]))["user_name"] == "ann"


async def test_where_there_is_no_application_to_go_to_a_page_says_who_is_signed_in(centre, browser):
    answer = await browser.follow(await browser.get(centre.link("ann")))
    assert answer.status_code == 200
    assert "Ann" in answer.text


async def test_the_credential_of_the_enterprise_is_used_and_a_code_once_only(centre, browser):
    link = centre.link("ann")
    assert (await browser.get(link)).status_code == 303
    [asked] = centre.asked(TOKEN)
    assert asked.parameters["grant_type"] == "authorization_code"
    refused = await Browser(browser.app).get(link)
    assert refused.status_code == 403
    assert "tenon-session" not in refused.headers.get("set-cookie", "")


async def test_a_code_with_another_enterprise_signs_nobody_in(
    centre, auth_centre, marketplace, api, product, browser
):
    other = await marketplace.open_enterprise()
    refused = await browser.get(f"{centre.callback}?code={centre.code('ann')}&tenant={other.tenant}")
    assert refused.status_code in {403, 503}
    assert browser.cookies.keys() & {"tenon-session"} == set()


async def test_userinfo_of_another_enterprise_signs_nobody_in(centre, browser):
    centre.change(told_tenant="somebody-else")
    refused = await browser.get(centre.link("ann"))
    assert refused.status_code == 403
    assert "tenon-session" not in browser.cookies


async def test_an_unknown_enterprise_calls_nobody(centre, auth_centre, browser):
    before = auth_centre.count
    refused = await browser.get(f"{centre.callback}?code=abc&tenant=nobody")
    assert refused.status_code == 404
    assert auth_centre.count == before


async def test_somebody_unknown_is_asked_to_try_again_in_a_minute(centre, browser):
    refused = await browser.get(centre.link("ben"))
    assert refused.status_code == 403
    assert "minute" in refused.text


async def test_somebody_unknown_becomes_a_member_where_the_policy_says_so(centre, browser, office):
    await office.put("/connections/koogallery", {"kind": "koogallery", "creates_members": True})
    await office.grant("everyone")
    answer = await browser.get(centre.link("ben"))
    assert answer.status_code == 303
    assert (await office.get("/members/ben"))["name"] == "Ben"


async def test_a_cancelled_person_is_refused_with_the_reason(centre, browser, office):
    await office.authorise("ann", flag=3)
    refused = await browser.get(centre.link("ann"))
    assert refused.status_code == 403
    assert "tenon-session" not in browser.cookies


async def test_of_several_bindings_the_one_that_the_code_is_for_is_found(
    centre, auth_centre, marketplace, office, product, browser
):
    """The newer credential is tried first and refused; the older one fits."""
    instance = await marketplace.buy()
    office.enterprise.instance, before = instance, office.enterprise.instance
    assert (await office.enterprise.bind(domainName=auth_centre.url)).code == "000000"
    assert (await office.enterprise.application(at=1.0, clientId="client-of-nobody")).code == "000000"
    office.enterprise.instance = before
    assert (await browser.get(centre.link("ann"))).status_code == 303


async def test_upstream_tokens_are_renewed_while_the_session_lives(centre, relying, browser, clock):
    await browser.get(centre.link("ann"))
    tokens = await relying.tokens(browser)
    clock.freeze(clock() + timedelta(hours=1, minutes=50))
    renewed = await relying.refresh(tokens["refresh_token"])
    assert renewed.status_code == 200
    assert centre.asked(TOKEN)[-1].parameters["grant_type"] == "refresh_token"


async def test_whoever_is_out_upstream_is_out_here(centre, relying, browser, clock, auth_centre):
    await browser.get(centre.link("ann"))
    tokens = await relying.tokens(browser)
    auth_centre.tickets._refresh.clear()
    clock.freeze(clock() + timedelta(hours=1, minutes=50))
    refused = await relying.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert not (await relying.introspect(tokens["access_token"]))["active"]


async def test_signing_out_leads_through_the_enterprises_own_logout(centre, browser, relying, auth_centre):
    await browser.get(centre.link("ann"))
    tokens = await relying.tokens(browser)
    answer = await browser.get(
        "/oauth2/end-session",
        params={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": "https://crm.example.com/after",
            "state": "s",
        },
    )
    assert answer.status_code == 303
    link = answer.headers["location"]
    assert link.startswith(f"{auth_centre.url}/api/v1/logout?redirect_url={quote('http', safe='')}")
    back = query_of(link)["redirect_url"]
    done = await browser.get(back[back.index("/sign-out/done") :])
    assert (done.status_code, done.headers["location"]) == (303, "https://crm.example.com/after?state=s")
    assert "tenon-session" not in browser.cookies
    assert not (await relying.introspect(tokens["access_token"]))["active"]


async def test_a_sign_in_for_one_enterprise_cannot_end_in_another(
    centre, auth_centre, marketplace, relying, browser, office, api, product
):
    other = await marketplace.open_enterprise()
    office.enterprise, first = other, office.enterprise
    assert (await other.bind(domainName=auth_centre.url)).code == "000000"
    elsewhere = await Centre(auth_centre, office, product, "ann").announce()
    office.enterprise = first
    _, request = relying.request(tenant=office.tenant_id)
    await browser.follow(await browser.get("/oauth2/authorize", params=request))
    refused = await browser.get(f"{centre.callback}?code={elsewhere.code('ann')}&tenant={other.tenant}")
    assert refused.status_code == 403
    assert "tenon-session" not in browser.cookies


async def test_userinfo_is_asked_at_the_domain_of_the_enterprise_only(centre, browser):
    await browser.get(centre.link("ann"))
    [asked] = centre.asked(USERINFO)
    assert asked.status == 200
    assert msgspec.structs.asdict(asked)["client_id"] == centre.client_id


async def test_a_foreign_code_in_a_browser_where_somebody_is_signed_in_asks_first(centre, browser, office):
    """Login CSRF (RFC 9700 4.7): a link on any page can bring the attacker's code into this browser."""
    await office.authorise("eve")
    await browser.get(centre.link("ann"))
    before = browser.cookies["tenon-session"]
    asked = await browser.get(centre.link("eve"))
    assert asked.status_code == 200
    assert "Ann" in asked.text
    assert "Eve" in asked.text
    assert browser.cookies["tenon-session"] == before
    fields = dict(re.findall(r'name="(csrf|flow)" value="([^"]+)"', asked.text))
    forged = await browser.post("/sign-in/switch", data={**fields, "csrf": "0" * 64})
    assert forged.status_code == 400
    assert browser.cookies["tenon-session"] == before


async def test_whoever_confirms_the_switch_is_signed_in_instead(centre, browser, office):
    await office.authorise("eve")
    await browser.get(centre.link("ann"))
    asked = await browser.get(centre.link("eve"))
    fields = dict(re.findall(r'name="(csrf|flow)" value="([^"]+)"', asked.text))
    answer = await browser.follow(await browser.post("/sign-in/switch", data=fields))
    assert "Eve" in answer.text
    assert "Ann" not in answer.text
