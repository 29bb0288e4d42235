import base64
import io
import pickle
from pathlib import Path

import pytest
from rich.console import Console

from service.setting_values import EncryptionKey
from service.settings import Settings, SettingsInvalid, describe_settings, read_settings

KEY = bytes(range(32))
KEYS = f"k2:{base64.b64encode(KEY).decode()},k1:{base64.b64encode(bytes(32)).decode()}"
OWN_SERVERS = {
    "TENON_DATABASE_URL": "postgresql://tenon_app:pass-word-app@db.example:5432/tenon",
    "TENON_MIGRATION_DATABASE_URL": "postgres://tenon_owner:pass-word-owner@db.example/tenon",
    "TENON_REDIS_URL": "rediss://:pass-word-redis@cache.example:6380/1",
    "TENON_ENCRYPTION_KEYS": KEYS,
    "TENON_OPERATOR_TOKEN": "operator-token-of-thirty-two-chars",
    "TENON_METRICS_TOKEN": "metrics-token-of-thirty-two-chars!",
}


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings({f"TENON_{name}": value for name, value in environ.items()})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_an_empty_environment_means_the_embedded_servers_and_the_documented_defaults():
    settings = read_settings({})
    assert settings == Settings(
        database_url=None,
        migration_database_url=None,
        redis_url=None,
        data_dir=Path(".tenon"),
        bind_host="127.0.0.1",
        bind_port=8000,
        public_url="http://127.0.0.1:8000",
        workers=1,
        encryption_keys=(),
        operator_token=None,
        max_body_bytes=32 * 1024 * 1024,
        database_pool=10,
        retention_days=30,
        push_retention_days=180,
        body_retention_days=14,
        event_retention_days=180,
        webhook_http=False,
        webhook_private=False,
        sign_in_http=False,
        sign_in_private=False,
        session_idle_minutes=120,
        session_hours=12,
        worker=True,
        drain_seconds=0,
        metrics_bind=None,
        metrics_token=None,
        log_format=None,
        log_level="info",
    )


def test_every_variable_is_read():
    settings = read_settings(
        OWN_SERVERS
        | {
            "TENON_DATA_DIR": "/var/lib/tenon",
            "TENON_BIND": "[::]:9000",
            "TENON_PUBLIC_URL": "https://tenon.example.com",
            "TENON_WORKERS": "1",
            "TENON_MAX_BODY_BYTES": "1000",
            "TENON_DATABASE_POOL": "2",
            "TENON_RETENTION_DAYS": "0",
            "TENON_PUSH_RETENTION_DAYS": "7",
            "TENON_BODY_RETENTION_DAYS": "3",
            "TENON_EVENT_RETENTION_DAYS": "5",
            "TENON_WEBHOOK_HTTP": "on",
            "TENON_WEBHOOK_PRIVATE": "on",
            "TENON_SIGN_IN_HTTP": "on",
            "TENON_SIGN_IN_PRIVATE": "on",
            "TENON_SESSION_IDLE_MINUTES": "30",
            "TENON_SESSION_HOURS": "8",
            "TENON_WORKER": "OFF",
            "TENON_DRAIN_SECONDS": "10",
            "TENON_METRICS_BIND": "0.0.0.0:9000",
            "TENON_LOG_FORMAT": "json",
            "TENON_LOG_LEVEL": "Debug",
            "PATH": "/usr/bin",
        }
    )
    assert settings == Settings(
        database_url=OWN_SERVERS["TENON_DATABASE_URL"],
        migration_database_url=OWN_SERVERS["TENON_MIGRATION_DATABASE_URL"],
        redis_url=OWN_SERVERS["TENON_REDIS_URL"],
        data_dir=Path("/var/lib/tenon"),
        bind_host="::",
        bind_port=9000,
        public_url="https://tenon.example.com",
        workers=1,
        encryption_keys=(EncryptionKey(id="k2", key=KEY), EncryptionKey(id="k1", key=bytes(32))),
        operator_token=OWN_SERVERS["TENON_OPERATOR_TOKEN"],
        max_body_bytes=1000,
        database_pool=2,
        retention_days=0,
        push_retention_days=7,
        body_retention_days=3,
        event_retention_days=5,
        webhook_http=True,
        webhook_private=True,
        sign_in_http=True,
        sign_in_private=True,
        session_idle_minutes=30,
        session_hours=8,
        worker=False,
        drain_seconds=10,
        metrics_bind=("0.0.0.0", 9000),
        metrics_token=OWN_SERVERS["TENON_METRICS_TOKEN"],
        log_format="json",
        log_level="debug",
    )


