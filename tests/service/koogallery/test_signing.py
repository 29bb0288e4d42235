"""V2 signatures and timestamps against the published vectors, and what must never verify."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.koogallery import signing
from service.koogallery.canonical import canonical, parse_object
from service.koogallery.signing import (
    Freshness,
    Verified,
    check_timestamp,
    sign_base,
    sign_kit,
    sign_v1,
    verify_base,
    verify_kit,
    verify_v1_body,
    verify_v1_query,
)

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text("utf-8"))
NAMED = VECTORS["vectors"]
BASE = [name for name, vector in NAMED.items() if vector["scheme"] == "v2-base"]
KIT = [name for name, vector in NAMED.items() if vector["scheme"] == "v2-kit"]
NOW = datetime(2025, 12, 11, 5, 48, 20, 123_000, tzinfo=UTC)
KEY = "demoKey-000000000001"
BODY = b'{"b":"\\u4e2d","a":{"z":1,"y":null},"n":1.50,"t":null}'


def v2(name: str, signature: str, *, keys: list[str] | None = None, **changed: Any) -> Verified | None:
    vector = NAMED[name] | changed
    verify = verify_base if vector["scheme"] == "v2-base" else verify_kit
    body = vector["body"].encode()
    return verify(
        [vector["accessKey"]] if keys is None else keys,
        nonce=vector["nonce"],
        timestamp=vector["timestamp"],
        signature=signature,
        body=body,
        members=parse_object(body),
    )


def base(payload: bytes, body: bytes = BODY, keys: tuple[str, ...] = (KEY,)) -> Verified | None:
    signature = sign_base(KEY, nonce="n", timestamp="1", payload=payload)
    return verify_base(
        keys, nonce="n", timestamp="1", signature=signature, body=body, members=parse_object(body)
    )


def kit(payload: bytes, body: bytes = BODY, keys: tuple[str, ...] = (KEY,)) -> Verified | None:
    signature = sign_kit(KEY, nonce="n", timestamp="1", payload=payload)
    return verify_kit(
        keys, nonce="n", timestamp="1", signature=signature, body=body, members=parse_object(body)
    )


@pytest.mark.parametrize("name", BASE)
def test_published_base_signature(name: str) -> None:
    vector = NAMED[name]
    payload = vector["payload"].encode()
    signed = sign_base(
        vector["accessKey"], nonce=vector["nonce"], timestamp=vector["timestamp"], payload=payload
    )
    assert signed == vector["signature"]
    assert v2(name, vector["signature"]) is not None
    assert v2(name, vector["signatureUpper"]) is not None


@pytest.mark.parametrize("name", KIT)
def test_published_kit_signature(name: str) -> None:
    vector = NAMED[name]
    payload = vector["payload"].encode()
    signed = sign_kit(
        vector["accessKey"], nonce=vector["nonce"], timestamp=vector["timestamp"], payload=payload
    )
    assert signed == vector["xSign"]
    assert v2(name, vector["xSign"]) is not None
    assert v2(name, vector["xSignUpper"]) is not None


@pytest.mark.parametrize("name", [*BASE, *KIT])
def test_nothing_signed_can_be_changed(name: str) -> None:
    vector = NAMED[name]
    good = vector.get("signature") or vector["xSign"]
    flipped = good[:-1] + ("0" if good[-1] != "0" else "1")
    assert v2(name, good, body=vector["body"].replace("1", "2", 1)) is None
    assert v2(name, good, nonce=vector["nonce"][:-1]) is None
    assert v2(name, good, timestamp="1765432100124") is None
    assert v2(name, good, keys=[vector["accessKey"] + "x"]) is None
    assert v2(name, flipped) is None
    assert v2(name, good[:-1]) is None
    assert v2(name, good + good[-1]) is None


@pytest.mark.parametrize("name", [*BASE, *KIT])
def test_one_scheme_does_not_verify_as_the_other(name: str) -> None:
    vector = NAMED[name]
    good = vector.get("signature") or vector["xSign"]
    assert v2(name, good, scheme="v2-kit" if vector["scheme"] == "v2-base" else "v2-base") is None


@pytest.mark.parametrize(
    ("payload", "candidate"),
    [
        (b'{"a":{"z":1,"y":null},"b":"\\u4e2d","n":1.50}', "sorted"),
        (BODY, "raw"),
        ('{"a":{"z":1,"y":null},"b":"中","n":"1.50"}'.encode(), "stringified"),
        ('{"a":{"z":1,"y":null},"b":"中","n":1.5}'.encode(), "canonical"),
        ('{"a":{"z":1},"b":"中","n":1.5}'.encode(), "deep"),
    ],
)
def test_each_tolerated_form_is_accepted_and_named(payload: bytes, candidate: str) -> None:
    assert base(payload) == Verified(key_index=0, candidate=candidate)
    assert kit(payload) == (
        None if candidate == "stringified" else Verified(key_index=0, candidate=candidate)
    )


@pytest.mark.parametrize("call", [base, kit])
def test_any_key_of_the_list_may_have_signed(call: Any) -> None:
    assert call(BODY, keys=("other", "", KEY)) == Verified(key_index=2, candidate="raw")
    assert call(BODY, keys=()) is None


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_key_verifies_nothing(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.KEY", blank)
    assert base(BODY, keys=(blank,)) is None
    assert kit(BODY, keys=(blank,)) is None
    params = {"a": "1", "timeStamp": "2"}
    params["authToken"] = sign_v1(blank, time_stamp="2", text="a=1&timeStamp=2")
    assert verify_v1_query([blank], params) is None


def test_all_keys_are_tried_before_the_next_form_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []

    def counting(*args: Any, **kwargs: Any) -> Iterator[tuple[str, bytes]]:
        for name, payload in real(*args, **kwargs):
            printed.append(name)
            yield name, payload

    real = signing.payloads
    monkeypatch.setattr(signing, "payloads", counting)
    assert kit(canonical(b'{"a":1}'), body=b'{"a":1}', keys=("other", KEY)) is not None
    assert printed == ["sorted"]


@given(st.text() | st.sampled_from(["", "é" * 64, "\ud800" * 64, "f" * 1_000_000, "0" * 64]))
def test_a_strange_signature_does_not_match_and_does_not_raise(signature: str) -> None:
    assert v2("base-newInstance", signature) is None
    assert v2("kit-tenantSync", signature) is None
    assert verify_v1_query([KEY], {"timeStamp": "1", "authToken": signature}) is None
    assert verify_v1_body([KEY], auth_token=signature, members=parse_object(b'{"timeStamp":"1"}')) is None


@given(st.text(st.characters(), max_size=5), st.text(st.characters(), max_size=5))
@example("\ud800", "?")
def test_different_nonces_are_signed_differently(one: str, other: str) -> None:
    first, second = (sign_kit(KEY, nonce=nonce, timestamp="1", payload=b"{}") for nonce in (one, other))
    assert (first == second) is (one == other)


def test_the_kit_text_is_the_plain_concatenation() -> None:
    expected = hmac.new(KEY.encode(), f"{KEY}N1{{}}".encode(), hashlib.sha256).hexdigest()
    assert sign_kit(KEY, nonce="N", timestamp="1", payload=b"{}") == expected


@pytest.mark.parametrize(
    ("off_ms", "verdict"),
    [
        (0, Freshness.FRESH),
        (59_000, Freshness.FRESH),
        (60_000, Freshness.FRESH),
        (-60_000, Freshness.FRESH),
        (60_001, Freshness.STALE),
        (-60_001, Freshness.STALE),
        (-120_000, Freshness.STALE),
    ],
)
def test_a_timestamp_is_fresh_within_sixty_seconds_either_way(off_ms: int, verdict: Freshness) -> None:
    assert check_timestamp("1765432100123", now=NOW + timedelta(milliseconds=off_ms)) is verdict


def test_ten_digits_are_seconds() -> None:
    assert check_timestamp("1765432100", now=NOW) is Freshness.FRESH
    assert check_timestamp("1765432041", now=NOW) is Freshness.FRESH
    assert check_timestamp("1765432039", now=NOW) is Freshness.STALE


@pytest.mark.parametrize(
    "timestamp",
    [
        *("", "abc", "176543210012", "17654321001234", "-765432100123", "+765432100123", "1765432100.12"),
        *("١٧٦٥٤٣٢١٠٠١٢٣", "176543210012³", " 1765432100123", "1_765_432_100", "9" * 100_000),
    ],
    ids=lambda timestamp: timestamp[:16],
)
def test_what_is_no_timestamp_is_malformed(timestamp: str) -> None:
    assert check_timestamp(timestamp, now=NOW) is Freshness.MALFORMED
