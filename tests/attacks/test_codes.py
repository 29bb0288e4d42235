"""Authorization codes that were stolen, injected, replayed or made up."""

import asyncio
from datetime import timedelta

from tests.attacks.asking import assert_refused, code_for, is_dead, sign_out
from tests.attacks.bending import moved_to, other_secret, with_prefix
from tests.service.oauth2.relying import Relying, sign_in

OTHER_CALLBACK = "https://crm.example.com/other"


async def test_a_code_that_is_replayed_takes_the_tokens_of_the_first_with_it(relying, ann):
    """RFC 6749 4.1.2, RFC 9700 4.5: somebody has stolen it, and nobody knows who was first."""
    code, verifier = await code_for(relying, ann)
    tokens = (await relying.exchange(code, verifier)).json()
    newer = (await relying.refresh(tokens["refresh_token"])).json()
    assert_refused(await relying.exchange(code, verifier), "invalid_grant")
    assert await is_dead(relying, tokens)
    assert await is_dead(relying, newer)
    assert (await relying.userinfo(newer["access_token"])).status_code == 401
    assert_refused(await relying.refresh(newer["refresh_token"]), "invalid_grant")


async def test_a_code_that_is_replayed_without_its_verifier_does_so_too(relying, ann):
    """RFC 9700 4.5: the thief need not know the verifier to be noticed."""
    code, verifier = await code_for(relying, ann)
    tokens = (await relying.exchange(code, verifier)).json()
    assert_refused(await relying.exchange(code, "x" * 43), "invalid_grant")
    assert await is_dead(relying, tokens)


async def test_of_two_who_redeem_a_code_at_once_at_most_one_gets_tokens_that_then_die(relying, ann):
    """RFC 6749 4.1.2: a race is a replay."""
    code, verifier = await code_for(relying, ann)
    answers = await asyncio.gather(*(relying.exchange(code, verifier) for _ in range(4)))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) <= 1
    assert all(answer.status_code in {200, 400} for answer in answers)
    for tokens in won:
        assert await is_dead(relying, tokens)


async def test_a_code_is_of_no_use_to_another_client(relying, sister, stranger, public, ann):
    """RFC 9700 4.5: and whoever tries does not take it away from its owner."""
    code, verifier = await code_for(relying, ann)
    for thief in (sister, stranger, public):
        assert_refused(await thief.exchange(code, verifier), "invalid_grant")
    tokens = await relying.exchange(code, verifier)
    assert tokens.status_code == 200
    for thief in (sister, stranger, public):
        assert_refused(await thief.exchange(code, verifier), "invalid_grant")
    assert not await is_dead(relying, tokens.json())


async def test_a_code_injected_into_another_sign_in_does_not_fit_its_verifier(relying, ann, app, office):
    """RFC 9700 4.5.2: the attacker's browser brings the victim's code."""
    await office.authorise("eve")
    eve = await sign_in(app, office, "eve")
    stolen, _ = await code_for(relying, ann)
    _, verifier = await code_for(relying, eve)
    assert_refused(await relying.exchange(stolen, verifier), "invalid_grant")


async def test_a_code_needs_the_redirect_uri_that_it_was_asked_for_with(api, http, product, ann):
    """RFC 6749 4.1.3; that it is registered too does not help."""
    relying = await Relying.register(
        api, http, product, redirect_uris=["https://crm.example.com/callback", OTHER_CALLBACK]
    )
    code, verifier = await code_for(relying, ann)
    for uri in (OTHER_CALLBACK, None, "", "https://crm.example.com/callback/"):
        assert_refused(await relying.exchange(code, verifier, redirect_uri=uri), "invalid_grant")
    assert (await relying.exchange(code, verifier)).status_code == 200


async def test_a_code_is_good_for_a_minute(relying, ann, clock):
    """RFC 6749 4.1.2, RFC 9700 4.2.4."""
    clock.freeze(clock())
    code, verifier = await code_for(relying, ann)
    late, other = await code_for(relying, ann)
    clock.freeze(clock() + timedelta(seconds=59))
    assert (await relying.exchange(code, verifier)).status_code == 200
    clock.freeze(clock() + timedelta(seconds=1))
    assert_refused(await relying.exchange(late, other), "invalid_grant")


