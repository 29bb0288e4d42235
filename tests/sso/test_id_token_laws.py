"""What holds for every text that is offered as an ID token: it is refused, or it is the honest one."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sso.errors import IdTokenRefused
from sso.id_token_checks import read_key_id, verify_id_token
from sso.oidc_settings import OidcSettings
from tests.sso.issuers import CLIENT_ID, NONCE, NOW, rsa_key, sign_token

ISSUER = "https://idp.example.com"
SETTINGS = OidcSettings(issuer=ISSUER, client_id=CLIENT_ID, title="Ours")


def judge(token):
    read_key_id(token)
    return verify_id_token(token, [key], SETTINGS, nonce=NONCE, access_token=None, now=NOW)


key = rsa_key()


@given(st.text() | st.lists(st.binary(), min_size=3, max_size=3).map(lambda parts: join(*parts)))
def test_no_text_is_taken_for_a_token(text):
    with pytest.raises(IdTokenRefused):
        judge(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=6,
)
header_names = st.sampled_from(["alg", "kid", "crit", "b64", "jwk", "x5c", "typ", "zip"])


@given(json_values | st.dictionaries(header_names, json_values | st.sampled_from(["RS256", "rsa-1"])))
def test_no_header_makes_anything_but_a_refusal(header):
    with pytest.raises(IdTokenRefused):
        judge(join(json.dumps(header).encode(), b"{}", b"signature"))


claim_names = st.sampled_from(["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash"])
good = {
    "iss": ISSUER,
    "sub": "s",
    "aud": CLIENT_ID,
    "exp": NOW.timestamp(),
    "iat": NOW.timestamp(),
    "nonce": NONCE,
}


@given(st.dictionaries(claim_names, json_values, min_size=1))
def test_signed_claims_of_any_kind_are_refused_or_the_honest_ones(changes):
    claims = good | changes
    token = sign_token({"alg": "RS256", "kid": "rsa-1"}, claims, key)
    try:
        judge(token)
    except IdTokenRefused:
        return
    assert (claims["iss"], claims["nonce"]) == (ISSUER, NONCE)
    assert claims["aud"] in (CLIENT_ID, [CLIENT_ID])
    assert claims.get("azp") in (None, CLIENT_ID)
    assert claims["sub"]


def test_a_nonce_is_never_optional():
    token = sign_token({"alg": "RS256", "kid": "rsa-1"}, good | {"nonce": ""}, key)
    with pytest.raises(ValueError, match="nonce"):
        verify_id_token(token, [key], SETTINGS, nonce="", access_token=None, now=NOW)


def join(*parts):
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
