"""Forged ID tokens, each in a whole sign-in at a provider that gives it out.

RFC 9700 leaves the ID token to OpenID Connect Core 1.0 and to RFC 8725, so these are named beside it.
"""

import hmac

import pytest
from joserfc.jwk import OctKey

from tests.sso.forgery import encode, half_hash, refusal, sign_text
from tests.sso.issuers import ACCESS_TOKEN, AT, ec_key, ed_key, rsa_key, sign_token


async def test_an_honest_token_signs_in(issuer):
    person = await issuer.sign_in()
    assert (person.subject, person.user_name, person.name) == ("subject-1", "lin", "Lin")
    assert ACCESS_TOKEN not in repr(person)
    assert person.id_token_hint not in repr(person)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("ES256", ec_key()), ("PS256", rsa_key()), ("EdDSA", ed_key())],
    ids=["ES256", "PS256", "EdDSA"],
)
async def test_an_honest_token_may_be_signed_with_any_allowed_algorithm(issuer, algorithm, key):
    issuer.keys = [key.as_dict(private=False)]
    issuer.signer = key
    issuer.header = {"alg": algorithm, "kid": key.kid}
    digest = "sha512" if algorithm == "EdDSA" else "sha256"
    issuer.claims["at_hash"] = half_hash(ACCESS_TOKEN, digest)
    assert (await issuer.sign_in()).subject == "subject-1"


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", None, 0, ["RS256"]])
async def test_a_token_without_signature(issuer, name):
    """RFC 9700 4.6, injection; RFC 8725 3.2: `none` is not an algorithm."""
    issuer.sign = lambda _, claims: f"{encode({'alg': name, 'kid': 'rsa-1'})}.{encode(claims)}."
    assert await refusal(issuer) == "algorithm_refused"


@pytest.mark.parametrize("form", ["pem", "der", "modulus"])
async def test_a_token_signed_with_the_public_key_as_a_password(issuer, form):
    """RFC 9700 4.6, injection; RFC 8725 2.1: a public key is no secret for HS256."""
    public = {
        "pem": rsa_key().as_pem(private=False),
        "der": rsa_key().as_der(private=False),
        "modulus": rsa_key().as_dict()["n"].encode(),
    }[form]

    def sign(_, claims):
        text = f"{encode({'alg': 'HS256', 'kid': 'rsa-1'})}.{encode(claims)}"
        return f"{text}.{encode(hmac.digest(public, text.encode(), 'sha256'))}"

    issuer.sign = sign
    assert await refusal(issuer) == "algorithm_refused"


async def test_a_token_signed_with_a_symmetric_key_that_the_provider_publishes(issuer):
    """RFC 9700 4.6, injection; RFC 8725 3.1: nothing symmetric is believed, whatever a key set says."""
    secret = OctKey.import_key("0123456789abcdef0123456789abcdef", parameters={"kid": "oct-1"})
    issuer.keys.append(secret.as_dict(private=True))
    issuer.signer, issuer.header = secret, {"alg": "HS256", "kid": "oct-1"}
    assert await refusal(issuer) == "algorithm_refused"


async def test_a_token_with_an_algorithm_that_the_connection_does_not_allow(issuer):
    """RFC 9700 4.6, injection; RFC 8725 3.1: the list is ours, not the provider's."""
    issuer.metadata["id_token_signing_alg_values_supported"] = ["RS512"]
    issuer.header = {"alg": "RS512", "kid": "rsa-1"}
    assert await refusal(issuer) == "algorithm_refused"


@pytest.mark.parametrize("name", ["none", "HS256"])
async def test_a_token_with_an_algorithm_that_nobody_may_allow(issuer, name):
    """RFC 9700 4.6, injection; RFC 8725 3.1: not even settings make these believed."""
    issuer.sign = lambda _, claims: f"{encode({'alg': name})}.{encode(claims)}."
    settings = issuer.settings(algorithms=("RS256", "none", "HS256"))
    assert await refusal(issuer, settings=settings) == "algorithm_refused"


async def test_a_token_signed_with_a_key_that_nobody_has_published(issuer):
    """RFC 9700 4.6, injection."""
    issuer.signer = rsa_key("rsa-2")
    issuer.header["kid"] = "rsa-2"
    assert await refusal(issuer) == "key_unknown"


async def test_a_token_signed_with_a_key_under_the_name_of_another(issuer):
    """RFC 9700 4.6, injection: the attacker's key under the id of the provider's."""
    issuer.signer = rsa_key("attacker")
    assert await refusal(issuer) == "signature_wrong"


