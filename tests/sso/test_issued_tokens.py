"""Signed tokens that we issue: what is in them, and which hints are taken for ours."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from sso.issued_tokens import Hint, find_key_id, read_id_token_hint, sign_id_token, sign_logout_token
from sso.jwt_signing import SigningKey, encode_part, load_verifying_key, sign_jwt

NOW = datetime(2031, 5, 5, 12, 0, 0, 700_000, tzinfo=UTC)
SECONDS = 1_935_748_800
ISSUER = "https://tenon.example"
SUBJECT = "5b8a3f0e-0000-4000-8000-000000000001"
SID = "5b8a3f0e-0000-4000-8000-000000000002"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def make(algorithm, key_id):
    if algorithm == "RS256":
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        private = ec.generate_private_key(ec.SECP256R1())
    return SigningKey(id=key_id, algorithm=algorithm, private_key=private)


def public_jwk(key):
    der = key.private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return (RSAKey if key.algorithm == "RS256" else ECKey).import_key(der).as_dict(private=False)


KEYS = {"RS256": make("RS256", "r"), "ES256": make("ES256", "e")}
VERIFYING = {key.id: load_verifying_key(key.algorithm, public_jwk(key)) for key in KEYS.values()}

both = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


def id_token(key, **changes):
    said = {
        "issuer": ISSUER,
        "audience": "portal",
        "subject": SUBJECT,
        "claims": {"tenant_code": "qingshi"},
        "auth_time": NOW - timedelta(minutes=5),
        "nonce": None,
        "access_token": None,
        "sid": SID,
        "now": NOW,
    }
    return sign_id_token(key, **{**said, **changes})


def read(token, key):
    """As a client reads it: with a library, the public key and one algorithm."""
    return jwt.decode(token, VERIFYING[key.id].public_key, algorithms=[key.algorithm])


def hint(token, *, keys=VERIFYING, issuer=ISSUER, now=NOW):
    return read_id_token_hint(token, keys, issuer=issuer, now=now)


@both
def test_an_id_token_says_who_has_signed_in_when_and_for_whom(key):
    token = read(id_token(key, nonce="n-1"), key)
    assert token.header == {"alg": key.algorithm, "kid": key.id, "typ": "JWT"}
    assert token.claims == {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": "portal",
        "iat": SECONDS,
        "exp": SECONDS + 600,
        "auth_time": SECONDS - 300,
        "nonce": "n-1",
        "sid": SID,
        "tenant_code": "qingshi",
    }


def test_what_is_told_about_a_person_never_replaces_what_the_token_says_itself():
    key = KEYS["ES256"]
    told = {"iss": "x", "sub": "x", "aud": "x", "exp": 0, "iat": 0, "sid": "x", "auth_time": 0}
    claims = read(id_token(key, claims=told), key).claims
    assert claims == read(id_token(key, claims={}), key).claims


def test_an_access_token_is_bound_as_in_the_example_of_the_standard():
    """OpenID Connect Core 1.0, A.4."""
    key = KEYS["RS256"]
    token = id_token(key, access_token="jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
    assert read(token, key).claims["at_hash"] == "77QmUPtjPfzWtF2AnpK9RQ"


@both
def test_a_logout_token_says_that_the_session_has_ended_and_cannot_be_taken_for_an_id_token(key):
    said = {"issuer": ISSUER, "audience": "portal", "subject": SUBJECT, "sid": SID, "now": NOW}
    token = sign_logout_token(key, **said)
    again = read(sign_logout_token(key, **said), key)
    told = read(token, key)
    assert told.header["typ"] == "logout+jwt"
    assert len(told.claims["jti"]) >= 20
    assert told.claims.pop("jti") != again.claims["jti"]
    assert told.claims == {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": "portal",
        "iat": SECONDS,
        "exp": SECONDS + 120,
        "events": {LOGOUT_EVENT: {}},
        "sid": SID,
    }
    assert hint(token) is None


@both
def test_a_hint_tells_whose_session_it_is_for_a_day_after_it_expired(key):
    token, expiry = id_token(key, nonce="n", access_token="a"), NOW + timedelta(minutes=10)
    assert find_key_id(token) == key.id
    told = Hint(subject=SUBJECT, audience="portal", sid=SID)
    assert hint(token) == hint(token, now=expiry + timedelta(hours=23, minutes=59)) == told
    assert hint(token, now=expiry + timedelta(hours=24, seconds=1)) is None


@both
def test_a_hint_of_another_issuer_or_another_key_is_none(key):
    token = id_token(key)
    assert hint(token, issuer=f"{ISSUER}/") is None
    assert hint(token, keys={}) is None
    stranger = load_verifying_key(key.algorithm, public_jwk(make(key.algorithm, key.id)))
    assert hint(token, keys={key.id: stranger}) is None


@both
def test_an_altered_hint_is_none(key):
    header, payload, signature = id_token(key).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = encode_part(json.dumps({**claims, "sid": "x"}).encode())
    other = id_token(key, sid="other").split(".")[2]
    for token in (f"{header}.{forged}.{signature}", f"{header}.{payload}.{other}", f"{header}.{payload}."):
        assert hint(token) is None


def unsigned(header, claims):
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)
    ]
    return ".".join(parts)


@both
def test_a_hint_without_a_signature_or_with_one_of_another_algorithm_is_none(key):
    claims = read(id_token(key), key).claims
    for algorithm in ("none", "None", "HS256", "PS256", "ES256" if key.algorithm == "RS256" else "RS256"):
        header = {"alg": algorithm, "kid": key.id, "typ": "JWT"}
        text = unsigned(header, claims)
        assert hint(f"{text}.") is None
        assert hint(f"{text}.{id_token(key).split('.')[2]}") is None
    pem = key.private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = unsigned({"alg": "HS256", "kid": key.id, "typ": "JWT"}, claims)
    for secret in (pem, pem.strip(), json.dumps(public_jwk(key)).encode()):
        assert hint(f"{text}.{encode_part(hmac.digest(secret, text.encode(), 'sha256'))}") is None


@both
def test_a_signed_text_that_lacks_a_claim_is_no_hint(key):
    claims = read(id_token(key), key).claims
    assert hint(sign_jwt(key, claims, kind="JWT"))
    for name in ("iss", "sub", "aud", "sid", "exp"):
        less = {other: value for other, value in claims.items() if other != name}
        assert hint(sign_jwt(key, less, kind="JWT")) is None
        assert hint(sign_jwt(key, {**claims, name: ["x"]}, kind="JWT")) is None
    payload = b"[1]"
    header = {"alg": key.algorithm, "kid": key.id, "typ": "JWT"}
    private = (RSAKey if key.algorithm == "RS256" else ECKey).import_key(
        key.private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    assert hint(jws.serialize_compact(header, payload, private, algorithms=[key.algorithm])) is None


GOOD = id_token(KEYS["ES256"])
DEEP = base64.urlsafe_b64encode(b'{"kid":"e","alg":"ES256","typ":"JWT","x":' + b"[" * 9000).decode()


@given(
    st.text()
    | st.text(alphabet="eyJ.-_=ab{}", max_size=40)
    | st.builds(lambda at, text: GOOD[:at] + text + GOOD[at:], st.integers(0, len(GOOD)), st.text(min_size=1))
    | st.just(f"{DEEP}.e30.e30")
    | st.just("." * 20_000)
    | st.just("a" * 20_000)
)
def test_any_other_text_is_no_hint_and_no_error(text):
    assert hint(text) is None
    find_key_id(text)
