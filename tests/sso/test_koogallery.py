"""The marketplace's account login: tokens for codes and refresh tokens, and each answer that may come."""

import logging
import traceback
from urllib.parse import parse_qs, parse_qsl

import httpx2
import pytest

from sso.errors import CodeRefused, RenewalRefused, UpstreamUnreachable
from sso.koogallery import UpstreamTokens
from tests.receivers import answer, in_turn, open_receiver, redirect, reset
from tests.service.webhooks.senders import NO_CERTIFICATES
from tests.sso.auth_centres import (
    NONSENSE,
    TOKENS,
    ask_again,
    ask_who,
    credential,
    exchange,
    no,
    say,
    without,
)


async def test_a_code_is_exchanged_as_the_auth_centre_documents_it(http):
    async with open_receiver(say(200, TOKENS)) as centre:
        used, tokens = await exchange(http, centre, code="a +/=%&")

    request = centre.requests[0]
    assert request.path == "/api/v1/oauth2/token"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(request.body.decode(), strict_parsing=True)) == {
        "client_id": "c-1",
        "client_secret": "hush-1",
        "grant_type": "authorization_code",
        "code": "a +/=%&",
    }
    assert used == credential()
    assert tokens == UpstreamTokens(access_token="hush-access", refresh_token="hush-refresh", expires_in=7200)


@pytest.mark.parametrize(
    "refusal",
    [
        no("invalid_grant"),
        no("invalid_client"),
        no("invalid_client", 401),
        no("unauthorized_client"),
        answer(401),
        answer(403, b"<html>no</html>"),
        no("invalid_grant", 200),
    ],
)
async def test_the_next_binding_is_tried_when_one_is_refused(http, refusal):
    candidates = [credential(number) for number in (3, 2, 1)]
    async with open_receiver(in_turn(refusal, refusal, say(200, TOKENS))) as centre:
        used, _ = await exchange(http, centre, credentials=candidates)

    assert used.instance_id == "i-1"
    assert [parse_qs(one.body.decode())["client_id"] for one in centre.requests] == [
        ["c-3"],
        ["c-2"],
        ["c-1"],
    ]


async def test_the_first_success_is_the_last_call(http):
    async with open_receiver(say(200, TOKENS)) as centre:
        used, _ = await exchange(http, centre, credentials=[credential(2), credential(1)])

    assert (used.instance_id, centre.count) == ("i-2", 1)


async def test_a_wrong_code_is_refused_after_five_bindings_at_most(http):
    async with open_receiver(no()) as centre:
        with pytest.raises(CodeRefused):
            await exchange(http, centre, credentials=[credential(number) for number in range(9)])

    assert centre.count == 5


async def test_without_any_client_secret_nobody_is_asked(http):
    async with open_receiver() as centre:
        with pytest.raises(CodeRefused, match="have the application synchronised"):
            await exchange(http, centre, credentials=[])

    assert centre.count == 0


@pytest.mark.parametrize("code", ["", "a\nb", "a\x00", "a\x7f", "über", "x" * 2049])
async def test_what_cannot_be_a_code_is_not_sent(http, code):
    async with open_receiver() as centre:
        with pytest.raises(CodeRefused):
            await exchange(http, centre, code=code)

    assert centre.count == 0


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_trouble_at_the_auth_centre_is_not_the_fault_of_a_code(http, nonsense):
    async with open_receiver(nonsense) as centre:
        with pytest.raises(UpstreamUnreachable):
            await exchange(http, centre, credentials=[credential(1), credential(2)])
        with pytest.raises(UpstreamUnreachable):
            await ask_who(http, centre)

    # Neither the next binding nor another address is tried.
    assert [one.path for one in centre.requests] == ["/api/v1/oauth2/token", "/api/v1/oauth2/userinfo"]


