"""Which addresses and keys a client may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.util import int_to_base64

from sso.client_keys import clean_keys
from sso.client_rules import ClientSettingsInvalid, check_addresses, check_page

PAGES = [
    "https://app.example",
    "https://app.example/",
    "https://app.example/callback?client=1&next=/a?b",
    "https://APP.example:8443/Call%20back/%E4%BD%A0",
    "https://10.0.0.1/inside",
    "https://[2001:db8::1]:8443/",
    "https://localhost/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:49152/callback",
    "http://[::1]:8000/",
]
OF_NATIVE_APPS = ["com.example.app:/callback", "com.example.app://callback", "com.example.my-app:/a/b?c=d"]
WRONG = [
    "",
    " ",
    "/callback",
    "//app.example/callback",
    "app.example/callback",
    "https://",
    "https:///callback",
    "https:/app.example",
    "https://app.example/#",
    "https://app.example/#fragment",
    "https://*.app.example/",
    "https://app.example/*",
    "https://app.example/callback?*",
    "https://user@app.example/",
    "https://app.example@evil.example/",
    "https://app.example:/",
    "https://app.example:443:443/",
    "https://app.example\\@evil.example/",
    "https://app.example/a b",
    "https://app.example/a\tb",
    "https://app.example/\n",
    "https://app.example/%",
    "https://app.example/%zz",
    'https://app.example/"',
    "https://app.example/<script>",
    "https://-app.example/",
    "https://应用.example/",
    " https://app.example/",
    "https://app.example/ ",
    "HTTPS://app.example/",
    "http://app.example/callback",
    "http://localhost/callback",
    "http://127.0.0.1.evil.example/",
    "http://127.0.0.1@evil.example/",
    "http://127.1/",
    "http://127.0.0.2/",
    "http://[::1/",
    "javascript:alert(1)",
    "javascript:/alert(1)",
    "javascript://%0aalert(1)",
    "data:text/html,x",
    "data:/text/html,x",
    "file:///etc/passwd",
    "ftp://app.example/",
    "myapp:/callback",
    "com.example.app:callback",
    "com.example.app",
    "com.example.app:",
    "com.example.app:/#fragment",
    ".com:/callback",
    "com..example:/callback",
    f"https://app.example/{'x' * 2029}",
]


@pytest.mark.parametrize("uri", PAGES + OF_NATIVE_APPS)
def test_an_address_that_is_the_clients_alone_may_be_sent_to(uri):
    check_addresses("redirect_uris", [uri], fewest=1)


@pytest.mark.parametrize("uri", WRONG)
def test_a_redirect_uri_trick_is_refused_when_it_is_registered(uri):
    """RFC 9700 section 4.1."""
    with pytest.raises(ClientSettingsInvalid, match=r"^.*redirect_uris: "):
        check_addresses("redirect_uris", [PAGES[0], uri], fewest=1)


@pytest.mark.parametrize("uri", PAGES)
def test_a_page_may_begin_a_sign_in(uri):
    check_page("initiate_login_uri", uri)


@pytest.mark.parametrize("uri", OF_NATIVE_APPS + WRONG)
def test_what_is_no_page_cannot_begin_a_sign_in(uri):
    with pytest.raises(ClientSettingsInvalid, match="initiate_login_uri: "):
        check_page("initiate_login_uri", uri)


def test_addresses_are_counted():
    check_addresses("post_logout_redirect_uris", [], fewest=0)
    check_addresses("redirect_uris", [f"https://app.example/{n}" for n in range(20)], fewest=1)
    for wrong in ([], [f"https://app.example/{n}" for n in range(21)]):
        with pytest.raises(ClientSettingsInvalid, match="give 1 to 20"):
            check_addresses("redirect_uris", wrong, fewest=1)


@given(st.text(alphabet="a.-:/?%2f[]@#*", max_size=2048).map(lambda text: f"https://{text}"))
def test_any_address_is_read_in_time_and_never_sends_to_another_host(uri):
    try:
        check_page("initiate_login_uri", uri)
    except ClientSettingsInvalid:
        return
    assert not set(uri) & set("#*\\ ")
    assert "@" not in uri.split("/")[2].split("?")[0]


@pytest.mark.parametrize("tail", ["a" * 2000 + "#", "?" * 1000 + "#", "%41" * 600 + "#", "a." * 1000 + "*"])
def test_a_long_address_takes_no_longer(tail):
    for begin in ("https://", "https://app.example/", "https://app.example/?", "com.example:/", "a."):
        with pytest.raises(ClientSettingsInvalid):
            check_addresses("redirect_uris", [begin + tail], fewest=1)


def public(key, **members):
    return {**key.as_dict(private=False), **members}


def rsa_of(bits):
    return {"kty": "RSA", "n": int_to_base64(2 ** (bits - 1) + 1), "e": "AQAB"}


EC = ECKey.generate_key("P-256")


@pytest.mark.parametrize(
    "key",
    [
        public(RSAKey.generate_key(2048), alg="PS256"),
        rsa_of(4096),
        public(EC, kid="k1", use="sig", alg="ES256"),
        public(ECKey.generate_key("P-384")),
        public(OKPKey.generate_key("Ed25519"), alg="EdDSA"),
    ],
)
def test_a_public_key_is_kept_as_it_was_given(key):
    assert clean_keys({"keys": [key]}) == {"keys": [key]}


def test_what_else_is_said_of_a_key_is_left_out():
    said = public(EC, x5c=["MII"], x5u="https://evil.example/", key_ops=["verify"], extra={"deep": [1e400]})
    assert clean_keys({"keys": [said], "also": 1}) == {"keys": [public(EC)]}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (EC.as_dict(private=True), "is not a public key"),
        (RSAKey.generate_key(2048).as_dict(private=True), "is not a public key"),
        (OKPKey.generate_key("Ed25519").as_dict(private=True), "is not a public key"),
        (OctKey.import_key("s3cret-s3cret-s3cret").as_dict(), "is not a public key"),
        (public(EC, d=None), "is not a public key"),
        ({"kty": "oct"}, "is not a public key"),
        ("key", "is not a public key"),
        (public(EC, use="enc"), "not meant for signatures"),
        (public(EC, key_ops=["encrypt"]), "not meant for signatures"),
        (public(EC, key_ops=1), "not meant for signatures"),
        (public(EC, alg="HS256"), "its alg must be"),
        (public(EC, alg="none"), "its alg must be"),
        (public(EC, kid=1), "must be texts"),
        (public(EC, x="A" * 2049), "must be texts"),
        (public(EC, x="AAAA"), "must be RSA"),
        (public(EC, x="!"), "must be RSA"),
        (public(EC, crv="P-521"), "must be RSA"),
        ({"kty": "EC", "crv": "P-256"}, "must be RSA"),
        ({"kty": "OKP", "crv": "P-256", "x": "AA"}, "must be RSA"),
        ({"kty": "RSA", "n": "", "e": ""}, "must be RSA"),
        ({"kty": "PQ"}, "must be RSA"),
        ({}, "must be RSA"),
        (public(ECKey.generate_key("P-521")), "must be RSA"),
        (public(ECKey.generate_key("secp256k1")), "must be RSA"),
        (public(OKPKey.generate_key("X25519")), "must be RSA"),
        (public(OKPKey.generate_key("Ed448")), "must be RSA"),
        (rsa_of(2047), "must be RSA"),
        (rsa_of(4097), "must be RSA"),
        ({**rsa_of(2048), "e": "AAAB"}, "must be RSA"),
    ],
)
def test_a_key_that_is_private_weak_or_unfit_is_refused(key, said):
    with pytest.raises(ClientSettingsInvalid, match=f"jwks: key 2:? .*{said}"):
        clean_keys({"keys": [public(EC), key]})


@pytest.mark.parametrize(
    "document", [{}, {"keys": []}, {"keys": {}}, {"keys": [public(EC)] * 11}, public(EC)]
)
def test_what_is_no_key_set_is_refused(document):
    with pytest.raises(ClientSettingsInvalid, match="jwks: it must be"):
        clean_keys(document)
