"""Canonical JSON against the published vectors, a naive second implementation, and hostile bodies."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.koogallery.canonical import NotJson, canonical, code_units, java_double, parse_object, payloads

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text("utf-8"))
SIGNED = {name: vector for name, vector in VECTORS["vectors"].items() if "payload" in vector}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
    st.sampled_from('\0\x0b\x1f\x7f\u2028\\"/b\n\b\r\t\fu001\U0001f600\ufb01é'), max_size=8
)
scalar = st.none() | st.booleans() | st.integers() | text
value = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)
members = st.dictionaries(text, value, max_size=5)

SHORT = {8: r"\b", 9: r"\t", 10: r"\n", 12: r"\f", 13: r"\r", 34: r"\"", 92: r"\\"}


def naive_string(plain: str) -> str:
    return '"' + "".join(SHORT.get(ord(c)) or (f"\\u{ord(c):04X}" if c < " " else c) for c in plain) + '"'


def naive_print(plain: Any) -> str:
    if isinstance(plain, str):
        return naive_string(plain)
    if isinstance(plain, dict):
        return "{" + ",".join(f"{naive_string(k)}:{naive_print(v)}" for k, v in plain.items()) + "}"
    if isinstance(plain, list):
        return "[" + ",".join(map(naive_print, plain)) + "]"
    return json.dumps(plain)


def naive_units(name: str) -> tuple[int, ...]:
    raw = name.encode("utf-16-le")
    return struct.unpack(f"<{len(raw) // 2}H", raw)


def naive_canonical(plain: dict[str, Any], *, base: bool = False) -> bytes:
    top = {k: plain[k] for k in sorted(plain, key=naive_units) if plain[k] is not None}
    if base:
        top = {k: naive_print(v) if isinstance(v, int) else v for k, v in top.items()}
    return naive_print(top).encode()


def naive_deep(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {k: naive_deep(plain[k]) for k in sorted(plain, key=naive_units) if plain[k] is not None}
    return [naive_deep(item) for item in plain] if isinstance(plain, list) else plain


def candidates(body: bytes, *, base: bool = False) -> dict[str, bytes]:
    return dict(payloads(body, parse_object(body), base=base))


@pytest.mark.parametrize("name", SIGNED)
def test_published_payload(name: str) -> None:
    vector = SIGNED[name]
    printed = canonical(vector["body"].encode(), base=vector["scheme"] == "v2-base")
    assert printed.decode() == vector["payload"]


@pytest.mark.parametrize("case", VECTORS["canonicalisation"], ids=lambda case: case["in"])
def test_published_canonicalisation(case: dict[str, str]) -> None:
    body = case["in"].encode()
    if "outKit" in case:
        assert canonical(body).decode() == case["outKit"]
    if "outBase" in case:
        assert canonical(body, base=True).decode() == case["outBase"]


@given(members, st.booleans(), st.sampled_from([None, 2]))
def test_canonical_agrees_with_a_naive_printer(
    plain: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps(plain, ensure_ascii=ascii_only, indent=indent).encode()
    assert canonical(body) == naive_canonical(plain)
    assert canonical(body, base=True) == naive_canonical(plain, base=True)


@given(members)
def test_a_body_printed_by_jackson_is_recognised_by_the_cheapest_candidate(plain: dict[str, Any]) -> None:
    assert candidates(naive_print(plain).encode())["sorted"] == naive_canonical(plain)


@given(members, st.sampled_from([None, 2]))
def test_deep_sorts_nested_names_and_drops_nested_nulls(plain: dict[str, Any], indent: int | None) -> None:
    body = json.dumps(plain, indent=indent).encode()
    assert candidates(body)["deep"] == naive_print(naive_deep(plain)).encode()


@given(members)
def test_canonical_is_a_fixed_point(plain: dict[str, Any]) -> None:
    once = canonical(json.dumps(plain).encode())
    assert canonical(once) == once


@given(text, text)
def test_names_are_ordered_by_utf16_code_unit(one: str, other: str) -> None:
    assert (code_units(one) < code_units(other)) == (naive_units(one) < naive_units(other))


def test_an_astral_name_sorts_before_a_late_bmp_name() -> None:
    assert canonical('{"\ufb01":1,"\U0001f600":2}'.encode()) == '{"\U0001f600":2,"\ufb01":1}'.encode()


def test_upper_case_names_sort_first_and_blank_values_stay() -> None:
    assert canonical(b'{"b":"","B":[],"a":0,"C":false}') == b'{"B":[],"C":false,"a":0,"b":""}'


def test_an_escaped_backslash_before_u001f_is_not_mistaken_for_an_escape() -> None:
    assert (
        canonical(rb'{"a":"\\u001f\\\u001f\u000b\u0000\u0010"}')
        == rb'{"a":"\\u001f\\\u001F\u000B\u0000\u0010"}'
    )


def test_candidates_come_cheapest_first() -> None:
    assert list(candidates(b'{"a":1}')) == ["sorted", "raw", "canonical", "deep"]
    assert list(candidates(b'{"a":1}', base=True)) == ["sorted", "raw", "stringified", "canonical", "deep"]


def test_sorted_copies_values_as_they_came_and_raw_is_the_body() -> None:
    body = b'\xef\xbb\xbf {"b" : [1, 2] ,"\\u0061":1.50,"c":null}'
    assert candidates(body)["sorted"] == b'{"a":1.50,"b":[1, 2]}'
    assert candidates(body)["raw"] == body


def test_stringified_turns_top_level_scalars_only_and_keeps_their_source_text() -> None:
    body = b'{"d":[1, 1.50],"a":1.50,"b":-0,"c":true,"e":{"f" : 1},"g":"\\u0031","h":1E400}'
    expected = b'{"a":"1.50","b":"-0","c":"true","d":[1,1.5],"e":{"f":1},"g":"1","h":"1E400"}'
    assert candidates(body, base=True)["stringified"] == expected


def test_an_empty_object_prints_as_one() -> None:
    assert set(candidates(b'{"a":null}', base=True).values()) == {b"{}", b'{"a":null}'}


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        ("1.0", "1.0"),
        ("1.10", "1.1"),
        ("1e3", "1000.0"),
        ("1E-3", "0.001"),
        ("0.000999", "9.99E-4"),
        ("0.00001", "1.0E-5"),
        ("-2.5e-4", "-2.5E-4"),
        ("9999999.0", "9999999.0"),
        ("1e7", "1.0E7"),
        ("10000000.5", "1.00000005E7"),
        ("100000000.0", "1.0E8"),
        ("1e16", "1.0E16"),
        ("123456789012345680.0", "1.2345678901234568E17"),
        ("1.7976931348623157e308", "1.7976931348623157E308"),
        ("4.9e-324", "4.9E-324"),
        ("1e-323", "9.9E-324"),
        ("1e-400", "0.0"),
        ("0.0", "0.0"),
        ("-0.0", "-0.0"),
        ("1e400", "Infinity"),
        ("-1e400", "-Infinity"),
    ],
)
def test_doubles_print_as_in_java(number: str, printed: str) -> None:
    assert java_double(number) == printed


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_double_reads_back_and_keeps_to_javas_grammar(number: float) -> None:
    printed = java_double(repr(number))
    mantissa, _, exponent = printed.lstrip("-").partition("E")
    whole, _, fraction = mantissa.partition(".")
    assert float(printed) == number
    assert printed.startswith("-") == repr(number).startswith("-")
    assert fraction == "0" or not fraction.endswith("0")
    plain = number == 0 or 1e-3 <= abs(number) < 1e7
    assert (exponent == "") is plain
    assert whole == (whole.lstrip("0") or "0")
    assert plain or len(whole) == 1


def test_a_number_beyond_a_double_is_printed_as_a_quoted_infinity() -> None:
    assert canonical(b'{"a":[1e400,-1e400]}') == b'{"a":["Infinity","-Infinity"]}'


def test_integers_keep_every_digit() -> None:
    digits = b"-" + b"1234567890" * 10
    assert canonical(b'{"a": %b}' % digits) == b'{"a":%b}' % digits


def test_a_repeated_name_takes_the_last_value_at_every_depth() -> None:
    assert canonical(b'{"a":1,"b":{"x":1,"y":2,"x":3},"a":null}') == b'{"b":{"x":3,"y":2}}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b'{"a":1}x',
        b'{"a":1}{}',
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":"\x01"}',
        b'{"a":"\xff"}',
        b'{"\xff":1}',
        b'{"a":["\xed\xa0\x80"]}',
        rb'{"a":["\ud800 alone"]}',
        rb'{"\udc00":1}',
        b'\xef\xbb\xbf\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"{" + b",".join(b'"%d":1' % n for n in range(1001)) + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_one_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_object(body)
    with pytest.raises(NotJson):
        canonical(body)


@given(
    st.binary(max_size=40)
    | st.text(st.sampled_from('{}[]":,\\u0d8efalstrn1.- \n'), max_size=30).map(str.encode)
)
def test_any_bytes_parse_or_are_refused(body: bytes) -> None:
    try:
        found = parse_object(body)
    except NotJson:
        return
    assert all(list(payloads(body, found, base=base))[1] == ("raw", body) for base in (True, False))


@pytest.mark.parametrize(
    "inner", [b"1" * 5000, b"[" * 600 + b"]" * 600], ids=["long integer", "deep nesting"]
)
def test_a_value_that_cannot_be_reprinted_still_has_its_cheap_candidates(inner: bytes) -> None:
    assert list(candidates(b'{"a":%b}' % inner))[:2] == ["sorted", "raw"]


def test_an_integer_too_long_to_reprint_is_refused_by_canonical() -> None:
    with pytest.raises(NotJson, match="reprinted"):
        canonical(b'{"a":%b}' % (b"1" * 5000))


def test_a_flood_of_values_is_not_reprinted() -> None:
    assert list(candidates(b'{"a":[%b1]}' % (b"1.5," * 500_000))) == ["sorted", "raw"]