async def test_an_auth_centre_that_is_not_there_is_not_the_fault_of_a_code(http):
    async with open_receiver() as centre:
        pass
    async with httpx2.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as unguarded:
        for client in (http, unguarded):
            with pytest.raises(UpstreamUnreachable):
                await exchange(client, centre)


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a b"},
        {"access_token": "a\r\nx-evil: 1"},
        {"access_token": "x" * 8193},
        {"refresh_token": 7},
        {"refresh_token": "a\nb"},
        {"token_type": "mac"},
        {"token_type": 1},
    ],
)
async def test_an_answer_without_a_usable_token_is_none(http, wrong):
    async with open_receiver(say(200, TOKENS | wrong)) as centre:
        with pytest.raises(UpstreamUnreachable):
            await exchange(http, centre)


@pytest.mark.parametrize("left_out", ["refresh_token", "token_type", "scope", "expires_in"])
async def test_what_may_be_missing_from_the_tokens_may_be(http, left_out):
    for facts in (without(TOKENS, left_out), TOKENS | {left_out: None}):
        async with open_receiver(say(200, facts)) as centre:
            _, tokens = await exchange(http, centre)
        assert tokens.access_token == "hush-access"
        assert tokens.expires_in == 7200
        assert (tokens.refresh_token is None) == (left_out == "refresh_token")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        *((3600, 3600), ("3600", 3600), (59.9, 60), (0, 60), (-1, 60), (10**30, 86_400), ("9" * 400, 7200)),
        *((True, 7200), ("soon", 7200), ([], 7200), (1e308, 86_400)),
    ],
)
async def test_the_lifetime_of_a_token_is_bounded(http, told, kept):
    async with open_receiver(say(200, TOKENS | {"expires_in": told})) as centre:
        _, tokens = await exchange(http, centre)

    assert tokens.expires_in == kept


async def test_tokens_are_renewed_with_the_credential_of_the_code(http):
    async with open_receiver(say(200, without(TOKENS, "refresh_token", access_token="hush-new"))) as centre:
        tokens = await ask_again(http, centre)

    assert centre.requests[0].path == "/api/v1/oauth2/token"
    assert dict(parse_qsl(centre.requests[0].body.decode())) == {
        "client_id": "c-1",
        "client_secret": "hush-1",
        "grant_type": "refresh_token",
        "refresh_token": "hush-refresh",
    }
    assert (tokens.access_token, tokens.refresh_token) == ("hush-new", None)


@pytest.mark.parametrize("refusal", [no(), no(status=401), no(status=200)])
async def test_a_renewal_is_refused_when_the_person_is_out(http, refusal):
    async with open_receiver(refusal) as centre:
        with pytest.raises(RenewalRefused):
            await ask_again(http, centre)


@pytest.mark.parametrize("trouble", [no("invalid_client", 401), answer(403), *NONSENSE])
async def test_a_renewal_that_fails_otherwise_ends_nothing(http, trouble):
    async with open_receiver(trouble) as centre:
        with pytest.raises(UpstreamUnreachable):
            await ask_again(http, centre)


# Secrets.


@pytest.mark.parametrize(
    "plan",
    [
        no(),
        answer(500, b"hush-body"),
        answer(200, b"hush-body"),
        reset(),
        no("hush-error"),
        redirect("/hush"),
        say(200, TOKENS | {"access_token": "hush\n"}),
        say(200, without(TOKENS, "expires_in", token_type="hush")),
    ],
)
async def test_no_error_and_no_log_tells_a_secret(http, caplog, plan):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "httpcore2")  # tells the headers of answers when it is asked to
    async with open_receiver(plan) as centre:
        for call in (exchange(http, centre, code="hush-code"), ask_again(http, centre)):
            with pytest.raises((CodeRefused, RenewalRefused, UpstreamUnreachable)) as caught:
                await call
            shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
            assert "hush" not in shown.replace(__file__, "")
            assert caught.value.__context__ is None

    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    "thing",
    [credential(), UpstreamTokens(access_token="hush-a", refresh_token="hush-r", expires_in=60)],
)
def test_what_holds_a_secret_does_not_show_it(thing):
    assert "hush" not in f"{thing} {thing!r} {[thing]} {list(thing.__rich_repr__())}"
    assert type(thing).__name__ in repr(thing)
