"""V1's authToken and Body-Sign against the published vectors, and what must never verify."""

import base64
import hmac
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.koogallery.canonical import parse_object
from service.koogallery.signing import (
    Verified,
    body_sign,
    sign_v1,
    v1_body_text,
    v1_query_text,
    verify_v1_body,
    verify_v1_query,
)

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text("utf-8"))
NAMED = VECTORS["vectors"]
ANSWERS = [name for name, vector in NAMED.items() if vector["scheme"] == "v1-response"]
KEY = "demoKey-000000000001"
TOKEN = NAMED["v1-get-newInstance"]["authToken"]


def query() -> dict[str, str]:
    vector = NAMED["v1-get-newInstance"]
    return vector["params"] | {"authToken": vector["authToken"]}


def test_published_v1_query_token() -> None:
    vector = NAMED["v1-get-newInstance"]
    params = dict(parse_qsl(urlsplit(vector["url"]).query, keep_blank_values=True))
    assert v1_query_text(params, keep_blank=True) == vector["canonical"]
    signed = sign_v1(vector["key"], time_stamp=vector["timeStamp"], text=vector["canonical"])
    assert signed == vector["authToken"]
    assert verify_v1_query([vector["key"]], params) == Verified(key_index=0, candidate="blanks_kept")


def test_published_v1_body_token() -> None:
    vector = NAMED["v1-post-authSync"]
    members = parse_object(vector["body"].encode())
    assert v1_body_text(members, keep_blank=False) == vector["canonical"]
    verified = verify_v1_body([vector["key"]], auth_token=vector["authToken"], members=members)
    assert verified == Verified(key_index=0, candidate="blanks_skipped")


@pytest.mark.parametrize("name", ANSWERS)
def test_published_body_sign(name: str) -> None:
    vector = NAMED[name]
    assert body_sign(vector["key"], vector["body"].encode()) == vector["header"]


def test_a_v1_token_is_compared_exactly() -> None:
    key = NAMED["v1-get-newInstance"]["key"]
    assert verify_v1_query([key], query()) is not None
    assert verify_v1_query([key], query() | {"authToken": TOKEN.swapcase()}) is None
    assert verify_v1_query([key], query() | {"customerName": "x"}) is None
    assert verify_v1_query([key], {**query(), "extra": "1"}) is None


def test_a_v1_token_whose_plus_arrived_as_a_space_is_accepted() -> None:
    params = {"activity": "newInstance", "timeStamp": "1"}
    tokens = (
        (n, sign_v1(KEY, time_stamp="1", text=v1_query_text(params | {"n": str(n)}, keep_blank=True)))
        for n in range(100)
    )
    number, token = next((n, token) for n, token in tokens if "+" in token)
    asked = params | {"n": str(number), "authToken": token.replace("+", " ")}
    assert verify_v1_query([KEY], asked) == Verified(key_index=0, candidate="blanks_kept")


@pytest.mark.parametrize(
    ("text", "candidate"), [("a=&b=1&timeStamp=2", "blanks_kept"), ("b=1&timeStamp=2", "blanks_skipped")]
)
def test_v1_blanks_may_be_signed_or_not(text: str, candidate: str) -> None:
    params = {"timeStamp": "2", "b": "1", "a": ""}
    token = sign_v1(KEY, time_stamp="2", text=text)
    expected = Verified(key_index=1, candidate=candidate)
    assert verify_v1_query(["old", KEY], params | {"authToken": token}) == expected
    members = parse_object(json.dumps(params).encode())
    assert verify_v1_body(["old", KEY], auth_token=token, members=members) == expected


def test_v1_body_text_prints_each_kind_of_value() -> None:
    body = b'{"s":"\\u4e2d&=","n":1.50,"t":true,"l":[1, "x"],"o":{"a":null},"z":null,"w":" ","authToken":"x"}'
    members = parse_object(body)
    assert v1_body_text(members, keep_blank=False) == 'l=[1, "x"]&n=1.50&o={"a":null}&s=中&=&t=true'
    assert v1_body_text(members, keep_blank=True) == 'l=[1, "x"]&n=1.50&o={"a":null}&s=中&=&t=true&w= '


def test_a_v1_body_may_carry_its_time_as_a_number() -> None:
    token = sign_v1(KEY, time_stamp="20251211134820123", text="timeStamp=20251211134820123")
    members = parse_object(b'{"timeStamp":20251211134820123}')
    assert verify_v1_body([KEY], auth_token=token, members=members) is not None


@pytest.mark.parametrize(
    "missing", [b'{"a":"1"}', b'{"a":"1","timeStamp":null}', b'{"a":"1","timeStamp":" "}']
)
def test_an_answer_of_ours_is_no_token_for_a_call_without_time(missing: bytes) -> None:
    token = body_sign(KEY, b"a=1").removesuffix('"').rpartition('"')[2]
    assert base64.b64decode(token) == hmac.digest(KEY.encode(), b"a=1", "sha256")
    assert verify_v1_query([KEY], {"a": "1", "authToken": token}) is None
    assert verify_v1_body([KEY], auth_token=token, members=parse_object(missing)) is None
