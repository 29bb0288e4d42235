"""Honestly signed ID tokens that are not meant for us, not for this sign-in, or not for now.

RFC 9700 leaves the ID token to OpenID Connect Core 1.0, so that is named beside it.
"""

import json

import pytest
from joserfc import jwt

from tests.sso.forgery import encode, half_hash, refusal, sign_text
from tests.sso.issuers import ACCESS_TOKEN, AT, CLIENT_ID, NONCE, rsa_key

MINUTE, DAY = 60, 24 * 3600


@pytest.mark.parametrize(
    "audience", ["other", [], ["other"], None, CLIENT_ID.upper(), {CLIENT_ID: 1}, [[CLIENT_ID]]]
)
async def test_a_token_for_another_client(issuer, audience):
    """RFC 9700 4.4 and 4.10.2: a token that was made for somebody else is passed on to us."""
    issuer.claims["aud"] = audience
    assert await refusal(issuer) == "audience_differs"


async def test_a_token_for_another_client_that_names_us_as_the_party(issuer):
    """RFC 9700 4.10.2: `azp` alone makes nobody the audience."""
    issuer.claims |= {"aud": "other", "azp": CLIENT_ID}
    assert await refusal(issuer) == "audience_differs"


@pytest.mark.parametrize("audience", [CLIENT_ID, [CLIENT_ID], [CLIENT_ID, "other"]])
@pytest.mark.parametrize("party", ["other", "", 5])
async def test_a_token_that_another_party_was_given(issuer, audience, party):
    """RFC 9700 4.10.2; OpenID Connect Core 1.0 3.1.3.7 step 5."""
    issuer.claims |= {"aud": audience, "azp": party}
    assert await refusal(issuer) == "party_differs"


async def test_a_token_for_several_audiences_without_a_party(issuer):
    """RFC 9700 4.10.2; OpenID Connect Core 1.0 3.1.3.7 step 4."""
    issuer.claims["aud"] = [CLIENT_ID, "other"]
    assert await refusal(issuer) == "party_differs"
    issuer.claims["azp"] = CLIENT_ID
    assert (await issuer.sign_in()).subject == "subject-1"


@pytest.mark.parametrize("change", [lambda url: f"{url}/", str.upper, lambda _: None, lambda url: [url]])
async def test_a_token_of_another_issuer(issuer, change):
    """RFC 9700 4.4: issuers are compared character by character, the slash at the end too."""
    issuer.claims["iss"] = change(issuer.url)
    assert await refusal(issuer) == "issuer_differs"


async def test_a_token_that_has_expired(issuer):
    """RFC 9700 4.6: an old token is replayed; a minute is for clocks that differ."""
    issuer.claims |= {"iat": AT - 600, "exp": AT - MINUTE + 1}
    assert (await issuer.sign_in()).subject == "subject-1"
    issuer.claims["exp"] = AT - MINUTE
    assert await refusal(issuer) == "expired"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_a_token_from_the_future(issuer, claim):
    """RFC 9700 4.6: a token is made ahead for later use; a minute is for clocks that differ."""
    issuer.claims |= {claim: AT + MINUTE, "exp": AT + 600}
    assert (await issuer.sign_in()).subject == "subject-1"
    issuer.claims[claim] = AT + MINUTE + 1
    assert await refusal(issuer) == "not_yet_valid"


async def test_a_token_from_the_future_that_claims_to_have_begun_long_ago(issuer):
    """RFC 9700 4.6: each of the two times counts."""
    issuer.claims |= {"iat": AT + MINUTE + 1, "nbf": AT - DAY, "exp": AT + 600}
    assert await refusal(issuer) == "not_yet_valid"


async def test_a_token_that_is_valid_for_ever(issuer):
    """RFC 9700 4.6: an old token is replayed, whatever its own word on expiry."""
    issuer.claims |= {"iat": AT - DAY, "exp": AT + 1000 * DAY}
    assert (await issuer.sign_in()).subject == "subject-1"
    issuer.claims["iat"] = AT - DAY - 1
    assert await refusal(issuer) == "too_old"


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [None, "soon", True, [AT]])
async def test_a_token_with_times_that_are_no_numbers(issuer, claim, value):
    """RFC 9700 4.6: a token that never expires because nothing can be compared."""
    issuer.claims[claim] = value
    assert await refusal(issuer) == "times_missing"


async def test_a_token_with_infinity_for_a_time(issuer):
    """RFC 9700 4.6: JSON has neither Infinity nor NaN."""
    claims = json.dumps(issuer.claims).replace(str(AT + 300), "Infinity")

    def sign(header, _):
        part = jwt.encode(header, {}, rsa_key()).split(".")[0]
        text = f"{part}.{encode(claims.encode())}"
        return f"{text}.{encode(sign_text(text))}"

    issuer.sign = sign
    assert await refusal(issuer) == "malformed"


@pytest.mark.parametrize(
    ("nonce", "reason"), [(None, "nonce_missing"), (5, "nonce_missing"), ("", "nonce_differs")]
)
async def test_a_token_without_nonce(issuer, nonce, reason):
    """RFC 9700 4.5.3.2: without it a code of another sign-in could be injected."""
    issuer.claims["nonce"] = nonce
    assert await refusal(issuer) == reason


@pytest.mark.parametrize("nonce", [NONCE.upper(), NONCE[:-1], f"{NONCE} ", "näher"])
async def test_a_token_with_the_nonce_of_another_sign_in(issuer, nonce):
    """RFC 9700 4.5.3.2, authorization code injection."""
    issuer.claims["nonce"] = nonce
    assert await refusal(issuer) == "nonce_differs"


async def test_a_token_that_came_with_another_access_token(issuer):
    """RFC 9700 4.6, access token injection."""
    issuer.claims["at_hash"] = half_hash("another", "sha256")
    assert await refusal(issuer) == "token_hash_differs"
    issuer.claims["at_hash"] = half_hash(ACCESS_TOKEN, "sha256")
    assert (await issuer.sign_in()).subject == "subject-1"


@pytest.mark.parametrize("value", ["", 5, [half_hash(ACCESS_TOKEN, "sha256")]])
async def test_a_token_with_a_broken_hash_of_the_access_token(issuer, value):
    """RFC 9700 4.6, access token injection: what is there must fit."""
    issuer.claims["at_hash"] = value
    assert await refusal(issuer) == "token_hash_differs"


@pytest.mark.parametrize("subject", [None, "", 5, "s" * 256, "a\nb", "a\u0000b", "a\u202eb", ["subject-1"]])
async def test_a_token_without_a_usable_subject(issuer, subject):
    """RFC 9700 4.6: nobody is signed in as nobody."""
    issuer.claims["sub"] = subject
    assert await refusal(issuer) == "subject_unusable"
