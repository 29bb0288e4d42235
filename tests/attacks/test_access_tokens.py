"""Access tokens where they do not belong (RFC 6750, RFC 7662, RFC 7009)."""

from datetime import timedelta

from tests.attacks.asking import assert_refused, code_for, is_dead, sign_out
from tests.attacks.bending import moved_to, other_secret
from tests.attacks.conftest import SECOND_APP
from tests.service.oauth2.relying import sign_in


async def userinfo(http, method="GET", **kwargs):
    return await http.request(method, "/oauth2/userinfo", **kwargs)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_in_an_address_or_a_body_is_not_looked_at(relying, ann, http):
    """RFC 9700 2.6 and 4.3.2, RFC 6750 5.3: addresses are logged."""
    token = (await relying.tokens(ann))["access_token"]
    query = await userinfo(http, params={"access_token": token})
    body = await userinfo(http, "POST", data={"access_token": token})
    for answer in (query, body):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="tenon"'
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content == b""
    assert (await userinfo(http, "POST", headers=bearer(token))).status_code == 200


async def test_what_is_no_token_gets_no_more_than_the_word_that_it_is_none(relying, ann, http):
    """RFC 6750 3.1: the same answer, whatever is wrong with it."""
    tokens = await relying.tokens(ann)
    other = await relying.tokens(ann)
    texts = {
        "x",
        "tenon_at_",
        "x" * 10_000,
        tokens["access_token"][:-1],
        tokens["access_token"] + "A",
        tokens["id_token"],
        tokens["refresh_token"],
        other_secret(tokens["access_token"]),
        moved_to(tokens["access_token"], other["access_token"]),
    }
    answers = [await userinfo(http, headers=bearer(text)) for text in texts]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert all('error="invalid_token"' in answer.headers["www-authenticate"] for answer in answers)
    for scheme in ("Basic", "Bearer", "bearer ", "Token", "DPoP", ""):
        assert (await userinfo(http, headers={"Authorization": scheme})).status_code == 401
    for scheme in ("Basic", "Token", "DPoP"):
        header = {"Authorization": f"{scheme} {tokens['access_token']}"}
        assert (await userinfo(http, headers=header)).status_code == 401


async def test_an_access_token_is_good_for_ten_minutes(relying, ann, clock):
    """RFC 9700 2.2: short-lived."""
    clock.freeze(clock())
    tokens = await relying.tokens(ann)
    assert tokens["expires_in"] == 600
    clock.freeze(clock() + timedelta(seconds=599))
    assert (await relying.userinfo(tokens["access_token"])).status_code == 200
    clock.freeze(clock() + timedelta(seconds=1))
    assert (await relying.userinfo(tokens["access_token"])).status_code == 401
    assert not (await relying.introspect(tokens["access_token"]))["active"]


async def test_an_access_token_dies_at_once_when_its_session_ends_or_access_is_lost(
    relying, ann, app, office
):
    """No resource server is told yes for a moment longer."""
    tokens = await relying.tokens(ann)
    await office.authorise("ann", flag=3)
    assert (await relying.userinfo(tokens["access_token"])).status_code == 401
    assert await is_dead(relying, tokens)
    await office.authorise("ann")
    again = await sign_in(app, office, "ann")
    tokens = await relying.tokens(again)
    await relying.tokens(again)
    await sign_out(again)
    assert (await relying.userinfo(tokens["access_token"])).status_code == 401
    assert await is_dead(relying, tokens)


async def test_revoking_either_token_ends_the_family(relying, ann):
    """RFC 7009 2.1."""
    for use in ("access_token", "refresh_token"):
        tokens = await relying.tokens(ann)
        form = {"token": tokens[use], "token_type_hint": "nonsense"}
        assert (await relying.call("revoke", form)).status_code == 200
        assert await is_dead(relying, tokens)
        assert (await relying.call("revoke", form)).status_code == 200


async def test_a_token_of_another_client_cannot_be_revoked(relying, sister, stranger, public, ann):
    """RFC 7009 2.1."""
    tokens = await relying.tokens(ann)
    for thief in (sister, stranger, public):
        for use in ("access_token", "refresh_token"):
            form = {"token": tokens[use]} | ({} if thief.secret else {"client_id": thief.client_id})
            assert_refused(await thief.call("revoke", form), "invalid_grant")
    assert not await is_dead(relying, tokens)


async def test_revoking_what_is_no_token_says_nothing_about_it(relying, ann):
    """RFC 7009 2.2: and harms nobody."""
    tokens = await relying.tokens(ann)
    for text in ("x", other_secret(tokens["access_token"]), other_secret(tokens["refresh_token"])):
        assert (await relying.call("revoke", {"token": text})).status_code == 200
    assert not await is_dead(relying, tokens)
    assert_refused(await relying.call("revoke", {}), "invalid_request")


