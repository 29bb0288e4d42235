"""The auth centre over real HTTP, as vendors and browsers meet it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
import pytest

from service.simulator.auth_centre import AuthCentre
from service.simulator.auth_centre_requests import LOGOUT, TOKEN, USERINFO
from service.simulator.buyers import make_buyer
from service.simulator.enterprises import Enterprise, enterprise_of
from service.simulator.organisations import make_organisation

LOGIN_URL = "https://vendor.example/login?product=crm"
ORGANISATION = make_organisation(departments=10, members=5, seed=7, language="zh")
USER = ORGANISATION.members[0].user_name
MARKUP = '"><script>alert(1)</script>'


class Clock:
    def __init__(self):
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def enterprise(seed: str) -> Enterprise:
    buyer = make_buyer(seed, name=f"星河制造 {seed}", short_name="xinghe")
    return enterprise_of(ORGANISATION, buyer, login_url=LOGIN_URL)


@pytest.fixture
def centre(clock) -> AuthCentre:
    opened = AuthCentre("http://centre.example", clock=clock)
    opened.admit(enterprise("a"))
    return opened


@pytest.fixture
async def http(centre):
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(centre), base_url="http://centre.example"
    ) as client:
        yield client


def form_of(shop: Enterprise, **fields: str) -> dict[str, str]:
    known = {"client_id": shop.buyer.client_id, "client_secret": shop.buyer.client_secret}
    return known | {"grant_type": "authorization_code"} | fields


def code_in(location: str) -> str:
    return parse_qs(urlsplit(location).query)["code"][0]


async def start(http, centre, shop) -> str:
    return code_in((await http.get(centre.workbench_link(shop, USER))).headers["location"])


async def exchange(http, centre, shop) -> dict:
    code = await start(http, centre, shop)
    return (await http.post(TOKEN, data=form_of(shop, code=code))).json()


async def test_a_start_at_the_workbench_brings_code_and_enterprise_to_the_login_address(http, centre):
    shop = enterprise("a")
    answer = await http.get(centre.workbench_link(shop, USER))
    assert answer.status_code == 302
    location = urlsplit(answer.headers["location"])
    assert location._replace(query="").geturl() == "https://vendor.example/login"
    query = parse_qs(location.query)
    assert set(query) == {"product", "code", "tenant"}
    assert query["tenant"] == [shop.buyer.tenant_id]


async def test_a_code_becomes_tokens_and_these_tell_who_it_is(http, centre):
    shop = enterprise("a")
    tokens = await exchange(http, centre, shop)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 7200
    answer = await http.get(USERINFO, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    person, member = answer.json(), ORGANISATION.members[0]
    assert person["tenant"] == shop.buyer.tenant_id
    assert (person["userName"], person["name"]) == (member.user_name, member.name)
    assert person["organizationCode"] == member.department_code
    assert person["organizationName"]
    assert person["projectName"] == shop.buyer.name


async def test_a_code_works_once(http, centre):
    shop = enterprise("a")
    form = form_of(shop, code=await start(http, centre, shop))
    assert (await http.post(TOKEN, data=form)).status_code == 200
    again = await http.post(TOKEN, data=form)
    assert again.status_code == 400
    assert again.json() == {"error": "invalid_grant", "error_description": "Invalid authorization code"}


async def test_a_code_holds_five_minutes(http, centre, clock):
    shop = enterprise("a")
    form = form_of(shop, code=await start(http, centre, shop))
    clock.now += timedelta(minutes=5)
    assert (await http.post(TOKEN, data=form)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "wrong", [{"client_secret": "wrong"}, {"client_secret": ""}, {"client_id": "unknown"}, {"client_id": ""}]
)
async def test_a_wrong_client_is_refused_and_the_code_stays_good(http, centre, wrong):
    shop = enterprise("a")
    form = form_of(shop, code=await start(http, centre, shop))
    refused = await http.post(TOKEN, data=form | wrong)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert (await http.post(TOKEN, data=form)).status_code == 200


async def test_a_code_of_another_application_is_refused(http, centre):
    other = centre.admit(enterprise("b"))
    form = form_of(other, code=await start(http, centre, enterprise("a")))
    answer = await http.post(TOKEN, data=form)
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client", "error_description": "Client ID mismatch"}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"code": "made-up"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "made-up"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "unsupported_grant_type"),
    ],
)
async def test_what_the_token_endpoint_refuses(http, fields, error):
    answer = await http.post(TOKEN, data=form_of(enterprise("a"), **fields))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_the_token_endpoint_takes_forms_only(http):
    answer = await http.post(TOKEN, json=form_of(enterprise("a"), code="x"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_refresh_token_renews_for_thirty_days(http, centre, clock):
    shop = enterprise("a")
    tokens = await exchange(http, centre, shop)
    form = form_of(shop, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    clock.now += timedelta(hours=2)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    old = await http.get(USERINFO, headers=bearer)
    assert (old.status_code, old.json()["error"]) == (401, "unauthorized")
    renewed = (await http.post(TOKEN, data=form)).json()
    bearer = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert (await http.get(USERINFO, headers=bearer)).status_code == 200
    clock.now += timedelta(days=30)
    assert (await http.post(TOKEN, data=form)).json()["error_description"] == "Invalid refresh token"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer made-up", "Basic abc"])
async def test_nobody_is_told_anything_without_a_token(http, header):
    answer = await http.get(USERINFO, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


async def test_an_authorisation_returns_the_state_and_remembers_who_has_signed_in(http, centre):
    shop = enterprise("a")
    query = {
        "response_type": "code",
        "client_id": shop.buyer.client_id,
        "redirect_uri": "https://vendor.example/login?again=1",
        "scope": "get_user_info",
        "state": "s t&1",
    }
    page = await http.get("/api/v1/oauth2/authorize", params=query)
    assert page.status_code == 200
    assert 'name="state" value="s t&amp;1"' in page.text
    first = await http.get("/api/v1/oauth2/authorize", params=query | {"account": USER})
    assert parse_qs(urlsplit(first.headers["location"]).query)["state"] == ["s t&1"]
    second = await http.get("/api/v1/oauth2/authorize", params=query)
    location = second.headers["location"]
    assert location.startswith("https://vendor.example/login?again=1&code=")
    form = form_of(shop, code=code_in(location))
    mismatch = await http.post(TOKEN, data=form | {"redirect_uri": LOGIN_URL})
    assert mismatch.json()["error"] == "invalid_grant"
    right = await http.post(TOKEN, data=form | {"redirect_uri": query["redirect_uri"]})
    assert right.status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://evil.example/login"},
        {"redirect_uri": "https://vendor.example/login.evil.example"},
        {"client_id": "unknown"},
        {"response_type": "token"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(http, wrong):
    query = {"response_type": "code", "client_id": enterprise("a").buyer.client_id, "account": USER}
    answer = await http.get("/api/v1/oauth2/authorize", params=query | wrong)
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_the_portal_asks_what_stands_behind_the_hash_and_goes_on(http, centre):
    other = centre.admit(enterprise("b"))
    path = urlsplit(centre.portal_link(other))
    assert path.fragment == f"/portal-login?ind=UNOP&appId={other.buyer.app_id}"
    page = await http.get(path.path)
    assert f'<option value="{other.buyer.client_id}">' in page.text
    assert "no password" in page.text
    query = {"client_id": other.buyer.client_id, "account": f"{USER}@{other.buyer.tenant_code}"}
    answer = await http.get(path.path, params=query)
    assert f"tenant={other.buyer.tenant_id}" in answer.headers["location"]


async def test_an_unknown_account_is_asked_again(http):
    query = {"client_id": enterprise("a").buyer.client_id, "account": MARKUP}
    answer = await http.get("/workbench", params=query)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "<script>" not in answer.text


async def test_pages_escape_what_they_were_given(http):
    query = {"client_id": enterprise("a").buyer.client_id, "response_type": "code", MARKUP: MARKUP}
    answer = await http.get("/api/v1/oauth2/authorize", params=query)
    assert answer.status_code == 200
    assert "<script>" not in answer.text


async def test_somebody_of_one_enterprise_is_not_signed_in_to_another(http, centre):
    other = centre.admit(enterprise("b"))
    await http.get(centre.workbench_link(enterprise("a"), USER))
    answer = await http.get("/workbench", params={"client_id": other.buyer.client_id})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("https://vendor.example/bye?x=1", "https://vendor.example/bye?x=1"),
        ("javascript:alert(1)", "/unified-login/"),
        (None, "/unified-login/"),
    ],
)
async def test_logout_forgets_who_has_signed_in_and_goes_where_asked(http, centre, wanted, target):
    shop = enterprise("a")
    await http.get(centre.workbench_link(shop, USER))
    answer = await http.get(LOGOUT, params={"redirect_url": wanted} if wanted else {})
    assert (answer.status_code, answer.headers["location"]) == (302, target)
    page = await http.get("/workbench", params={"client_id": shop.buyer.client_id})
    assert page.status_code == 200


async def test_what_does_not_exist_is_said(http):
    for method, path in (("GET", TOKEN), ("POST", USERINFO), ("GET", "/login"), ("HEAD", "/workbench")):
        assert (await http.request(method, path)).status_code == 404


async def test_requests_are_remembered_without_secrets(http, centre):
    shop = enterprise("a")
    count = centre.count
    tokens = await exchange(http, centre, shop)
    await http.get(USERINFO, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    await http.post(TOKEN, data=form_of(shop, code="made-up"))
    assert [asked.status for asked in centre.requests_of(shop, TOKEN)] == [200, 400]
    assert [asked.status for asked in centre.requests_of(shop, USERINFO)] == [200]
    assert len(centre.requests_since(count, TOKEN, USERINFO)) == 3
    assert centre.requests_since(centre.count, TOKEN) == []
    assert shop.buyer.client_secret not in repr(centre.asked)


async def test_what_is_told_can_differ_from_the_truth(http, centre):
    shop = centre.admit(msgspec.structs.replace(enterprise("a"), told_seconds=3, told_tenant="elsewhere"))
    tokens = await exchange(http, centre, shop)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert tokens["expires_in"] == 3
    assert (await http.get(USERINFO, headers=bearer)).json()["tenant"] == "elsewhere"
    centre.tickets.end_access(shop.buyer.client_id)
    assert (await http.get(USERINFO, headers=bearer)).status_code == 401


async def test_waiting_ends_with_the_request_or_with_the_time(http, centre):
    shop = enterprise("a")
    assert not await centre.wait_for(lambda: bool(centre.requests_of(shop, TOKEN)), seconds=0.01)
    await exchange(http, centre, shop)
    assert await centre.wait_for(lambda: bool(centre.requests_of(shop, TOKEN)), seconds=0.01)
