"""How clients prove who they are by a secret or not at all, and attacks on that."""

import asyncio
import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sso import client_secrets
from sso.client_authentication import ClientRefused
from sso.client_secrets import digest_secret
from sso.oauth_errors import InvalidRequest
from tests.sso.client_doors import (
    CLIENTS,
    OLD_SECRET,
    SECRET,
    TYPE,
    Door,
    basic,
    claims,
    client,
    sign,
)


@pytest.fixture
def door():
    return Door()


async def test_each_client_is_let_in_by_its_own_method(door):
    assert await door.knock(authorization=basic("basic", SECRET)) == "basic"
    assert await door.knock({"client_id": "basic"}, basic("basic", SECRET)) == "basic"
    assert await door.knock({"client_id": "post", "client_secret": SECRET}) == "post"
    assert await door.knock({"client_id": "public"}) == "public"


async def test_basic_is_form_encoded_before_it_is_put_together():
    """RFC 6749 section 2.3.1."""
    strange = "p:ä %+"
    door = Door({"strange": client("strange", "client_secret_basic", secrets=[strange])})
    assert await door.knock(authorization=basic("strange", "p%3A%C3%A4+%25%2B")) == "strange"
    assert await door.knock(authorization="bASIC " + basic("strange", "p%3a%c3%a4%20%25%2b")[6:]) == "strange"
    await door.refuse("secret_wrong", authorization=basic("strange", strange))


async def test_a_parameter_without_a_value_counts_as_left_out(door):
    """RFC 6749 section 3.2: so that a library that sends empty ones is let in."""
    empty = {"client_secret": "", "client_assertion": "", "client_assertion_type": ""}
    assert await door.knock({"client_id": "public", **empty}) == "public"
    assert await door.knock({"client_id": "", **empty}, basic("basic", SECRET)) == "basic"


@pytest.mark.parametrize(
    ("form", "authorization"),
    [
        ({"client_id": "basic", "client_secret": SECRET}, basic("basic", SECRET)),
        ({"client_secret": "wrong"}, basic("basic", SECRET)),
        (sign(claims("ES256")), basic("ES256", SECRET)),
        ({"client_id": "ES256", "client_secret": SECRET, **sign(claims("ES256"))}, None),
        ({"client_assertion_type": TYPE}, basic("basic", SECRET)),
    ],
)
async def test_two_methods_at_once_are_refused(door, form, authorization):
    """RFC 6749 section 2.3: one method in each request, whatever the second says."""
    with pytest.raises(InvalidRequest):
        await door.knock(form, authorization)
    assert door.seen == {}


@pytest.mark.parametrize(
    ("form", "authorization"),
    [
        ({"client_id": "basic", "client_secret": SECRET}, None),
        ({}, basic("post", SECRET)),
        ({"client_id": "basic"}, None),
        ({"client_id": "post"}, None),
        ({"client_id": "ES256"}, None),
    ],
)
async def test_a_method_that_is_not_registered_is_refused_even_with_the_right_secret(
    door, form, authorization
):
    """RFC 9700 section 2.5: whoever strips the proof off is not taken for a public client."""
    await door.refuse("method_not_registered", form, authorization)


@pytest.mark.parametrize(
    ("form", "authorization", "reason"),
    [
        ({"client_id": "public", "client_secret": "x"}, None, "secret_wrong"),
        ({}, basic("public", "x"), "secret_wrong"),
        ({}, basic("ES256", SECRET), "secret_wrong"),
        ({}, basic("stripped", SECRET), "secret_wrong"),
        ({}, basic("stripped", "0" * 64), "secret_wrong"),
        (sign(claims("basic")), None, "assertion_not_signed_by_client"),
    ],
)
async def test_a_client_without_secrets_or_keys_cannot_be_impersonated_by_any(
    door, form, authorization, reason
):
    await door.refuse(reason, form, authorization)


