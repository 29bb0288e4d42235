"""How clients prove who they are by a key of theirs, and attacks on that."""

import asyncio
import base64
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from sso.client_authentication import ClientRefused
from tests.sso.client_doors import (
    ISSUER,
    KEYS,
    NOW,
    OTHER_KEY,
    SECRET,
    TOKEN_ENDPOINT,
    TYPE,
    Door,
    claims,
    sign,
    unsigned,
)


@pytest.fixture
def door():
    return Door()


@pytest.mark.parametrize("algorithm", KEYS)
async def test_an_assertion_of_each_algorithm_is_believed(door, algorithm):
    assert await door.knock(sign(claims(algorithm), algorithm)) == algorithm
    named = {"client_id": algorithm, **sign(claims(algorithm, jti="2"), algorithm)}
    assert await door.knock(named) == algorithm


async def test_the_old_algorithm_name_of_ed25519_is_believed_without_a_warning(door):
    said = claims("EdDSA")
    header = base64.urlsafe_b64encode(b'{"alg":"EdDSA"}').rstrip(b"=")
    payload = base64.urlsafe_b64encode(jwt.json.dumps(said).encode()).rstrip(b"=")
    signature = KEYS["EdDSA"].private_key.sign(header + b"." + payload)
    text = b".".join([header, payload, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
    form = {"client_assertion_type": TYPE, "client_assertion": text}
    assert await door.knock(form) == "EdDSA"


@pytest.mark.parametrize("audience", [ISSUER, TOKEN_ENDPOINT, [ISSUER], [ISSUER, TOKEN_ENDPOINT]])
async def test_an_assertion_is_made_for_the_issuer_or_the_endpoint(door, audience):
    assert await door.knock(sign(claims("ES256", aud=audience))) == "ES256"


@pytest.mark.parametrize("algorithm", ["none", "None", "", ["ES256"], {}, None])
async def test_an_assertion_that_nobody_signed_is_refused(door, algorithm):
    """RFC 8725 section 3.1: the algorithm `none`."""
    await door.refuse("assertion_not_signed_by_client", unsigned({"alg": algorithm}, claims("ES256")))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_the_public_key_is_no_secret_of_hs256(door, algorithm):
    """RFC 8725 section 2.1: algorithm confusion."""
    public = KEYS[algorithm].as_pem(private=False)
    for raw in (public, public.strip(), jwt.json.dumps(KEYS[algorithm].as_dict(private=False)).encode()):
        header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=")
        payload = base64.urlsafe_b64encode(jwt.json.dumps(claims(algorithm)).encode()).rstrip(b"=")
        mac = base64.urlsafe_b64encode(hmac.digest(raw, header + b"." + payload, "sha256")).rstrip(b"=")
        form = {"client_assertion_type": TYPE, "client_assertion": b".".join([header, payload, mac]).decode()}
        await door.refuse("assertion_not_signed_by_client", form)


async def test_an_algorithm_of_another_kind_of_key_is_refused(door):
    strong = ECKey.generate_key("P-521")
    for said, algorithm, key in (
        (claims("ES256"), "RS256", KEYS["RS256"]),
        (claims("ES256"), "ES384", KEYS["ES384"]),
        (claims("RS256"), "ES512", strong),
        (claims("RS256"), "RS512", KEYS["RS256"]),
        (claims("ES256"), "HS256", OctKey.import_key(SECRET)),
    ):
        await door.refuse("assertion_not_signed_by_client", sign(said, algorithm, key))


async def test_another_clients_key_is_refused(door):
    await door.refuse("assertion_not_signed_by_client", sign(claims("RS256"), "RS256", OTHER_KEY))
    await door.refuse("assertion_not_signed_by_client", sign(claims("RS256"), "RS256", OTHER_KEY, kid="x"))


async def test_a_key_that_the_assertion_brings_along_is_not_looked_at(door):
    """RFC 8725 section 3.5 and RFC 7515 section 10.4."""
    await door.refuse(
        "assertion_not_signed_by_client",
        sign(claims("RS256"), "RS256", OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False)),
    )


async def test_an_extension_that_is_not_understood_is_refused(door):
    """RFC 7515 section 4.1.11."""
    form = sign(claims("ES256"), crit=["typ"])
    await door.refuse("assertion_not_signed_by_client", form)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://elsewhere.example"}, "claims_wrong"),
        ({"aud": f"{ISSUER}/"}, "claims_wrong"),
        ({"aud": None}, "claims_wrong"),
        ({"aud": []}, "claims_wrong"),
        ({"aud": 1}, "claims_wrong"),
        ({"aud": [ISSUER, "https://elsewhere.example"]}, "audience_shared"),
        ({"iss": "other"}, "claims_wrong"),
        ({"iss": None}, "claims_wrong"),
        ({"iss": ["ES256"]}, "claims_wrong"),
        ({"exp": NOW.timestamp() - 60}, "claims_wrong"),
        ({"exp": None}, "claims_wrong"),
        ({"exp": "soon"}, "claims_wrong"),
        ({"exp": True}, "claims_wrong"),
        ({"exp": 10**30}, "valid_too_long"),
        ({"exp": 1e300}, "valid_too_long"),
        ({"exp": int(NOW.timestamp()) + 361}, "valid_too_long"),
        ({"nbf": int(NOW.timestamp()) + 61}, "claims_wrong"),
        ({"iat": int(NOW.timestamp()) + 61}, "claims_wrong"),
        ({"jti": None}, "claims_wrong"),
        ({"jti": ""}, "claims_wrong"),
        ({"jti": 1}, "claims_wrong"),
        ({"jti": "x" * 256}, "jti_too_long"),
    ],
)
async def test_an_assertion_for_others_at_another_time_or_without_an_id_is_refused(door, changes, reason):
    """RFC 7523 section 3: foreign audience, expired, from the future, valid for too long, without `jti`."""
    told = await door.refuse(reason, sign(claims("ES256", **changes)))
    assert told
    assert door.seen == {}


