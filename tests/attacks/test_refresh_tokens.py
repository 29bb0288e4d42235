"""Refresh tokens that were stolen (RFC 9700 4.14)."""

import asyncio
from datetime import timedelta

from tests.attacks.asking import assert_refused, code_for, is_dead, sign_out
from tests.attacks.bending import moved_to, other_secret, with_prefix
from tests.service.oauth2.relying import Relying, told


async def test_a_refresh_token_that_is_used_again_ends_both_chains(relying, ann):
    """RFC 9700 4.14.2: the thief was first, the owner comes second, and both are out."""
    stolen = await relying.tokens(ann)
    thief = (await relying.refresh(stolen["refresh_token"])).json()
    assert_refused(await relying.refresh(stolen["refresh_token"]), "invalid_grant")
    assert await is_dead(relying, thief)
    assert_refused(await relying.refresh(thief["refresh_token"]), "invalid_grant")
    assert (await relying.userinfo(thief["access_token"])).status_code == 401
    assert (await relying.userinfo(stolen["access_token"])).status_code == 401


async def test_a_thief_cannot_outrun_it_by_refreshing_many_times(relying, public, ann):
    """RFC 9700 4.14.2: however long ago the owner's token was spent, it is known again."""
    for client in (relying, public):
        form = {} if client.secret else {"client_id": client.client_id}
        stolen = await client.tokens(ann)
        thief = stolen
        for _ in range(12):
            thief = (await client.refresh(thief["refresh_token"], **form)).json()
        assert_refused(await client.refresh(stolen["refresh_token"], **form), "invalid_grant")
        assert (await client.userinfo(thief["access_token"])).status_code == 401
        assert_refused(await client.refresh(thief["refresh_token"], **form), "invalid_grant")


async def test_other_families_of_the_session_live_on(relying, ann):
    """Only what came of the same code is withdrawn."""
    stolen, other = await relying.tokens(ann), await relying.tokens(ann)
    await relying.refresh(stolen["refresh_token"])
    assert_refused(await relying.refresh(stolen["refresh_token"]), "invalid_grant")
    assert not await is_dead(relying, other)


async def test_of_two_who_refresh_at_once_one_wins_at_most_and_the_family_dies(relying, ann):
    """RFC 9700 4.14.2: a race is a replay."""
    tokens = await relying.tokens(ann)
    answers = await asyncio.gather(*(relying.refresh(tokens["refresh_token"]) for _ in range(4)))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) <= 1
    for newer in won:
        assert await is_dead(relying, newer)
    assert (await relying.userinfo(tokens["access_token"])).status_code == 401


async def test_a_refresh_token_is_of_no_use_to_another_client(relying, sister, stranger, public, ann):
    """RFC 9700 2.2.2: it is bound to its client; nor does the attempt harm its owner."""
    tokens = await relying.tokens(ann)
    for thief in (sister, stranger, public):
        form = {} if thief.secret else {"client_id": thief.client_id}
        assert_refused(await thief.refresh(tokens["refresh_token"], **form), "invalid_grant")
    newer = await relying.refresh(tokens["refresh_token"])
    assert newer.status_code == 200
    for thief in (sister, stranger):
        assert_refused(await thief.refresh(tokens["refresh_token"]), "invalid_grant")
    assert not await is_dead(relying, newer.json())


async def test_guessing_the_secret_harms_nobody(relying, public, ann):
    """A resource server that has seen an access token cannot end its family by making things up."""
    for client in (relying, public):
        tokens = await client.tokens(ann)
        form = {} if client.secret else {"client_id": client.client_id}
        for made_up in (
            other_secret(tokens["refresh_token"]),
            with_prefix(tokens["access_token"], "tenon_rt_"),
            moved_to(tokens["refresh_token"], (await client.tokens(ann))["refresh_token"]),
        ):
            assert_refused(await client.refresh(made_up, **form), "invalid_grant")
        assert (await client.userinfo(tokens["access_token"])).status_code == 200
        assert (await client.refresh(tokens["refresh_token"], **form)).status_code == 200


async def test_whoever_has_seen_a_code_cannot_end_it_by_refreshing_with_it(relying, ann):
    """A code is in addresses and logs; as a refresh token it is nothing."""
    code, verifier = await code_for(relying, ann)
    assert_refused(await relying.refresh(with_prefix(code, "tenon_rt_")), "invalid_grant")
    assert (await relying.exchange(code, verifier)).status_code == 200


async def test_a_refresh_cannot_widen_the_scope(relying, ann):
    """RFC 6749 6; nor a second one what the first has narrowed, beyond what was given at first."""
    tokens = await relying.tokens(ann, scope="openid profile")
    for wider in ("openid profile groups", "openid departments", "admin", "openid openid2"):
        assert_refused(await relying.refresh(tokens["refresh_token"], scope=wider), "invalid_scope")
    narrow = (await relying.refresh(tokens["refresh_token"], scope="openid")).json()
    assert narrow["scope"] == "openid"
    assert "user_name" not in (await relying.userinfo(narrow["access_token"])).json()
    assert (await relying.introspect(narrow["access_token"]))["scope"] == "openid"
    assert_refused(await relying.refresh(narrow["refresh_token"], scope="openid groups"), "invalid_scope")
    again = (await relying.refresh(narrow["refresh_token"])).json()
    assert again["scope"] == "openid profile"


async def test_a_scope_without_openid_is_refused_and_spends_nothing(relying, ann):
    """OpenID Connect Core 5.3: userinfo is for tokens of OpenID only."""
    tokens = await relying.tokens(ann)
    for scope in ("profile", " ", "\t", "\u2003"):
        assert_refused(await relying.refresh(tokens["refresh_token"], scope=scope), "invalid_scope")
    assert (await relying.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_client_without_refresh_tokens_gets_none(api, http, product, ann):
    """Nor can one that was given before be used once the operator has switched them off."""
    relying = await Relying.register(api, http, product, refresh_tokens=False)
    tokens = await relying.tokens(ann, scope="openid offline_access")
    assert "refresh_token" not in tokens
    made_up = with_prefix(tokens["access_token"], "tenon_rt_")
    assert_refused(await relying.refresh(made_up), "unauthorized_client")


async def test_refresh_tokens_die_with_the_session(relying, ann):
    """Nothing is offline, whatever the scope is called."""
    tokens = await relying.tokens(ann, scope="openid offline_access")
    await sign_out(ann)
    assert_refused(await relying.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_refreshing_cannot_prolong_a_session_for_ever(relying, ann, clock):
    """RFC 9700 2.2.2: the session has an end, however busy its clients are."""
    tokens = await relying.tokens(ann)
    began = clock()
    for hour in range(1, 12):
        clock.freeze(began + timedelta(hours=hour))
        tokens = (await relying.refresh(tokens["refresh_token"])).json()
    clock.freeze(began + timedelta(hours=12, seconds=1))
    assert_refused(await relying.refresh(tokens["refresh_token"]), "invalid_grant")
    _, request = relying.request(prompt="none")
    answer = await ann.get("/oauth2/authorize", params=request)
    assert told(answer, request)["error"] == "login_required"


async def test_a_refresh_after_losing_the_app_gives_nothing(relying, ann, office):
    """Standing is asked at every use."""
    tokens = await relying.tokens(ann)
    await office.authorise("ann", flag=3)
    assert_refused(await relying.refresh(tokens["refresh_token"]), "invalid_grant")
