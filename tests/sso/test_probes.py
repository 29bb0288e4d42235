"""The words of the test button: each fault is told with its step and a remedy."""

import httpx2
import pytest

from sso.discovery import Discovery
from sso.probes import probe
from tests.receivers import answer, reset
from tests.sso.issuers import as_json, ec_key

REDIRECT_URI = "https://tenon.example.com/sign-in/oidc"


async def press(issuer, /, *, secret="secret-1", **changes):
    async with httpx2.AsyncHTTPTransport(verify=False) as transport:
        discovery = Discovery(transport, allow_http=True)
        return await probe(
            issuer.settings(**changes), secret, discovery, transport, redirect_uri=REDIRECT_URI
        )


def wrong(findings):
    [finding] = [finding for finding in findings if finding.ok is False]
    return finding.step, finding.message


@pytest.fixture
def wrong_code(issuer):
    """The provider knows the client, and not the code."""
    issuer.replies["/token"] = as_json({"error": "invalid_grant"}, 400)


@pytest.mark.usefixtures("wrong_code")
async def test_a_good_connection_is_told_step_by_step(issuer):
    findings = await press(issuer)
    assert [finding.step for finding in findings if finding.ok] == [
        "settings",
        "address",
        "description",
        "issuer",
        "endpoints",
        "algorithms",
        "pkce",
        "keys",
        "client",
    ]
    assert findings[-1].message.endswith(REDIRECT_URI)


async def test_settings_that_cannot_be_used_make_no_call(issuer):
    assert wrong(await press(issuer, scopes=("profile",)))[0] == "settings"
    assert issuer.receiver.requests == []


async def test_a_provider_that_does_not_answer_is_told(issuer):
    issuer.replies["/.well-known/openid-configuration"] = reset()
    step, message = wrong(await press(issuer))
    assert step == "address"
    assert "certificate" in message


@pytest.mark.parametrize(
    ("reply", "step", "words"),
    [
        (answer(404), "description", "status 404. Check the issuer"),
        (answer(200, b"<html>"), "description", "not with a JSON|does not answer with a JSON object"),
        (as_json({}), "issuer", "Write the issuer"),
        (answer(503), "address", "status 503"),
    ],
)
async def test_a_description_that_is_none_is_told(issuer, reply, step, words):
    issuer.replies["/.well-known/openid-configuration"] = reply
    told = wrong(await press(issuer))
    assert told[0] == step
    assert any(word in told[1] for word in words.split("|"))


async def test_the_slash_at_the_end_is_told_with_both_issuers(issuer):
    step, message = wrong(await press(issuer, issuer=f"{issuer.url}/"))
    assert step == "issuer"
    assert f"issuer is {issuer.url}, but" in message
    assert f"says {issuer.url}/." in message
    assert "slash at the end" in message


async def test_a_missing_endpoint_is_told(issuer):
    del issuer.metadata["token_endpoint"]
    step, message = wrong(await press(issuer))
    assert step == "endpoints"
    assert "token_endpoint" in message


@pytest.mark.usefixtures("wrong_code")
async def test_algorithms_without_one_in_common_are_told(issuer):
    issuer.metadata["id_token_signing_alg_values_supported"] = ["HS256", "RS512"]
    step, message = wrong(await press(issuer))
    assert step == "algorithms"
    assert "RS256" in message


@pytest.mark.usefixtures("wrong_code")
async def test_pkce_that_is_not_offered_is_told_and_silence_about_it_is_no_fault(issuer):
    issuer.metadata["code_challenge_methods_supported"] = ["plain"]
    assert wrong(await press(issuer))[0] == "pkce"
    del issuer.metadata["code_challenge_methods_supported"]
    [finding] = [finding for finding in await press(issuer) if finding.step == "pkce"]
    assert finding.ok is None


@pytest.mark.parametrize("reply", [answer(404), answer(500), reset(), as_json({"keys": []}), as_json([])])
async def test_keys_that_cannot_be_read_are_told(issuer, reply):
    issuer.replies["/keys"] = reply
    assert wrong(await press(issuer))[0] == "keys"
    assert issuer.asked("/token") == []


@pytest.mark.parametrize(
    ("reply", "ok", "words"),
    [
        (as_json({"error": "invalid_client"}, 401), False, "Compare client id and secret"),
        (answer(401), False, "Compare client id and secret"),
        (as_json({"error": "unauthorized_client"}, 400), False, "Switch that flow on"),
        (as_json({"error": "invalid_request"}, 400), None, "sign in to be sure"),
        (as_json({"error": "made_up"}, 400), None, "sign in to be sure"),
        (answer(500), False, "status 500"),
        (as_json({"access_token": "a", "id_token": "b"}), None, "odd"),
    ],
)
async def test_what_the_token_endpoint_says_about_the_client_is_told(issuer, reply, ok, words):
    issuer.replies["/token"] = reply
    [finding] = [finding for finding in await press(issuer) if finding.step == "client"]
    assert finding.ok is ok
    assert words in finding.message
    assert "secret-1" not in finding.message


async def test_a_missing_secret_and_a_way_that_is_not_offered_are_told_without_a_call(issuer):
    assert "no client secret" in wrong(await press(issuer, secret=None))[1]
    assert "Choose client_secret_basic." in wrong(await press(issuer, auth_method="client_secret_post"))[1]
    assert issuer.asked("/token") == []


@pytest.mark.usefixtures("wrong_code")
async def test_sign_ins_believe_what_the_test_has_found(issuer):
    async with httpx2.AsyncHTTPTransport(verify=False) as transport:
        discovery = Discovery(transport, allow_http=True)
        await discovery.keys(issuer.url, None)
        issuer.keys = [ec_key().as_dict(private=False)]
        await probe(issuer.settings(), "secret-1", discovery, transport, redirect_uri=REDIRECT_URI)
        assert [key.kid for key in await discovery.keys(issuer.url, None)] == ["ec-1"]
