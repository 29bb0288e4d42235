"""The `tenon` command as an operator meets it."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest

from service.settings import describe_settings
from tests.folders import short_folder


def tenon(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENON_")}
    return subprocess.run(  # noqa: PLW1510 - the tests look at the exit code
        [sys.executable, "-m", "service", *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("serve",),
        ("work",),
        ("migrate",),
        ("demo",),
        ("doctor",),
        ("simulate",),
        ("scorecard",),
        ("token", "create"),
        ("keys", "rotate"),
    ],
)
def test_every_command_explains_itself(command):
    done = tenon(*command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout


def test_all_wrong_settings_are_told_at_once_and_nothing_starts():
    done = tenon("serve", TENON_BIND="nowhere", TENON_WORKERS="many", TENON_DATABASE_URL="mysql://x")
    assert done.returncode == 1
    for name in ("TENON_BIND", "TENON_WORKERS", "TENON_DATABASE_URL", "TENON_ENCRYPTION_KEYS"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_database_is_one_clear_sentence():
    done = tenon(
        "work",
        TENON_DATABASE_URL="postgresql://tenon_app@127.0.0.1:1/tenon",
        TENON_REDIS_URL="redis://127.0.0.1:1",
        TENON_ENCRYPTION_KEYS="k:" + "A" * 43 + "=",
    )
    assert done.returncode == 1
    assert "database is not available" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_behind_is_migrated_and_then_serves_tokens():
    with short_folder() as folder:
        data = {"TENON_DATA_DIR": str(folder / "data")}
        behind = tenon("migrate", "--check", **data)
        assert behind.returncode == 1
        assert "run `tenon migrate`" in behind.stderr
        assert tenon("migrate", **data).returncode == 0
        assert "up to date" in tenon("migrate", **data).stdout
        assert tenon("migrate", "--check", **data).returncode == 0
        made = tenon("token", "create", "--role", "reader", **data)
        assert made.stdout.startswith("tenon_")
        unknown = "00000000-0000-4000-8000-000000000000"
        refused = tenon("token", "create", "--role", "reader", "--tenant", unknown, **data)
        assert refused.returncode == 1
        assert "no such tenant" in refused.stderr
        rotated = tenon("keys", "rotate", **data).stdout
        assert "0 products" in rotated
        assert "2 signing keys" in rotated
        assert re.findall(r"Made the (\w+) key", rotated) == ["RS256", "ES256"]
        assert "no others were made" in tenon("keys", "rotate", **data).stdout
        kept = tenon("keys", "rotate", "--keep-signing-keys", **data).stdout
        assert "4 signing keys" in kept
        assert len(kept.splitlines()) == 1
        withdrawn = tenon("keys", "rotate", "--withdraw-signing-keys", **data).stdout
        assert re.findall(r"Made the (\w+) key", withdrawn) == ["RS256", "ES256"]
        name = hashlib.sha256(made.stdout.strip().encode()).hexdigest()[:16]
        assert tenon("token", "revoke", name, **data).returncode == 0
        gone = tenon("token", "revoke", name, **data)
        assert gone.returncode == 1
        assert "no such token" in gone.stderr
        other = tenon("serve", TENON_ENCRYPTION_KEYS="k:" + "A" * 43 + "=", **data)
        assert other.returncode == 3
        told = [json.loads(line) for line in other.stderr.splitlines() if line.startswith("{")]
        [why] = [line["cause"] for line in told if line["event"] == "not_started"]
        assert "does not open what is stored" in why


def test_the_demonstration_shows_the_main_job_and_exits():
    with short_folder() as folder:
        done = tenon("demo", "--once", TENON_DATA_DIR=str(folder / "data"), TENON_BIND="127.0.0.1:18997")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "3200 members" in done.stdout
    [lost] = re.findall(r"has stopped it: (\d+) members have lost access", done.stdout)
    [gained] = re.findall(r"has started it: (\d+) members have gained access", done.stdout)
    assert lost == gained != "0"
    assert re.findall(r"by (marketplace|department|group): \S", done.stdout) == [
        "marketplace",
        "department",
        "group",
    ]
    assert "The list would remove 260 of 324 departments. It is held" in done.stdout
    assert "324 departments, 3200 members" in done.stdout
    assert re.search(r"in the log: \d{5} events", done.stdout)
    assert "Look further" in done.stdout


def test_every_setting_is_described():
    assert all(name.startswith("TENON_") and meaning for name, _default, meaning in describe_settings())
