import base64
import secrets

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.setting_values import EncryptionKey
from service.settings import SettingsInvalid, read_settings

KEY = bytes(range(32))
KEYS = f"k2:{base64.b64encode(KEY).decode()},k1:{base64.b64encode(bytes(32)).decode()}"
OWN_SERVERS = {
    "TENON_DATABASE_URL": "postgresql://tenon_app:pass-word-app@db.example:5432/tenon",
    "TENON_MIGRATION_DATABASE_URL": "postgres://tenon_owner:pass-word-owner@db.example/tenon",
    "TENON_REDIS_URL": "rediss://:pass-word-redis@cache.example:6380/1",
    "TENON_ENCRYPTION_KEYS": KEYS,
    "TENON_OPERATOR_TOKEN": "operator-token-of-thirty-two-chars",
}


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings({f"TENON_{name}": value for name, value in environ.items()})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(
    "url",
    [
        "https://tenon.example.com",
        "https://tenon.example.com:8443",
        "http://localhost:8000",
        "http://127.3.2.1",
        "http://[::1]:8000",
    ],
)
def test_a_public_url_is_https_or_on_this_machine(url):
    assert read_settings({"TENON_PUBLIC_URL": url}).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://tenon.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "https://tenon.example.com/",
        "https://user@tenon.example.com",
        "https://tenon.example.com?x=1",
        "https://tenon.example.com#top",
        "https://tenon.example.com:port",
        "ftp://tenon.example.com",
        "tenon.example.com",
        "https://",
        "https://[::1",
        " https://tenon.example.com",
    ],
)
def test_an_unusable_public_url_is_refused(url):
    (problem,) = problems_of(PUBLIC_URL=url)
    assert problem.startswith("TENON_PUBLIC_URL ")


@pytest.mark.parametrize(
    "bind",
    [
        "8000",
        ":8000",
        "localhost",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "::1:80",
        "[::1]",
        "[a]:80",
    ],
)
def test_a_bind_address_needs_a_host_and_a_port(bind):
    (problem,) = problems_of(BIND=bind)
    assert "give host:port" in problem


@pytest.mark.parametrize(
    "url",
    [
        "postgres://app@one.example:5432,two.example:5433/tenon?target_session_attrs=read-write",
        "postgresql://app:pw@/tenon?host=/run/postgresql",
        "postgresql://app:p%40ss@[::1]:5432/tenon",
    ],
)
def test_postgres_urls_of_replicated_and_local_servers_are_accepted(url):
    assert read_settings(OWN_SERVERS | {"TENON_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("name", ["DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize(
    "place", ["", "/x", "host:port", "u:hid#den@host/x", "u:hid/den@host/x", "u:hid?den@host/x"]
)
def test_a_malformed_server_url_is_refused_without_repeating_it(name, place):
    scheme = "redis" if name == "REDIS_URL" else "postgresql"
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(OWN_SERVERS | {f"TENON_{name}": f"{scheme}://{place}"})
    (problem,) = caught.value.problems
    assert problem.startswith(f"TENON_{name} names no valid host")
    assert "hid" not in problem


def test_a_cluster_is_accepted_as_redis():
    url = "redis+cluster://cache.example:6379"
    assert read_settings({"TENON_REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ("c2VjcmV0", "entry 1 is not id:base64"),
        (f"{KEYS},", "entry 3 is not id:base64"),
        ("k1:c2VjcmV0", "entry 1 is not 32 bytes"),
        ("k1:%%%%", "entry 1 is not 32 bytes"),
        ("k1:ééé", "entry 1 is not 32 bytes"),
        (f"{KEYS},{KEYS}", "entry 3 repeats the id 'k2'"),
        ("bad id:AAAA", "entry 1 is not id:base64"),
    ],
)
def test_wrong_encryption_keys_are_refused_by_entry_without_repeating_them(keys, wrong):
    (problem,) = problems_of(ENCRYPTION_KEYS=keys)
    assert wrong in problem
    assert "c2VjcmV0" not in problem


@pytest.mark.parametrize("token", ["x" * 31, "x" * 31 + " ", "x" * 31 + "é", "x" * 31 + "\n"])
def test_an_operator_token_is_long_and_can_be_sent_in_a_header(token):
    (problem,) = problems_of(OPERATOR_TOKEN=token)
    assert token not in problem


@given(st.sampled_from(["WORKERS", "MAX_BODY_BYTES", "DATABASE_POOL", "RETENTION_DAYS"]), st.text(min_size=1))
def test_a_number_in_anything_but_plain_digits_is_refused(name, text):
    assume(not (text.isascii() and text.isdigit()))
    assert len(problems_of(**{name: text})) == 1


@given(st.integers(min_value=2, max_value=256), st.integers(min_value=0, max_value=6))
def test_a_number_in_digits_is_read_with_leading_zeros_or_without(number, zeros):
    settings = read_settings({"TENON_WORKERS": "0" * zeros + str(number)})
    assert settings.workers == number


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_POOL", "1"),
        ("WORKERS", "-1"),
        ("RETENTION_DAYS", "36501"),
        ("MAX_BODY_BYTES", "1_000"),
        ("MAX_BODY_BYTES", "9" * 5000),
        ("RETENTION_DAYS", "0" * 30 + "99999"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_value_out_of_range_is_refused(name, text):
    (problem,) = problems_of(**{name: text})
    assert problem.startswith(f"TENON_{name} is ")


@given(st.binary(min_size=32, max_size=32), st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True))
def test_an_encryption_key_survives_its_text_form(key, key_id):
    text = f"{key_id}:{base64.b64encode(key).decode()}"
    assert read_settings({"TENON_ENCRYPTION_KEYS": text}).encryption_keys == (
        EncryptionKey(id=key_id, key=key),
    )


def test_a_random_token_of_the_usual_make_is_accepted():
    token = secrets.token_urlsafe(32)
    assert read_settings({"TENON_OPERATOR_TOKEN": token}).operator_token == token