async def test_a_code_dies_with_its_session(relying, ann):
    """What was given out in a session does not outlive it."""
    code, verifier = await code_for(relying, ann)
    await sign_out(ann)
    assert_refused(await relying.exchange(code, verifier), "invalid_grant")


async def test_a_code_of_somebody_who_has_lost_access_meanwhile_gives_nothing(relying, ann, office):
    """Standing is asked at every use."""
    code, verifier = await code_for(relying, ann)
    await office.authorise("ann", flag=3)
    assert_refused(await relying.exchange(code, verifier), "invalid_grant")


async def test_a_code_is_no_token_and_a_token_is_no_code(relying, ann):
    """RFC 9700 4.10: each secret is good for one thing, whatever it is called."""
    code, verifier = await code_for(relying, ann)
    tokens = await relying.tokens(ann)
    for text in (code, with_prefix(code, "tenon_at_"), with_prefix(code, "tenon_rt_")):
        assert (await relying.userinfo(text)).status_code == 401
        assert_refused(await relying.refresh(text), "invalid_grant")
        assert not (await relying.introspect(text))["active"]
        assert (await relying.call("revoke", {"token": text})).status_code == 200
    for token in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"]):
        for text in (token, with_prefix(token, "tenon_ac_")):
            assert_refused(await relying.exchange(text, verifier), "invalid_grant")
    assert (await relying.userinfo(tokens["refresh_token"])).status_code == 401
    assert_refused(await relying.refresh(tokens["access_token"]), "invalid_grant")
    # Nothing of this has harmed anybody.
    assert (await relying.exchange(code, verifier)).status_code == 200
    assert not await is_dead(relying, tokens)


async def test_guessing_the_secret_of_a_code_harms_nobody(relying, ann):
    """Whoever has seen an address and not its secret can neither use nor destroy what is there."""
    code, verifier = await code_for(relying, ann)
    assert_refused(await relying.exchange(other_secret(code), verifier), "invalid_grant")
    tokens = (await relying.exchange(code, verifier)).json()
    assert_refused(await relying.exchange(other_secret(code), verifier), "invalid_grant")
    assert not await is_dead(relying, tokens)


async def test_a_secret_is_good_in_its_own_family_only(relying, ann):
    """A locator is not taken from one code and the secret from another."""
    code, verifier = await code_for(relying, ann)
    other, _ = await code_for(relying, ann)
    assert_refused(await relying.exchange(moved_to(code, other), verifier), "invalid_grant")
    assert (await relying.exchange(code, verifier)).status_code == 200


async def test_a_code_has_one_spelling(relying, ann):
    """A second spelling would be a second use."""
    code, verifier = await code_for(relying, ann)
    for text in (f"{code}=", f"{code} ", f" {code}", code.upper(), f"{code}\0", code.replace("_ac_", "_AC_")):
        assert_refused(await relying.exchange(text, verifier), "invalid_grant")
    assert (await relying.exchange(code, verifier)).status_code == 200


async def test_nothing_that_could_be_stolen_is_written_to_the_log(relying, ann, http, capsys):
    """RFC 9700 4.2 and 4.3: codes, tokens, secrets and cookies, in what goes well and in what does not."""
    code, verifier = await code_for(relying, ann)
    tokens = (await relying.exchange(code, verifier)).json()
    await relying.exchange(code, verifier)
    await relying.userinfo(tokens["access_token"])
    await relying.refresh(tokens["refresh_token"])
    await relying.call("revoke", {"token": tokens["access_token"]})
    await http.post("/oauth2/token", data={"client_id": relying.client_id, "client_secret": relying.secret})
    await ann.get("/oauth2/end-session", params={"id_token_hint": tokens["id_token"] + "x"})
    await ann.get("/oauth2/authorize", params={"client_id": code})
    written = "".join(capsys.readouterr())
    assert written.count("/oauth2/token") >= 3
    secrets = [code, verifier, relying.secret, ann.cookies["tenon-session"]]
    for secret in [*secrets, tokens["access_token"], tokens["refresh_token"], tokens["id_token"]]:
        assert secret[-20:] not in written
