import os
import shutil
import subprocess
import sys

import pytest

from service.local_account import EmbeddedUnavailable, check_reachable, choose_account
from service.local_files import Users, choose_port, exclusive_start, read_port
from service.local_process import read_command, run_program
from service.local_secrets import make_encryption_keys, make_passwords


@pytest.mark.parametrize("name", ["passwords.json", "encryption_keys"])
def test_lost_secrets_are_not_replaced_while_data_needs_them(tmp_path, name):
    make_passwords(tmp_path)
    make_encryption_keys(tmp_path)
    (tmp_path / "postgres/data").mkdir(parents=True)
    (tmp_path / name).unlink()
    make = make_passwords if name == "passwords.json" else make_encryption_keys
    with pytest.raises(EmbeddedUnavailable, match=f"{name} is gone.*restore it"):
        make(tmp_path)
    assert not (tmp_path / name).exists()


def test_damaged_secrets_are_refused(tmp_path):
    (tmp_path / "passwords.json").write_text("{")
    (tmp_path / "encryption_keys").write_text("k1:short")
    with pytest.raises(EmbeddedUnavailable, match=r"passwords\.json cannot be read"):
        make_passwords(tmp_path)
    with pytest.raises(EmbeddedUnavailable, match="encryption_keys cannot be read"):
        make_encryption_keys(tmp_path)


def test_starting_waits_for_another_process_that_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("service.local_files.LOCK_SECONDS", 0)
    with (
        exclusive_start(tmp_path),
        pytest.raises(EmbeddedUnavailable, match="Another process"),
        exclusive_start(tmp_path),
    ):
        pass


def test_only_the_last_user_hears_that_it_is_the_last(tmp_path):
    first, second = Users(tmp_path / "users"), Users(tmp_path / "users")
    first.join()
    first.join()
    second.join()
    assert [first.leave(), first.leave(), second.leave()] == [False, False, True]


@pytest.mark.parametrize("text", ["", "x", "99999999", "70000"])
def test_a_damaged_port_file_is_replaced(tmp_path, text):
    path = tmp_path / "port"
    path.write_text(text)
    port = choose_port(path)
    assert read_port(path) == port
    assert choose_port(path) == port


def test_a_program_that_hangs_is_ended_at_its_time_limit():
    with pytest.raises(EmbeddedUnavailable, match="sleep did not end within 0 seconds"):
        run_program([shutil.which("sleep"), "60"], account=None, timeout=0.1)


def test_a_program_inherits_no_environment(monkeypatch):
    monkeypatch.setenv("TENON_OPERATOR_TOKEN", "hidden")
    printed = run_program([shutil.which("env")], account=None, timeout=10)
    assert "TENON" not in printed


def test_a_dead_process_has_no_command(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert read_command(child.pid) == []
    assert sys.executable in read_command(os.getpid())


def test_an_ordinary_user_needs_no_other_account(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert choose_account(tmp_path) is None
    check_reachable(tmp_path, None, remedy="")
