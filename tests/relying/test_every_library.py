"""Two libraries of others as clients of our provider: openid-client 6 and oauth4webapi 3, checks all on."""

import re
from html import unescape

import pytest

from tests.relying.sites import PartyRefused, make_key
from tests.service.oauth2.relying import query_of

pytestmark = pytest.mark.xdist_group("relying")

# How the client proves itself, its key's algorithm, and what its ID tokens are signed with.
PROOFS = {
    "basic": ("client_secret_basic", None, "RS256"),
    "post": ("client_secret_post", None, "ES256"),
    "key_rs256": ("private_key_jwt", "RS256", "RS256"),
    "key_es256": ("private_key_jwt", "ES256", "ES256"),
    "public": ("none", None, "RS256"),
}
CONFIDENTIAL = [name for name in PROOFS if name != "public"]
CHALLENGED = ("OAUTH_WWW_AUTHENTICATE_CHALLENGE", 401)


@pytest.fixture(scope="session", params=["openid_client", "oauth4webapi"])
def library(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
async def party(site, office, library):
    return await site.register(office, library)


async def make_party(site, office, library, proof, **settings):
    method, key, algorithm = PROOFS[proof]
    settings |= {"algorithm": algorithm, "key": key and make_key(key)}
    return await site.register(office, library, method, **settings)


def links_of(answer):
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', answer.text)]


async def is_refused(doing):
    with pytest.raises(PartyRefused) as refused:
        await doing
    return refused.value.told


@pytest.mark.parametrize("proof", PROOFS)
async def test_a_person_signs_in_and_the_library_finds_nothing_wrong(site, office, library, ann, proof):
    party = await make_party(site, office, library, proof)
    tokens = await party.sign_in(ann, tenant=office.tenant_id)
    claims, member = tokens["claims"], await office.get("/members/ann")
    assert (claims["iss"], claims["aud"]) == (site.address, party.client["client_id"])
    assert (claims["sub"], claims["user_name"], claims["name"]) == (member["id"], "ann", "Ann")
    assert (claims["tenant"], claims["app"]) == (office.tenant_id, office.app)
    told = await party.do("userinfo", token=tokens["access_token"], subject=claims["sub"])
    assert told["user_name"] == "ann"
    with pytest.raises(PartyRefused):
        await party.do("userinfo", token=tokens["access_token"], subject="somebody-else")


@pytest.mark.parametrize("proof", PROOFS)
async def test_refresh_tokens_are_replaced_and_one_that_was_used_ends_all(site, office, library, ann, proof):
    party = await make_party(site, office, library, proof)
    tokens = await party.sign_in(ann, tenant=office.tenant_id)
    renewed = await party.do("refresh", token=tokens["refresh_token"])
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert await party.do("userinfo", token=renewed["access_token"], subject=tokens["claims"]["sub"])
    for spent in (tokens, renewed):
        told = await is_refused(party.do("refresh", token=spent["refresh_token"]))
        assert told["error"] == "invalid_grant"
    told = await is_refused(party.do("userinfo", token=renewed["access_token"], subject="-"))
    assert (told["code"], told["status"]) == CHALLENGED


@pytest.mark.parametrize("proof", CONFIDENTIAL)
async def test_tokens_are_introspected_and_revoked(site, office, library, ann, proof):
    party = await make_party(site, office, library, proof)
    tokens = await party.sign_in(ann, tenant=office.tenant_id)
    for name in ("access_token", "refresh_token"):
        found = await party.do("introspect", token=tokens[name])
        assert (found["active"], found["sub"]) == (True, tokens["claims"]["sub"])
    await party.do("revoke", token=tokens["refresh_token"])
    for name in ("access_token", "refresh_token"):
        assert await party.do("introspect", token=tokens[name]) == {"active": False}


async def test_a_public_client_revokes_and_does_not_introspect(site, office, library, ann):
    party = await make_party(site, office, library, "public")
    tokens = await party.sign_in(ann, tenant=office.tenant_id)
    told = await is_refused(party.do("introspect", token=tokens["access_token"]))
    assert told["error"] == "unauthorized_client"
    await party.do("revoke", token=tokens["access_token"])
    assert (await is_refused(party.do("refresh", token=tokens["refresh_token"])))["error"] == "invalid_grant"


@pytest.mark.parametrize("proof", ["basic", "key_es256", "public"])
async def test_a_pushed_request_leads_to_the_same(site, office, library, ann, proof):
    party = await make_party(site, office, library, proof, require_pushed_authorization_requests=True)
    tokens = await party.sign_in(ann, pushed=True, tenant=office.tenant_id, max_age=300)
    assert tokens["claims"]["user_name"] == "ann"
    assert query_of(ann.visited[0]).keys() == {"client_id", "request_uri"}


async def test_scopes_decide_what_is_told_and_a_refresh_may_ask_for_less(office, party, ann):
    tokens = await party.sign_in(ann, tenant=office.tenant_id, scope="openid profile departments groups")
    claims = tokens["claims"]
    assert (claims["departments"], claims["groups"]) == (["X"], [])
    renewed = await party.do("refresh", token=tokens["refresh_token"], scope="openid departments")
    told = await party.do("userinfo", token=renewed["access_token"], subject=claims["sub"])
    assert told["departments"] == ["X"]
    assert "user_name" not in told


async def test_the_next_client_gets_its_code_without_a_sign_in(site, office, library, ann):
    first, second = [await site.register(office, library) for _ in range(2)]
    before = await first.sign_in(ann, tenant=office.tenant_id)
    after = await second.sign_in(ann, prompt="none")
    assert len(ann.visited) == 1
    assert [after["claims"][name] for name in ("sub", "sid", "auth_time")] == [
        before["claims"][name] for name in ("sub", "sid", "auth_time")
    ]


async def test_whoever_is_not_signed_in_is_not_asked_when_the_client_forbids_it(party, ann):
    told = await is_refused(party.sign_in(ann, prompt="none"))
    assert told["error"] == "login_required"


async def test_a_sign_in_is_made_anew_when_the_client_wants_it_fresh(office, party, ann):
    before = await party.sign_in(ann, tenant=office.tenant_id)
    after = await party.sign_in(ann, tenant=office.tenant_id, prompt="login")
    assert after["claims"]["sid"] != before["claims"]["sid"]
    again = await party.sign_in(ann, tenant=office.tenant_id, max_age=0)
    assert again["claims"]["sid"] != after["claims"]["sid"]


async def test_a_wrong_request_is_told_to_the_client_in_its_own_words(party, ann):
    told = await is_refused(party.sign_in(ann, scope="openid everything"))
    assert (told["code"], told["error"]) == ("OAUTH_AUTHORIZATION_RESPONSE_ERROR", "invalid_scope")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_wrong_secret_is_told_as_such(site, office, library, method):
    party = await site.register(office, library, method)
    party.client["secret"] = "wrong"
    told = await is_refused(party.do("refresh", token="anything"))
    assert (told["code"], told["status"]) == CHALLENGED


async def test_a_key_that_is_not_registered_is_refused(site, office, library):
    party = await make_party(site, office, library, "key_es256")
    party.client["key"] = make_key("ES256").as_dict(private=True)
    told = await is_refused(party.do("refresh", token="anything"))
    assert (told["code"], told["status"]) == CHALLENGED


async def test_a_code_counts_once_and_its_tokens_end_with_the_second_try(office, party, ann):
    flow = await party.do("begin", parameters={"tenant": office.tenant_id})
    address = await ann.go(flow["url"], until=party.client["redirect_uri"])
    tokens = await party.do("finish", flow=flow, url=address)
    told = await is_refused(party.do("finish", flow=flow, url=address))
    assert told["error"] == "invalid_grant"
    assert await party.do("introspect", token=tokens["access_token"]) == {"active": False}


async def test_signing_out_leads_through_the_auth_centre_and_back_to_the_client(office, party, ann):
    tokens = await party.sign_in(ann, tenant=office.tenant_id)
    back = party.client["redirect_uri"].replace("/callback", "/after")
    parameters = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": back,
        "state": "s",
    }
    left = await party.do("leave", parameters=parameters)
    assert await ann.go(left["url"], until=back) == f"{back}?state=s"
    assert any("/api/v1/logout" in address for address in ann.visited)
    assert await party.do("introspect", token=tokens["access_token"]) == {"active": False}
    assert (await is_refused(party.do("refresh", token=tokens["refresh_token"])))["error"] == "invalid_grant"
    assert (await is_refused(party.sign_in(ann, prompt="none")))["error"] == "login_required"


