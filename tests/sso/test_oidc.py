"""Authorization requests, code exchange and claims, against a provider that a test may turn bad."""

import base64
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest

from sso.errors import (
    CodeRefused,
    IdTokenRefused,
    ResponseIssuerRefused,
    UpstreamClientRefused,
    UpstreamUnreachable,
    UserinfoIncomplete,
)
from sso.oidc import begin, check_response_issuer, end_session_link
from sso.oidc_settings import OidcSettings
from sso.provider_metadata import read_metadata
from tests.receivers import answer, raw, redirect
from tests.sso.issuers import CLIENT_ID, as_json

ISSUER = "https://idp.example.com"
REDIRECT_URI = "https://tenon.example.com/sign-in/oidc"
SETTINGS = OidcSettings(issuer=ISSUER, client_id=CLIENT_ID, title="Ours", scopes=("openid", "email"))
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?realm=a%20b",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "end_session_endpoint": f"{ISSUER}/logout",
}


def metadata(**changes):
    return read_metadata(DOCUMENT | changes, ISSUER, allow_http=False)


def form_of(received):
    return {name: value for name, [value] in parse_qs(received.body.decode()).items()}


def test_the_authorization_request_has_all_that_binds_the_answer_to_the_browser():
    address = begin(
        SETTINGS,
        metadata(),
        redirect_uri=REDIRECT_URI,
        state="s&=",
        nonce="n",
        # The example of RFC 7636 appendix B.
        verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    )
    assert address.startswith(f"{ISSUER}/authorize?realm=a%20b&")
    assert {name: value for name, [value] in parse_qs(urlsplit(address).query).items()} == {
        "realm": "a b",
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email",
        "state": "s&=",
        "nonce": "n",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize(
    "iss", [f"{ISSUER}/", "https://IDP.example.com", "", "https://other.example.com", "é"]
)
@pytest.mark.parametrize("promised", [True, False])
def test_a_mixed_up_answer_is_refused_also_without_a_promise(iss, promised):
    """RFC 9700 4.4.2.1, mix-up: an issuer that is told is compared, always."""
    said = metadata(authorization_response_iss_parameter_supported=promised)
    with pytest.raises(ResponseIssuerRefused):
        check_response_issuer(said, iss)
    check_response_issuer(said, ISSUER)


def test_an_answer_without_issuer_is_refused_when_the_provider_has_promised_one():
    """RFC 9700 4.4.2.1, mix-up: the attacker leaves the issuer out."""
    check_response_issuer(metadata(), None)
    with pytest.raises(ResponseIssuerRefused):
        check_response_issuer(metadata(authorization_response_iss_parameter_supported=True), None)


async def test_no_call_is_made_for_a_mixed_up_answer(issuer):
    with pytest.raises(ResponseIssuerRefused):
        await issuer.sign_in(iss="https://other.example.com")
    assert issuer.asked("/token") == []


@pytest.mark.parametrize("code", ["", "c" * 2049, "a\nb", "a\u0000", "é"])
async def test_a_code_that_can_be_none_is_refused_without_a_call(issuer, code):
    with pytest.raises(CodeRefused):
        await issuer.sign_in(code=code)
    assert issuer.asked("/token") == []


async def test_the_exchange_proves_client_and_verifier(issuer):
    settings = issuer.settings(client_id="tenon:é +")
    issuer.claims["aud"] = settings.client_id
    await issuer.sign_in(settings=settings, code="a+b c", verifier="w" * 43)
    [call] = issuer.asked("/token")
    assert form_of(call) == {
        "grant_type": "authorization_code",
        "code": "a+b c",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "w" * 43,
    }
    name, secret = base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode().split(":")
    assert (unquote_plus(name), secret) == ("tenon:é +", "secret-1")


async def test_a_public_client_sends_no_secret(issuer):
    await issuer.sign_in(settings=issuer.settings(auth_method="none"))
    [call] = issuer.asked("/token")
    assert form_of(call)["client_id"] == CLIENT_ID
    assert "authorization" not in call.headers
    assert b"secret" not in call.body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_the_token_endpoint_is_not_followed(issuer, status):
    """RFC 9700 4.12: a redirect would hand secret, code and verifier to somebody else."""
    issuer.replies["/token"] = redirect(f"{issuer.url}/elsewhere", status)
    with pytest.raises(UpstreamUnreachable):
        await issuer.sign_in()
    assert issuer.asked("/elsewhere") == []


async def test_proxies_and_passwords_of_the_environment_are_not_used(issuer, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login stranger password stranger\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await issuer.sign_in()
    [call] = issuer.asked("/.well-known/openid-configuration")
    assert "authorization" not in call.headers


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (as_json({"error": "invalid_grant"}, 400), CodeRefused),
        (as_json({"error": "invalid_client"}, 401), UpstreamClientRefused),
        (as_json({"error": "unauthorized_client"}, 400), UpstreamClientRefused),
        (as_json({"error": "made_up"}, 400), UpstreamClientRefused),
        (as_json({"error": ["invalid_grant"]}, 400), UpstreamClientRefused),
        (answer(401, b"<html>"), UpstreamClientRefused),
        (as_json({"error": "temporarily_unavailable"}, 400), UpstreamUnreachable),
        (as_json({"error": "invalid_grant"}, 500), UpstreamUnreachable),
        (answer(200, b"<html>"), UpstreamUnreachable),
        (answer(200, b"[" * 100_000), UpstreamUnreachable),
        (answer(200, b"\xff"), UpstreamUnreachable),
        (answer(404), UpstreamUnreachable),
        (as_json([]), UpstreamUnreachable),
        (as_json({}), UpstreamUnreachable),
        (as_json({"access_token": "a"}), UpstreamUnreachable),
        (as_json({"access_token": "a b", "id_token": "x"}), UpstreamUnreachable),
        (as_json({"access_token": "a", "id_token": 5}), UpstreamUnreachable),
        (as_json({"access_token": "a", "id_token": "x", "expires_in": "soon"}), UpstreamUnreachable),
        (as_json({"access_token": "a", "id_token": "x"}), IdTokenRefused),
        (as_json({"access_token": "a", "id_token": "x.y.z"}), IdTokenRefused),
        (as_json({"access_token": "a", "id_token": "\ud800"}), IdTokenRefused),
        (raw(b"nonsense\r\n\r\n"), UpstreamUnreachable),
    ],
)
async def test_what_the_token_endpoint_may_answer(issuer, reply, error):
    issuer.replies["/token"] = reply
    with pytest.raises(error) as caught:
        await issuer.sign_in()
    told = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "secret-1" not in told
    assert "code-1" not in told


