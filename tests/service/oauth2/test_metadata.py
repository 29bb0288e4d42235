"""What the provider says about itself, to whoever asks and by whatever name."""

import msgspec
import pytest
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

from service.oauth2.metadata import describe_provider
from sso.issued_tokens import sign_id_token
from sso.signing_keys import ALGORITHMS

CONFIGURATION = "/.well-known/openid-configuration"
ADDRESSES = (CONFIGURATION, "/.well-known/oauth-authorization-server", "/oauth2/jwks")

# OpenID Connect Discovery 1.0, 3; RFC 8414, 2; RFC 9126, 5; RFC 9207, 3; Back-Channel Logout 1.0, 2.1.
REQUIRED = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "pushed_authorization_request_endpoint",
    "authorization_response_iss_parameter_supported",
    "end_session_endpoint",
    "backchannel_logout_supported",
}


@pytest.fixture
async def described(http):
    answer = await http.get(CONFIGURATION)
    assert answer.status_code == 200
    return answer.json()


async def test_both_documents_are_the_same_and_have_what_the_standards_require(http, described):
    assert described.keys() >= REQUIRED
    assert (await http.get("/.well-known/oauth-authorization-server")).json() == described


def test_a_library_finds_nothing_to_object_to():
    described = msgspec.json.decode(msgspec.json.encode(describe_provider("https://tenon.example")))
    OpenIDProviderMetadata(described).validate()


async def test_all_addresses_are_under_the_issuer_which_is_the_public_address(described, runtime):
    issuer = runtime.settings.public_url
    assert described["issuer"] == issuer
    addresses = {name: value for name, value in described.items() if name.endswith(("_endpoint", "_uri"))}
    assert {value.removeprefix(f"{issuer}/oauth2/") for value in addresses.values()} == {
        "authorize",
        "token",
        "userinfo",
        "jwks",
        "introspect",
        "revoke",
        "par",
        "end-session",
    }


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"])
async def test_a_forged_host_changes_nothing(http, described, header):
    for path in ADDRESSES[:2]:
        answer = await http.get(path, headers={header: "evil.example"})
        assert answer.json() == described
        assert "evil" not in answer.text


async def test_the_promises_are_those_of_the_provider(described):
    assert described["response_types_supported"] == ["code"]
    assert described["response_modes_supported"] == ["query"]
    assert described["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert described["code_challenge_methods_supported"] == ["S256"]
    assert described["scopes_supported"] == ["openid", "profile", "departments", "groups", "offline_access"]
    assert described["id_token_signing_alg_values_supported"] == list(ALGORITHMS)
    assert described["authorization_response_iss_parameter_supported"] is True
    assert described["backchannel_logout_session_supported"] is True
    # What is left out of these two would be true by the standard.
    assert described["request_uri_parameter_supported"] is False
    assert described["request_parameter_supported"] is False
    assert not {"none", "HS256"} & set(described["token_endpoint_auth_signing_alg_values_supported"])
    assert "none" not in described["introspection_endpoint_auth_methods_supported"]


@pytest.mark.parametrize("path", ADDRESSES)
async def test_anyone_may_read_and_keep_it_for_an_hour_programs_in_a_browser_too(http, path):
    answer = await http.get(path, headers={"Origin": "https://app.example"})
    assert answer.status_code == 200
    kept = {part.strip() for part in answer.headers["Cache-Control"].split(",")}
    assert kept == {"public", "max-age=3600"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "Set-Cookie" not in answer.headers


async def test_a_token_is_verified_with_the_published_keys_which_hold_nothing_private(http, runtime):
    document = (await http.get("/oauth2/jwks")).json()
    for key in document["keys"]:
        members = {"n", "e"} if key["kty"] == "RSA" else {"crv", "x", "y"}
        assert key.keys() == {"kty", "kid", "alg", "use", *members}
    now = runtime.clock()
    for algorithm in ALGORITHMS:
        token = sign_id_token(
            await runtime.signing_keys.signer(algorithm, now),
            issuer=runtime.settings.public_url,
            audience="portal",
            subject="somebody",
            claims={},
            auth_time=now,
            nonce=None,
            access_token=None,
            sid="session",
            now=now,
        )
        read = jwt.decode(token, KeySet.import_key_set(document), algorithms=[algorithm])
        assert read.claims["sub"] == "somebody"
