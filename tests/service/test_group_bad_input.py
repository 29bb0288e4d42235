"""Bad names, ids and bodies of groups: a problem with a code, and nothing half-applied."""

import json

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "x" * 256,
        "x" * 100_000,
        "a\tb",
        "a\nb",
        "a\x7fb",
        "a\u0085b",
        "a\u2028b",
        "a\u2029b",
        "invoice\u202efdp.exe",
        "\u202b",
        "a\u200fb",
        "a\u2066b\u2069",
        "\u061ca",
        "\x1b[31mred",
    ],
)
async def test_a_name_that_reads_otherwise_than_it_is_written_is_refused(refuse, name):
    body = json.dumps({"name": name}).encode()
    await refuse("PUT", "/groups/g", 422, "name_invalid", body=body)
    await refuse("PUT", "/groups/fresh", 422, "name_invalid", body=body)


async def test_a_name_with_u0000_or_half_a_character_is_refused(refuse):
    for body, status, code in (
        (b'{"name":"a\\u0000b"}', 422, "name_invalid"),
        (b'{"name":"\\ud800"}', 400, "http_400"),
        (b'{"name":"\\udc00\\ud800"}', 400, "http_400"),
        (b'{"name":"\xed\xa0\x80"}', 400, "body_unreadable"),
        (b'{"name":"\xff"}', 400, "body_unreadable"),
    ):
        await refuse("PUT", "/groups/g", status, code, body=body)


async def test_a_name_may_be_in_any_script_and_as_long_as_it_says(filled):
    for name in ("x" * 255, "装配工", "كهرباء", "می‌خواهم", "👩‍🔧", "Ünïcødé", "a b", "𝔊"):
        assert (await filled.put("/groups/g", {"name": name}))["name"] == name


@pytest.mark.parametrize(
    "identifier",
    [
        "G",
        "-g",
        ".g",
        "_g",
        "g%20",
        "%20g",
        "g%00",
        "g!",
        "%E7%BB%84",
        "g" * 65,
        "%2E%2E",
        "g%0A",
        "%FF",
        "*",
    ],
)
async def test_an_id_that_no_group_can_have_is_refused(refuse, identifier):
    await refuse("PUT", f"/groups/{identifier}", 422, "group_id_invalid", body=b'{"name":"G"}')


async def test_the_longest_id_of_a_group_is_taken(filled):
    assert (await filled.put(f"/groups/{'g' * 64}", {"name": "G"}))["id"] == "g" * 64
    assert (await filled.put("/groups/0.a_b-c", {"name": "G"}))["id"] == "0.a_b-c"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"g"',
        b"{}",
        b'{"name":null}',
        b'{"name":1}',
        b'{"name":["G"]}',
        b'{"name":{"a":1}}',
        b'{"name":"G","id":"x"}',
        b'{"Name":"G"}',
        b'{"name":"G"',
    ],
)
async def test_a_body_that_is_no_group_is_refused(refuse, body):
    status, code = (400, "http_400") if body.endswith(b'"G"') else (422, "invalid_request")
    await refuse("PUT", "/groups/g", status, code, body=body)


async def test_a_body_that_is_too_large_or_too_deep_is_refused(refuse):
    await refuse("PUT", "/groups/g", 413, "http_413", body=b'{"name":"' + b"x" * 2_000_000 + b'"}')
    await refuse("PUT", "/groups/g", 400, "body_unreadable", body=b'{"name":' * 50_000)