def test_all_problems_are_told_at_once_and_each_names_its_variable():
    problems = problems_of(
        DATABASE_URL="mysql://db/tenon",
        REDIS_URL="http://cache",
        BIND="8000",
        PUBLIC_URL="http://tenon.example.com",
        WORKERS="0",
        OPERATOR_TOKEN="short",
        WORKER="maybe",
        NONSENSE="1",
    )
    assert {problem.split()[0] for problem in problems} == {
        "TENON_DATABASE_URL",
        "TENON_REDIS_URL",
        "TENON_BIND",
        "TENON_PUBLIC_URL",
        "TENON_WORKERS",
        "TENON_OPERATOR_TOKEN",
        "TENON_WORKER",
        "TENON_NONSENSE",
        "TENON_ENCRYPTION_KEYS",
    }
    assert len(problems) == 9


def test_a_misspelt_variable_is_answered_with_the_right_one():
    assert problems_of(DATABSE_URL="x") == [
        "TENON_DATABSE_URL is not a setting; did you mean TENON_DATABASE_URL?"
    ]


def test_the_simulators_own_variables_are_left_alone():
    assert read_settings({"TENON_SIM_BASE_KEY": "x"}) == read_settings({})


def test_an_empty_value_counts_as_unset():
    assert read_settings({"TENON_REDIS_URL": "", "TENON_WORKERS": ""}) == read_settings({})


def test_the_public_url_follows_the_port_of_bind():
    assert read_settings({"TENON_BIND": "0.0.0.0:9100"}).public_url == "http://127.0.0.1:9100"


def test_a_database_of_ones_own_demands_encryption_keys():
    (problem,) = problems_of(DATABASE_URL="postgresql://db.example/tenon")
    assert problem.startswith("TENON_ENCRYPTION_KEYS is missing")


def test_a_migration_url_alone_is_refused():
    (problem,) = problems_of(MIGRATION_DATABASE_URL="postgresql://db.example/tenon")
    assert problem.startswith("TENON_DATABASE_URL is missing")


def test_no_secret_is_printed():
    settings = read_settings(OWN_SERVERS)
    printed = io.StringIO()
    Console(file=printed, width=500).print(settings, settings.encryption_keys)
    shown = f"{settings!r} {settings} {settings.encryption_keys!r} {printed.getvalue()}"
    for hidden in ("pass-word", OWN_SERVERS["TENON_OPERATOR_TOKEN"], repr(KEY)[2:-1], "\\x00"):
        assert hidden not in shown
    assert "bind_port=8000" in repr(settings)


def test_no_secret_has_a_default():
    settings = read_settings({})
    assert settings.operator_token is None
    assert settings.encryption_keys == ()


def test_settings_can_be_handed_to_another_process():
    settings = read_settings(OWN_SERVERS)
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_reference_lists_every_setting_once():
    described = describe_settings()
    names = [name for name, _, _ in described]
    fields = set(Settings.__struct_fields__) - {"bind_host", "bind_port"} | {"bind"}
    assert sorted(names) == sorted(f"TENON_{field.upper()}" for field in fields)
    assert all(default and meaning for _, default, meaning in described)


def test_every_documented_default_that_is_a_value_is_valid():
    literal = {name: default for name, default, _ in describe_settings() if "unset" not in default}
    literal = {name: default for name, default in literal.items() if " " not in default}
    assert len(literal) == 18
    assert read_settings(literal) == read_settings({})
