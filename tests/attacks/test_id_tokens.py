"""ID tokens of ours, as relying parties verify them, and as attackers forge them."""

import base64
import hashlib
import hmac
import json

import pytest
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidClaimError, JoseError
from joserfc.jwk import KeySet, RSAKey

from tests.attacks.asking import assert_page
from tests.service.oauth2.relying import Relying


def header_of(token):
    return json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))


def forged(header, claims):
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)
    ]
    return ".".join([*parts, ""])


@pytest.fixture
async def keys(http):
    return KeySet.import_key_set((await http.get("/oauth2/jwks")).json())


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_an_id_token_is_bound_to_client_request_session_and_access_token(
    api, http, product, ann, runtime, algorithm, keys
):
    """OpenID Connect Core 2, 3.1.3.6 and 3.1.3.7."""
    relying = await Relying.register(api, http, product, id_token_signed_response_alg=algorithm)
    tokens = await relying.tokens(ann, nonce="n-0S6_WzA2Mj")
    header = header_of(tokens["id_token"])
    assert header["alg"] == algorithm
    assert header["kid"] in {key.kid for key in keys.keys}
    claims = jwt.decode(tokens["id_token"], keys, algorithms=[algorithm]).claims
    assert claims["iss"] == runtime.settings.public_url
    assert claims["aud"] == relying.client_id
    assert claims["nonce"] == "n-0S6_WzA2Mj"
    assert claims["exp"] - claims["iat"] == 600
    assert claims["auth_time"] <= claims["iat"]
    assert claims["sid"] == (await relying.introspect(tokens["access_token"]))["sid"]
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()
    assert claims["at_hash"] == base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


async def test_the_nonce_is_that_of_the_request_and_none_without_one(relying, ann):
    """OpenID Connect Core 3.1.2.1: what the token request says does not count."""
    assert "nonce" not in await relying.claims((await relying.tokens(ann, nonce=None))["id_token"])
    from_request = await relying.tokens(ann, nonce="a")
    assert (await relying.claims(from_request["id_token"]))["nonce"] == "a"


async def test_the_published_keys_verify_no_other_algorithm(relying, ann, keys, http):
    """RFC 8725 3.1: `none`, and the public key as a secret."""
    token = (await relying.tokens(ann))["id_token"]
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    kid = header_of(token)["kid"]
    [public] = [key for key in (await http.get("/oauth2/jwks")).json()["keys"] if key["kid"] == kid]
    pem = RSAKey.import_key(public).as_pem(private=False)
    # The library refuses to make such a token itself.
    signed = forged({"alg": "HS256", "kid": kid, "typ": "JWT"}, claims).removesuffix(".")
    mac = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), "sha256")).rstrip(b"=").decode()
    for token in (forged({"alg": "none", "kid": kid}, claims), f"{signed}.{mac}"):
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(token, keys, algorithms=["RS256", "ES256"])


async def test_forged_hints_end_no_session(relying, ann, keys, runtime):
    """RP-Initiated Logout 2: only what we have signed, as an ID token, for this client, counts."""
    token = (await relying.tokens(ann))["id_token"]
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    header = header_of(token)
    mine = RSAKey.generate_key(2048)
    start, payload, signature = token.split(".")
    hints = [
        forged({"alg": "none", "kid": header["kid"], "typ": "JWT"}, claims),
        forged({**header}, claims) + signature,
        jwt.encode(header, claims, mine),
        jwt.encode({**header, "kid": "mine"}, claims, mine),
        f"{start}.{payload}.",
        f"{start}.{payload}",
        f"{token}.x.y",
        token[:-4] + "AAAA",
        "eyJ" + "a" * 20_000,
        "\u202e",
    ]
    for hint in hints:
        assert_page(await ann.get("/oauth2/end-session", params={"id_token_hint": hint}))
    assert (await relying.userinfo((await relying.tokens(ann))["access_token"])).status_code == 200


async def test_an_id_token_of_one_client_does_not_sign_out_for_another(relying, sister, ann):
    """RP-Initiated Logout 2: `client_id` must be the one the hint is for."""
    token = (await relying.tokens(ann))["id_token"]
    request = {"id_token_hint": token, "client_id": sister.client_id}
    assert_page(await ann.get("/oauth2/end-session", params=request))
    assert (await relying.tokens(ann))["access_token"]


async def test_an_id_token_is_no_client_assertion_and_no_access_token(relying, ann, http):
    """RFC 8725 3.12: tokens of one kind are not taken for another."""
    token = (await relying.tokens(ann))["id_token"]
    form = {
        "grant_type": "refresh_token",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": token,
    }
    assert (await http.post("/oauth2/token", data=form)).json()["error"] == "invalid_client"
    assert (await relying.userinfo(token)).status_code == 401


async def test_a_relying_partys_library_accepts_ours_and_nothing_for_another_request(
    relying, ann, runtime, keys
):
    """OpenID Connect Core 3.1.3.7, as Authlib checks it: issuer, audience, nonce, at_hash and time."""
    tokens = await relying.tokens(ann, nonce="n-1")
    read = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    right = {"nonce": "n-1", "access_token": tokens["access_token"], "client_id": relying.client_id}
    options = {
        "iss": {"essential": True, "value": runtime.settings.public_url},
        "aud": {"essential": True, "value": relying.client_id},
    }
    CodeIDToken(read.claims, read.header, options, right).validate()
    for wrong in ({"nonce": "n-2"}, {"access_token": "tenon_at_other"}):
        with pytest.raises(InvalidClaimError):
            CodeIDToken(read.claims, read.header, options, right | wrong).validate()
