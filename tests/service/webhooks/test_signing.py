"""The signatures of webhooks against the library that receivers use."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from service.webhooks.signing import make_secret, webhook_headers

BODY = '{"number":7,"type":"member.changed","subject":"示例"}'.encode()
NEW, OLD = make_secret(), make_secret()


def signed(*, secrets=(NEW, OLD), message_id="01-7", age=timedelta(), body=BODY):
    return webhook_headers(secrets, message_id=message_id, at=datetime.now(UTC) - age, body=body)


def is_verified(headers, *, secret=NEW, body=BODY):
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


@given(body=st.text(), message_id=st.from_regex(r"[!-\-/-~]{1,128}", fullmatch=True))
def test_either_secret_verifies_any_body_while_a_rotation_lasts(body, message_id):
    headers = signed(body=body.encode(), message_id=message_id)

    assert is_verified(headers, secret=NEW, body=body)
    assert is_verified(headers, secret=OLD, body=body)
    assert not is_verified(headers, secret=make_secret(), body=body)


@given(st.text(), st.text())
def test_the_signature_of_one_body_is_not_that_of_another(body, other):
    headers = signed(body=body.encode())

    assert is_verified(headers, body=other) == (body == other)


def test_the_reference_example_is_signed_as_the_specification_signs_it():
    """From the test data of the Standard Webhooks libraries."""
    headers = webhook_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_one_signature_for_each_secret_and_no_secret_in_any_header():
    headers = signed()

    assert [one[:3] for one in headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "Tenon"
    assert not any(secret.removeprefix("whsec_") in "".join(headers.values()) for secret in (NEW, OLD))


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_an_attempt_of_another_time_does_not_verify(age):
    assert not is_verified(signed(age=age))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_what_is_about_the_message_is_signed_too(name):
    now = int(datetime.now(UTC).timestamp())

    assert not is_verified(signed() | {name: str(now - 1)})


def test_a_secret_holds_32_fresh_random_bytes():
    prefix, _, key = make_secret().partition("_")

    assert prefix == "whsec"
    assert len(base64.b64decode(key, validate=True)) == 32
    assert len({make_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\r\nx: y", "ü", "x" * 129])
def test_an_id_that_blurs_what_is_signed_is_refused(message_id):
    with pytest.raises(ValueError, match="id of a message"):
        signed(message_id=message_id)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_***", "whsec_ü", base64.b64encode(bytes(32)).decode()]
)
def test_a_malformed_secret_is_refused_without_quoting_it(secret):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        signed(secrets=[NEW, secret])
    assert len(secret) <= len("whsec_") or secret not in str(refused.value)


def test_signing_without_a_secret_or_with_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="needs a secret"):
        signed(secrets=[])
    with pytest.raises(ValueError, match="time with its zone"):
        webhook_headers([NEW], message_id="1", at=datetime(2026, 1, 1), body=b"")  # noqa: DTZ001