@pytest.mark.parametrize("value", [None, "", " ", " lin", "lin ", "l" * 256, "l\nn", "l\u202en", 5, ["lin"]])
async def test_a_user_name_that_cannot_be_one_is_refused(issuer, value):
    issuer.claims |= {"preferred_username": value, "email": "lin@example.com", "email_verified": True}
    with pytest.raises(UserinfoIncomplete):
        await issuer.sign_in()


async def test_the_e_mail_address_is_never_taken_instead_of_a_missing_user_name(issuer):
    del issuer.claims["preferred_username"]
    issuer.claims |= {"email": "lin@example.com", "email_verified": True}
    with pytest.raises(UserinfoIncomplete):
        await issuer.sign_in()


@pytest.mark.parametrize("verified", [False, "false", "False"])
async def test_an_address_that_the_provider_has_not_verified_names_nobody(issuer, verified):
    settings = issuer.settings(user_name_claim="email")
    issuer.claims |= {"email": "lin@example.com", "email_verified": True}
    assert (await issuer.sign_in(settings=settings)).user_name == "lin@example.com"
    issuer.claims["email_verified"] = verified
    with pytest.raises(UserinfoIncomplete):
        await issuer.sign_in(settings=settings)


@pytest.mark.parametrize("value", [None, "", 5, "a\u0000b", "n" * 256])
async def test_a_name_that_cannot_be_shown_is_left_out(issuer, value):
    issuer.claims["name"] = value
    assert (await issuer.sign_in()).name is None


async def test_userinfo_is_asked_only_for_claims_that_the_id_token_lacks(issuer):
    issuer.metadata["userinfo_endpoint"] = f"{issuer.url}/userinfo"
    issuer.userinfo = {"sub": "subject-1", "preferred_username": "other", "name": "Lin of userinfo"}
    assert (await issuer.sign_in()).name == "Lin"
    assert issuer.asked("/userinfo") == []
    del issuer.claims["name"]
    person = await issuer.sign_in()
    assert (person.user_name, person.name) == ("lin", "Lin of userinfo")
    [call] = issuer.asked("/userinfo")
    assert call.headers["authorization"] == "Bearer access-token-1"


@pytest.mark.parametrize("subject", ["subject-2", None, 5])
async def test_userinfo_of_somebody_else_is_refused(issuer, subject):
    """RFC 9700 4.6, access token injection; OpenID Connect Core 1.0 5.3.2."""
    del issuer.claims["preferred_username"]
    issuer.metadata["userinfo_endpoint"] = f"{issuer.url}/userinfo"
    issuer.userinfo = {"sub": subject, "preferred_username": "admin"}
    with pytest.raises(IdTokenRefused) as refused:
        await issuer.sign_in()
    assert refused.value.reason == "subject_differs"


@pytest.mark.parametrize(
    "reply", [answer(403), answer(500), answer(200, b"a.signed.answer"), as_json({}, 404)]
)
async def test_userinfo_that_fails_matters_only_when_the_user_name_is_missing(issuer, reply):
    issuer.metadata["userinfo_endpoint"] = f"{issuer.url}/userinfo"
    issuer.replies["/userinfo"] = reply
    del issuer.claims["name"]
    assert (await issuer.sign_in()).name is None
    del issuer.claims["preferred_username"]
    with pytest.raises(UpstreamUnreachable):
        await issuer.sign_in()


def test_the_link_for_signing_out_names_the_person_and_the_way_back():
    link = end_session_link(metadata(), "token", f"{REDIRECT_URI}?a=b", "s")
    assert link.startswith(f"{ISSUER}/logout?")
    assert parse_qs(urlsplit(link).query) == {
        "id_token_hint": ["token"],
        "post_logout_redirect_uri": [f"{REDIRECT_URI}?a=b"],
        "state": ["s"],
    }
    assert end_session_link(metadata(end_session_endpoint=None), "token", REDIRECT_URI, "s") is None
