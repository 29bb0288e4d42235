"""What may stand in a provider's description and key set, and what of it counts."""

import pytest

from sso.errors import OidcSettingsInvalid, UpstreamMisconfigured
from sso.id_token_keys import read_keys
from sso.oidc_settings import OidcSettings, check_settings
from sso.provider_metadata import is_endpoint, read_metadata
from tests.sso.issuers import ec_key, ed_key, rsa_key

ISSUER = "https://idp.example.com"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example.com",
        "https://idp.example.com:8443/a/b?c=d&e=%20",
        "https://[2001:db8::1]/token",
        "https://xn--fsqu00a.example.com/",
    ],
)
def test_an_absolute_https_address_is_an_endpoint(url):
    assert is_endpoint(url, allow_http=False)


@pytest.mark.parametrize(
    "url",
    [
        None,
        5,
        "",
        "/token",
        "//idp.example.com/token",
        "idp.example.com",
        "http://idp.example.com",
        "ftp://idp.example.com",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https:///token",
        "https://user@idp.example.com/",
        "https://user:password@idp.example.com/",
        "https://idp.example.com/#",
        "https://idp.example.com/#x",
        "https://idp.example.com:99999/",
        "https://idp.example.com:0/",
        "https://idp.example.com:x/",
        "https://[::1/",
        "https://idp.example.com/a b",
        "https://idp.example.com/a\nb",
        'https://idp.example.com/"',
        "https://idp.example.com\\@other.example.com/",
        "https://例え.example.com/",
        " https://idp.example.com",
        f"https://idp.example.com/{'a' * 2048}",
    ],
)
def test_nothing_else_is_an_endpoint(url):
    assert not is_endpoint(url, allow_http=False)


def test_plain_http_is_an_endpoint_only_where_it_is_allowed():
    assert is_endpoint("http://127.0.0.1:8080/token", allow_http=True)
    assert not is_endpoint("ftp://127.0.0.1/token", allow_http=True)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_description_without_a_needed_address_is_refused(name):
    document = {key: value for key, value in DOCUMENT.items() if key != name}
    with pytest.raises(UpstreamMisconfigured, match=name) as refused:
        read_metadata(document, ISSUER, allow_http=False)
    assert refused.value.reason == "endpoint_missing"
    with pytest.raises(UpstreamMisconfigured, match=name) as refused:
        read_metadata(DOCUMENT | {name: "javascript:alert(1)"}, ISSUER, allow_http=False)
    assert refused.value.reason == "endpoint_unusable"


def test_what_is_optional_and_odd_counts_as_not_said():
    odd = {
        "end_session_endpoint": "javascript:alert(1)",
        "userinfo_endpoint": 5,
        "id_token_signing_alg_values_supported": "RS256",
        "code_challenge_methods_supported": {"S256": True},
        "token_endpoint_auth_methods_supported": [5, None],
        "authorization_response_iss_parameter_supported": "true",
    }
    metadata = read_metadata(DOCUMENT | odd, ISSUER, allow_http=False)
    assert metadata == read_metadata(DOCUMENT, ISSUER, allow_http=False)
    assert metadata.algorithms == ("RS256",)
    assert metadata.auth_methods == ("client_secret_basic",)
    assert metadata.challenge_methods is None
    assert metadata.tells_issuer is False


def test_the_slash_at_the_end_of_an_issuer_is_told_about():
    with pytest.raises(UpstreamMisconfigured, match="slash at the end") as refused:
        read_metadata(DOCUMENT, f"{ISSUER}/", allow_http=False)
    assert ISSUER in refused.value.detail
    assert f"{ISSUER}/" in refused.value.detail


@pytest.mark.parametrize("said", [None, 5, "<script>", "https://a b", "a\u202eb"])
def test_an_odd_issuer_is_not_repeated(said):
    with pytest.raises(UpstreamMisconfigured) as refused:
        read_metadata(DOCUMENT | {"issuer": said}, ISSUER, allow_http=False)
    assert refused.value.reason == "issuer_differs"
    assert str(said) not in refused.value.detail


def test_one_odd_key_does_not_spoil_the_others():
    good = rsa_key().as_dict()
    listed = [
        None,
        "key",
        {},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": ["RSA"]},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "e": "AQAB"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        good | {"use": "enc"},
        good | {"use": 5},
        good | {"key_ops": ["sign"]},
        good | {"key_ops": 5},
        good | {"kid": 5},
        good | {"n": rsa_key("weak", 1024).as_dict()["n"]},
        good | {"n": good["n"] * 20},
        good | {"e": good["n"]},
        good | {"e": "AgAAAAE"},  # 2 to the power of 33, and 1
        good | {"x5c": "not a list", "use": "sig", "key_ops": ["verify"]},
    ]
    [key] = read_keys({"keys": listed})
    assert key.kid == "rsa-1"


def test_a_private_key_that_is_published_by_mistake_is_not_kept_as_one():
    keys = read_keys({"keys": [one.as_dict(private=True) for one in (rsa_key(), ec_key(), ed_key())]})
    assert [key.is_private for key in keys] == [False] * 3


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": None}, {"keys": []}, {"keys": [{}]}])
def test_a_key_set_without_a_usable_key_is_refused(document):
    with pytest.raises(UpstreamMisconfigured) as refused:
        read_keys(document)
    assert refused.value.reason == "keys_unreadable"


SETTINGS = {"issuer": ISSUER, "client_id": "tenon", "title": "Ours"}


def test_settings_need_only_issuer_client_and_title():
    settings = OidcSettings(**SETTINGS)
    check_settings(settings, allow_http=False)
    assert settings.algorithms == ("RS256", "ES256", "PS256", "EdDSA")
    assert settings.user_name_claim == "preferred_username"
    assert settings.creates_members is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "http://idp.example.com"),
        ("issuer", f"{ISSUER}?a=b"),
        ("client_id", ""),
        ("client_id", "a\nb"),
        ("client_id", "é"),
        ("scopes", ()),
        ("scopes", ("profile",)),
        ("scopes", ("openid", "a b")),
        ("scopes", ("openid", "")),
        ("algorithms", ()),
        ("algorithms", ("none",)),
        ("algorithms", ("RS256", "HS256")),
        ("title", ""),
        ("title", "a\u202eb"),
        ("user_name_claim", ""),
        ("name_claim", "a\u0000"),
    ],
)
def test_settings_that_nobody_could_sign_in_with_are_refused(field, value):
    with pytest.raises(OidcSettingsInvalid, match=field):
        check_settings(OidcSettings(**SETTINGS | {field: value}), allow_http=False)