async def test_a_token_without_key_id_while_there_are_several_keys(issuer):
    """RFC 9700 4.6, injection; OpenID Connect Core 1.0 10.1: which key it is must be said."""
    issuer.keys.append(rsa_key("rsa-2").as_dict())
    del issuer.header["kid"]
    assert await refusal(issuer) == "key_unknown"


async def test_a_token_without_key_id_is_fine_while_there_is_one_key(issuer):
    issuer.keys.append(ec_key().as_dict(private=False))
    del issuer.header["kid"]
    assert (await issuer.sign_in()).subject == "subject-1"


@pytest.mark.parametrize("mark", [{"use": "enc"}, {"alg": "RS512"}, {"key_ops": ["encrypt"]}, {"kty": "oct"}])
async def test_a_token_signed_with_a_key_that_is_for_something_else(issuer, mark):
    """RFC 9700 4.6, injection; RFC 8725 3.1: a key serves one purpose and one algorithm."""
    issuer.keys = [rsa_key().as_dict() | mark, ec_key().as_dict(private=False)]
    assert await refusal(issuer) == "key_unknown"


async def test_a_token_signed_with_a_weak_key(issuer):
    """RFC 9700 4.6, injection; RFC 8725 3.5: a short RSA key can be factored."""
    issuer.signer = rsa_key("weak", 1024)
    issuer.header["kid"] = "weak"
    issuer.keys.append(issuer.signer.as_dict())
    assert await refusal(issuer) == "key_unknown"


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
async def test_a_token_that_brings_its_own_key(issuer, member):
    """RFC 9700 4.6, injection; RFC 8725 3.10: keys come from the provider's published set only."""
    attacker = rsa_key("rsa-1-of-the-attacker")
    issuer.signer = attacker
    issuer.replies["/attacker"] = issuer.reply(type("Asked", (), {"path": "/keys"}))
    issuer.header[member] = {
        "jwk": attacker.as_dict(),
        "jku": f"{issuer.url}/attacker",
        "x5u": f"{issuer.url}/attacker",
        "x5c": [encode(b"certificate")],
    }[member]
    assert await refusal(issuer) == "signature_wrong"
    assert issuer.asked("/attacker") == []


@pytest.mark.parametrize("critical", [["exp"], ["b64"], ["made-up"], [], "exp", 5])
async def test_a_token_with_a_critical_extension(issuer, critical):
    """RFC 9700 4.6, injection; RFC 7515 4.1.11: what must be understood and is not means no."""
    header = {"alg": "RS256", "kid": "rsa-1", "crit": critical, "b64": True, "exp": AT, "made-up": 1}

    def sign(_, claims):
        signed = sign_token({"alg": "RS256", "kid": "rsa-1"}, claims, rsa_key())
        return ".".join([encode(header), *signed.split(".")[1:]])

    issuer.sign = sign
    assert await refusal(issuer) == "critical_header"


async def test_a_token_that_is_enormous(issuer):
    """RFC 9700 3, attackers that we talk to: no work for what nobody needs."""
    issuer.claims["padding"] = "x" * 16_384
    assert await refusal(issuer) == "too_long"


@pytest.mark.parametrize(
    "header", [b'["alg"]', b'"alg"', b"5", b"null", b"[" * 9000, b'{"alg":' * 1500, b"\xff", b""]
)
async def test_a_token_whose_header_is_no_object(issuer, header):
    """RFC 9700 3, attackers that we talk to: what cannot be read is refused, not stumbled over."""
    issuer.sign = lambda *_: f"{encode(header)}.{encode(issuer.claims)}.{encode(b'signature')}"
    assert await refusal(issuer) == "malformed"


@pytest.mark.parametrize("claims", [b"[]", b"null", b"", b"\xff", b"[" * 9000, b'{"a":' * 1500])
async def test_a_signed_token_whose_claims_are_no_object(issuer, claims):
    """RFC 9700 3, attackers that we talk to: a signature makes nonsense no better."""

    def sign(header, _):
        text = f"{encode(header)}.{encode(claims)}"
        return f"{text}.{encode(sign_text(text))}"

    issuer.sign = sign
    assert await refusal(issuer) == "malformed"


async def test_a_long_header_with_certificates_and_words_of_its_own_is_no_attack(issuer):
    issuer.sign = lambda header, claims: (
        f"{(text := f'{encode(header)}.{encode(claims)}')}.{encode(sign_text(text))}"
    )
    issuer.header["vendor"] = {"trace": 5}
    issuer.header["x5c"] = [encode(b"certificate" * 100)]
    assert (await issuer.sign_in()).subject == "subject-1"