async def test_a_secret_in_the_url_query_proves_nothing(door):
    """RFC 6749 section 2.3.1: what is not in the body is not looked at, so only `client_id` could be left."""
    await door.refuse("no_proof")
    await door.refuse("method_not_registered", {"client_id": "post"})


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic " + base64.b64encode(b"basic").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Basic " + base64.b64encode(b"public:").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"basic:%FF").decode(),
        f"Bearer {SECRET}",
        basic("basic", SECRET).replace("Basic ", "Basic"),
        basic("basic", SECRET) + ", Bearer x",
        "Basic ä",
    ],
)
async def test_an_unreadable_authorization_header_is_refused_and_not_ignored(door, authorization):
    await door.refuse("authorization_unreadable", {"client_id": "public"}, authorization)


@pytest.mark.parametrize(
    ("form", "authorization"),
    [
        ({"client_id": "post"}, basic("basic", SECRET)),
        ({"client_id": "other", **sign(claims("ES256"))}, None),
    ],
)
async def test_the_named_client_is_the_one_that_proves_itself(door, form, authorization):
    """RFC 7521 section 4.2."""
    await door.refuse("client_id_differs", form, authorization)


async def test_an_old_secret_is_valid_until_it_is_removed():
    door = Door({**CLIENTS})
    assert await door.knock(authorization=basic("basic", OLD_SECRET)) == "basic"
    door.clients["basic"] = client("basic", "client_secret_basic", secrets=[SECRET])
    await door.refuse("secret_wrong", authorization=basic("basic", OLD_SECRET))
    assert await door.knock(authorization=basic("basic", SECRET)) == "basic"


async def test_the_stored_digest_is_no_secret(door):
    await door.refuse("secret_wrong", authorization=basic("basic", digest_secret(SECRET)))


@pytest.mark.parametrize("client_id", ["basic", "stripped", "nobody"])
async def test_secrets_are_compared_in_constant_time_whether_or_not_there_are_any(
    door, client_id, monkeypatch
):
    compared, compare_digest = [], hmac.compare_digest

    def compare(one, other):
        compared.append((one, other))
        return compare_digest(one, other)

    monkeypatch.setattr(client_secrets.hmac, "compare_digest", compare)
    with pytest.raises(ClientRefused):
        await door.knock(authorization=basic(client_id, "wrong"))
    assert len(compared) == client_secrets.MOST_SECRETS
    assert all(len(one) == len(other) == 64 for one, other in compared)


async def test_a_stranger_and_a_wrong_secret_are_told_the_same(door):
    told = {
        await door.refuse("secret_wrong", authorization=basic("basic", "wrong")),
        await door.refuse("client_unknown", authorization=basic("nobody", "wrong")),
        await door.refuse("client_unknown", {"client_id": "nobody"}),
        await door.refuse("method_not_registered", {"client_id": "basic"}),
        await door.refuse("assertion_not_signed_by_client", sign(claims("nobody"))),
        await door.refuse("assertion_not_signed_by_client", sign(claims("other"))),
    }
    assert told == {None}


@given(form=st.dictionaries(st.sampled_from(["client_id", "client_secret", "client_assertion"]), st.text()))
def test_any_text_as_a_proof_is_refused_in_order(form):
    with pytest.raises((ClientRefused, InvalidRequest)):
        asyncio.run(Door().knock(form))


@given(authorization=st.text() | st.text().map(lambda text: f"Basic {text}"))
def test_any_text_as_a_header_is_refused_in_order(authorization):
    with pytest.raises(ClientRefused):
        asyncio.run(Door().knock({}, authorization))


async def test_a_proof_is_never_printed(door):
    with pytest.raises(ClientRefused) as refused:
        await door.knock(authorization=basic("basic", SECRET + "x"))
    frames, traceback = [], refused.value.__traceback__
    while traceback is not None:
        frames.append(repr(traceback.tb_frame.f_locals.get("proof")))
        traceback = traceback.tb_next
    assert any("client_secret_basic" in frame for frame in frames)
    assert not any(SECRET in frame for frame in frames)