async def test_a_client_of_another_product_learns_nothing_of_a_token(relying, stranger, ann):
    """RFC 7662 4: a token that is none of its own does not exist."""
    tokens = await relying.tokens(ann)
    for use in ("access_token", "refresh_token"):
        assert await stranger.introspect(tokens[use]) == {"active": False}


async def test_another_client_of_the_product_sees_access_tokens_and_no_refresh_tokens(relying, sister, ann):
    """RFC 7662 4: a resource server must not take a refresh token for permission."""
    tokens = await relying.tokens(ann)
    assert (await sister.introspect(tokens["access_token"]))["active"]
    assert await sister.introspect(tokens["refresh_token"]) == {"active": False}
    assert (await relying.introspect(tokens["refresh_token"]))["token_type"] == "refresh_token"


async def test_nobody_introspects_without_proving_who_he_is(relying, public, ann, http):
    """RFC 7662 2.1 and 4: token scanning."""
    tokens = await relying.tokens(ann)
    form = {"token": tokens["access_token"]}
    assert_refused(await http.post("/oauth2/introspect", data=form), "invalid_client", 401)
    named = {**form, "client_id": relying.client_id}
    assert_refused(await http.post("/oauth2/introspect", data=named), "invalid_client", 401)
    named = {**form, "client_id": public.client_id}
    assert_refused(await http.post("/oauth2/introspect", data=named), "unauthorized_client")
    answer = await http.post("/oauth2/introspect", data=form, headers=bearer(tokens["access_token"]))
    assert_refused(answer, "invalid_client", 401)


async def test_a_token_tells_of_its_own_enterprise_only(relying, ann, app, office, neighbour):
    """The same client, the same product, another customer: nothing in a request can move a token there."""
    await neighbour.authorise("bob")
    bob = await sign_in(app, neighbour, "bob")
    ours, theirs = await relying.tokens(ann), await relying.tokens(bob)
    for tokens, home in ((ours, office), (theirs, neighbour)):
        answer = await relying.http.get(
            "/oauth2/userinfo",
            params={"tenant": office.tenant_id, "sub": "x"},
            headers={**bearer(tokens["access_token"]), "X-Tenant": neighbour.tenant_id},
        )
        assert answer.json()["tenant"] == home.tenant_id
        assert (await relying.introspect(tokens["access_token"]))["tenant"] == home.tenant_id
    mixed = moved_to(ours["access_token"], theirs["access_token"])
    assert (await relying.userinfo(mixed)).status_code == 401


async def test_ending_the_sessions_of_one_enterprise_leaves_those_of_another(
    relying, ann, app, office, neighbour
):
    """An administrator of one customer reaches nobody of another."""
    await neighbour.authorise("bob")
    theirs = await relying.tokens(await sign_in(app, neighbour, "bob"))
    [session] = await neighbour.everything("/sessions")
    assert session["id"] not in {one["id"] for one in await office.everything("/sessions")}
    assert (await office.ask("DELETE", f"/sessions/{session['id']}")).status_code == 404
    assert not await is_dead(relying, theirs)


async def test_a_removed_client_and_all_it_was_given_are_gone(relying, ann, api, http):
    """A client that is not registered has no tokens."""
    tokens = await relying.tokens(ann)
    assert (await api.delete(f"/v1/clients/{relying.client_id}")).status_code == 204
    assert_refused(await relying.refresh(tokens["refresh_token"]), "invalid_client", 401)
    assert (await relying.userinfo(tokens["access_token"])).status_code == 401


async def test_nothing_personal_is_told_without_its_scope(relying, ann):
    """OpenID Connect Core 5.4: userinfo and ID token alike."""
    for scope, personal in (
        ("openid", set()),
        ("openid departments", {"departments"}),
        ("openid groups", {"groups"}),
        ("openid profile", {"user_name", "name", "role", "tenant_code"}),
    ):
        tokens = await relying.tokens(ann, scope=scope)
        told = (await relying.userinfo(tokens["access_token"])).json()
        signed = await relying.claims(tokens["id_token"])
        every = {"user_name", "name", "role", "tenant_code", "departments", "groups"}
        assert told.keys() & every == personal
        assert signed.keys() & every == personal
        assert told["sub"] == signed["sub"]


async def test_who_has_lost_one_app_keeps_no_token_of_it(relying, two_apps, office):
    """The session lives on for the other app; what was given for this one does not, at any endpoint."""
    tokens = await relying.tokens(two_apps, app=office.app)
    others = await relying.tokens(two_apps, app=SECOND_APP)
    code, verifier = await code_for(relying, two_apps, app=office.app)
    await office.authorise("ann", flag=3)
    assert (await relying.userinfo(tokens["access_token"])).status_code == 401
    assert await is_dead(relying, tokens)
    assert_refused(await relying.refresh(tokens["refresh_token"]), "invalid_grant")
    assert_refused(await relying.exchange(code, verifier), "invalid_grant")
    assert not await is_dead(relying, others)
    assert (await relying.refresh(others["refresh_token"])).status_code == 200
