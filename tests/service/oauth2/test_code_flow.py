"""The authorization code flow as a client sees it (OpenID Connect Core 3.1)."""

from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import CALLBACK, told


async def test_a_client_learns_who_has_signed_in(relying, ann, office):
    verifier, request = relying.request(scope="openid profile departments groups")
    answer = await ann.get("/oauth2/authorize", params=request)
    tokens = (await relying.exchange(told(answer, request)["code"], verifier)).json()
    member = await office.get("/members/ann")
    tenant = await office.get("")
    claims = await relying.claims(tokens["id_token"])
    assert claims["sub"] == member["id"]
    assert claims["aud"] == relying.client_id
    assert claims["nonce"] == request["nonce"]
    assert claims["user_name"] == "ann"
    assert claims["tenant"] == office.tenant_id
    assert claims["tenant_code"] == tenant["code"]
    assert claims["app"] == office.app
    assert claims["departments"] == ["X"]
    assert claims["groups"] == []
    assert (await relying.userinfo(tokens["access_token"])).json() == {
        name: claims[name]
        for name in (
            *("sub", "tenant", "app", "sid", "user_name", "name", "role"),
            *("tenant_code", "departments", "groups"),
        )
    }


async def test_claims_come_by_scope(relying, ann):
    tokens = await relying.tokens(ann, scope="openid")
    claims = (await relying.userinfo(tokens["access_token"])).json()
    assert claims.keys() == {"sub", "tenant", "app", "sid"}


async def test_refreshing_rotates_and_the_new_token_works(relying, ann):
    first = await relying.tokens(ann)
    second = (await relying.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (await relying.introspect(second["access_token"]))["active"]
    assert (await relying.refresh(second["refresh_token"])).status_code == 200


async def test_a_browser_without_a_session_is_sent_to_sign_in(relying, app):
    _, request = relying.request(tenant="acme")
    answer = await Browser(app).get("/oauth2/authorize", params=request)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?request=")
    assert "tenant=acme" in answer.headers["location"]
    assert CALLBACK not in answer.headers["location"]