async def test_an_assertion_that_names_another_subject_is_refused(door):
    assert await door.refuse("claims_wrong", sign(claims("ES256", iss="RS256"))) is not None
    await door.refuse("assertion_not_signed_by_client", sign(claims("ES256", sub="RS256")))
    await door.refuse("assertion_unreadable", sign(claims("ES256", sub=None)))


async def test_clocks_may_differ_by_a_minute(door):
    late = sign(claims("ES256", exp=int(NOW.timestamp()) - 59))
    assert await door.knock(late) == "ES256"
    ahead = int(NOW.timestamp()) + 60
    early = sign(claims("ES256", iat=ahead, nbf=ahead, exp=ahead + 300, jti="2"))
    assert await door.knock(early) == "ES256"


async def test_a_replayed_assertion_is_refused_for_as_long_as_it_is_valid(door):
    """RFC 7523 section 3, `jti`."""
    form = sign(claims("ES256"))
    assert await door.knock(form) == "ES256"
    await door.refuse("assertion_replayed", form)
    await door.refuse("assertion_replayed", sign(claims("ES256", aud=TOKEN_ENDPOINT)))
    [until] = door.seen.values()
    await door.refuse("assertion_replayed", form, now=until - timedelta(seconds=1))
    await door.refuse("claims_wrong", form, now=until)


async def test_two_clients_may_use_the_same_id(door):
    assert await door.knock(sign(claims("ES256"))) == "ES256"
    assert await door.knock(sign(claims("RS256"), "RS256")) == "RS256"


async def test_a_forged_assertion_does_not_burn_its_id(door):
    genuine = sign(claims("RS256"), "RS256")
    await door.refuse("assertion_not_signed_by_client", sign(claims("RS256"), "RS256", OTHER_KEY))
    assert await door.knock(genuine) == "RS256"


@pytest.mark.parametrize("kind", ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt"])
async def test_another_kind_of_assertion_is_refused(door, kind):
    await door.refuse("assertion_type_unknown", {**sign(claims("ES256")), "client_assertion_type": kind})
    await door.refuse("assertion_type_unknown", {"client_assertion_type": TYPE})


_segments = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["alg", "crit", "b64", "sub"]), inner)
        ),
    ).map(lambda value: base64.urlsafe_b64encode(jwt.json.dumps(value).encode()).rstrip(b"=").decode()),
)


@given(segments=st.lists(_segments, min_size=1, max_size=4))
def test_any_text_as_an_assertion_is_refused_in_order(segments):
    form = {"client_assertion_type": TYPE, "client_assertion": ".".join(segments)}
    with pytest.raises(ClientRefused):
        asyncio.run(Door().knock({key: value or "x" for key, value in form.items()}))


async def test_a_deeply_nested_assertion_is_refused_in_order(door):
    deep = b"[" * 60_000
    await door.refuse("assertion_unreadable", unsigned({"alg": "ES256"}, deep))
    await door.refuse("assertion_unreadable", unsigned(b'{"a":' * 2000, claims("ES256")))
    await door.refuse("assertion_unreadable", unsigned({}, claims("ES256")))