async def test_somebody_without_access_goes_back_to_the_client_with_an_error(site, office, party):
    async with site.person(office, "ann") as browser:
        # Signed in for one app, refused for another.
        await party.sign_in(browser, tenant=office.tenant_id)
        flow = await party.do("begin", parameters={"tenant": office.tenant_id, "app": "no-such-app"})
        refused = await browser.go(flow["url"])
    assert refused.status_code == 403
    [back] = [link for link in links_of(refused) if link.startswith(party.client["redirect_uri"])]
    assert (await is_refused(party.do("finish", flow=flow, url=back)))["error"] == "access_denied"


async def test_whoever_loses_access_is_refused_with_the_very_next_request(site, library):
    office = await site.open_office()
    party = await site.register(office, library)
    async with site.person(office, "ben") as ben:
        tokens = await party.sign_in(ben, tenant=office.tenant_id)
    await office.authorise("ben", flag=3)
    assert await party.do("introspect", token=tokens["access_token"]) == {"active": False}
    assert (await is_refused(party.do("refresh", token=tokens["refresh_token"])))["error"] == "invalid_grant"
    told = await is_refused(party.do("userinfo", token=tokens["access_token"], subject="-"))
    assert (told["code"], told["status"]) == CHALLENGED


async def test_the_description_says_the_same_by_both_its_names(site, oauth4webapi, office):
    party = await site.register(office, oauth4webapi)
    described = await party.do("describe")
    answer = await site.api.get("/.well-known/openid-configuration")
    assert described == answer.json()
