"""The marketplace's account login: who has signed in, as an auth centre tells it."""

import pytest

from sso.errors import AccessTokenRefused, UpstreamUnreachable, UserinfoIncomplete
from tests.receivers import answer, open_receiver
from tests.sso.auth_centres import USER, ask_who, no, say, without


async def test_userinfo_is_asked_for_with_the_token_and_read(http):
    async with open_receiver(say(200, USER)) as centre:
        who = await ask_who(http, centre)

    request = centre.requests[0]
    assert request.path == "/api/v1/oauth2/userinfo"
    assert (request.headers["authorization"], request.headers["accept"]) == (
        "Bearer hush-access",
        "application/json",
    )
    assert (who.user_name, who.tenant, who.name, who.user_id) == ("wang.test", "t-1", "测试甲", "8f3a")


@pytest.mark.parametrize(
    "facts",
    [
        without(USER, "userName", loginName="wang.test"),
        without(USER, "userName", accName="wang.test"),
        without(USER, userName=None, loginName="", accName="wang.test"),
        without(USER, "tenant", domainId="t-1"),
        without(USER, accName="other", domainId="other"),
        without(USER, "id", "name", "email", "role", userId="8f3a"),
        without(USER, id=7, name={"first": "x"}),
        without(USER, error=None, unknown=[1]),
    ],
)
async def test_userinfo_is_read_in_each_form_that_is_documented(http, facts):
    async with open_receiver(say(200, facts)) as centre:
        who = await ask_who(http, centre)

    assert (who.user_name, who.tenant) == ("wang.test", "t-1")


@pytest.mark.parametrize(
    "facts",
    [
        without(USER, "userName"),
        without(USER, "tenant"),
        *(without(USER, userName=wrong) for wrong in (None, "", 7, [], "a\nb", "a\x00", "x" * 256)),
        *(without(USER, tenant=wrong) for wrong in (None, "", 7, True, "a\u2028b")),
        # One that is there and unfit is not replaced by another.
        without(USER, userName=["a"], loginName="other"),
        {},
    ],
)
async def test_userinfo_that_does_not_say_who_it_is_is_incomplete(http, facts):
    async with open_receiver(say(200, facts)) as centre:
        with pytest.raises(UserinfoIncomplete):
            await ask_who(http, centre)


@pytest.mark.parametrize(
    "refusal",
    [no("unauthorized", 401), answer(401), answer(403), no("invalid_token"), no("unauthorized", 200)],
)
async def test_an_access_token_can_be_refused(http, refusal):
    async with open_receiver(refusal) as centre:
        with pytest.raises(AccessTokenRefused):
            await ask_who(http, centre)


async def test_userinfo_with_an_error_in_it_is_nobody(http):
    async with open_receiver(say(200, USER | {"error": "hush-error"})) as centre:
        with pytest.raises(UpstreamUnreachable):
            await ask_who(http, centre)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nb", "x" * 8193])
async def test_what_cannot_be_a_token_is_not_sent(http, token):
    async with open_receiver() as centre:
        with pytest.raises(AccessTokenRefused):
            await ask_who(http, centre, token)

    assert centre.count == 0
