"""`tenon doctor` as an operator runs it: in a process of its own, by its environment."""

import asyncio
import base64
import json
import os
import sys
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from service.doctor.command import doctor as doctor_command
from service.doctor.examination import CHECKS
from service.doctor.findings import Finding
from service.doctor.report import make_report, print_report
from tests.conftest import OPERATOR_TOKEN
from tests.guide_programs import served
from tests.marketplace import BASE_KEY, KIT_KEY
from tests.ports import free_port
from tests.service.doctor.conftest import CONNECTION_SECRET, opened


async def doctor(*arguments, **environment):
    """Run the command; its exit code, standard output and standard error."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENON_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "doctor", *arguments),
        env={**kept, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def environment(installation):
    settings = installation.settings
    return {
        "TENON_DATABASE_URL": settings.database_url,
        "TENON_REDIS_URL": settings.redis_url,
        "TENON_ENCRYPTION_KEYS": ",".join(
            f"{key.id}:{base64.b64encode(key.key).decode()}" for key in settings.encryption_keys
        ),
        "TENON_OPERATOR_TOKEN": OPERATOR_TOKEN,
        "TENON_PUBLIC_URL": settings.public_url,
    }


def secrets_of(installation, environment, private_key):
    """Whatever must not be printed."""
    urls = [environment["TENON_DATABASE_URL"], environment["TENON_REDIS_URL"]]
    keys = [entry.partition(":")[2] for entry in environment["TENON_ENCRYPTION_KEYS"].split(",")]
    return [
        *(urlsplit(url).password for url in urls),
        *keys,
        OPERATOR_TOKEN,
        BASE_KEY,
        KIT_KEY,
        CONNECTION_SECRET,
        "order-secret-key",
        *private_key.split("\n")[1:-2],
    ]


async def test_an_installation_that_serves_is_found_in_order_and_no_secret_is_printed(
    installation, environment, private_key
):
    port = urlsplit(installation.settings.public_url).port
    async with opened(installation.settings) as app, served(app, port):
        code, out, err = await doctor("--json", "--strict", **environment)
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["ok"] is True
    assert {finding["check"] for finding in report["findings"]} == set(CHECKS)
    assert {finding["check"] for finding in report["findings"] if finding["level"] != "ok"} == {
        "address.https"
    }
    members = {"check", "level", "message", "cause", "remedy"}
    assert all(finding.keys() == members for finding in report["findings"])
    assert [secret for secret in secrets_of(installation, environment, private_key) if secret in out] == []


async def test_errors_are_told_with_cause_and_remedy_and_fail(installation, environment, private_key):
    environment["TENON_ENCRYPTION_KEYS"] = "other:" + base64.b64encode(bytes(32)).decode()
    environment["TENON_REDIS_URL"] = f"redis://:redis-pass-word@127.0.0.1:{free_port()}/0"
    code, out, err = await doctor(**environment)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    [number] = [n for n, line in enumerate(lines) if line.startswith("error    redis.reachable  ")]
    assert lines[number + 1].startswith("         cause:  ")
    assert lines[number + 2].startswith("         remedy: ")
    assert lines[-1].endswith(" errors.")
    assert "\x1b" not in out
    assert [secret for secret in secrets_of(installation, environment, private_key) if secret in out] == []
    assert "redis-pass-word" not in out


def invoke(*arguments, **environment):
    """Run the command in this process, as far as it gets without a database."""
    runner = CliRunner(env={name: None for name in os.environ if name.startswith("TENON_")} | environment)
    done = runner.invoke(doctor_command, arguments)
    return done.exit_code, json.loads(done.stdout)["findings"]


def test_all_wrong_settings_are_told_and_nothing_else_is_tried():
    wrong = {"TENON_BIND": "nowhere", "TENON_WORKERS": "many", "TENON_DATABASE_URL": "mysql://pass-word@x"}
    code, findings = invoke("--json", **wrong)
    assert code == 1
    errors = [finding["message"] for finding in findings if finding["level"] == "error"]
    for name in (*wrong, "TENON_ENCRYPTION_KEYS"):
        assert any(message.startswith(name) for message in errors)
    assert {finding["check"] for finding in findings} == set(CHECKS)
    others = {finding["message"] for finding in findings if finding["level"] != "error"}
    assert others == {"not checked: the settings are not valid"}
    assert not any("pass-word" in message for message in errors)


async def test_the_embedded_servers_are_used_when_none_are_named(servers):
    data = {"TENON_DATA_DIR": str(servers.postgres.data_dir), "TENON_BIND": f"127.0.0.1:{free_port()}"}
    _, out, err = await doctor("--json", **data)
    findings = {finding["check"]: finding for finding in json.loads(out)["findings"]}
    assert err == ""
    assert findings["settings.servers"]["message"].startswith("The embedded PostgreSQL and Valkey in ")
    for check in ("database.role", "database.migrations", "database.isolation", "redis.reachable"):
        assert findings[check]["level"] == "ok", findings[check]
    assert findings["address.leads_here"]["level"] == "hint"


def test_embedded_servers_that_do_not_start_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("service.doctor.command.configure_logs", lambda **_: None)
    taken = tmp_path / "data"
    taken.write_text("")
    code, findings = invoke("--json", TENON_DATA_DIR=str(taken))
    by_check = {finding["check"]: finding for finding in findings}
    assert code == 1
    assert by_check["settings.servers"]["level"] == "error"
    assert by_check["database.role"]["message"] == "not checked: the embedded servers do not start"


@pytest.mark.parametrize(
    ("levels", "is_ok", "is_strictly_ok"),
    [
        ([], True, True),
        (["ok", "hint"], True, True),
        (["ok", "warning"], True, False),
        (["warning", "error"], False, False),
    ],
)
def test_errors_fail_and_warnings_when_strict(levels, is_ok, is_strictly_ok):
    findings = [Finding(check="x", level=level, message="m") for level in levels]
    assert make_report(findings, strict=False).ok == is_ok
    assert make_report(findings, strict=True).ok == is_strictly_ok


def test_what_others_have_said_cannot_forge_lines(capsys):
    print_report(make_report([Finding(check="x", level="ok", message="a\nerror\x1b[2J b")], strict=False))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["ok       x  a error [2J b", "", "1 ok, 0 hints, 0 warnings, 0 errors."]
