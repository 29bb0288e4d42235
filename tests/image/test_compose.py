"""What compose.yaml says, read without starting it."""

import re
import tomllib

import pytest

from service.settings import describe_settings, read_settings
from tests.documents import read
from tests.image.compose_files import Missing, load, make_env
from tests.image.dockerfiles import read_stages, rest_of
from tests.repository import ROOT

SERVICES = load()["services"]
OURS = ["migrate", "web", "worker"]


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    return make_env(tmp_path_factory.mktemp("compose"))


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_held_tight(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    user = service.get("user") or rest_of(read_stages()[-1], "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    assert "network_mode" not in SERVICES[name]


def test_the_databases_cannot_be_reached_from_outside_nor_reach_out():
    networks = load()["networks"]
    assert networks["inside"] == {"internal": True}
    for name in ("database", "valkey"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_version(name):
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.match(r"\d+", tag)
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert (tag == version) == (name in OURS)


def test_each_path_that_is_mounted_exists():
    mounted = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    paths = [volume.split(":") for volume in mounted if volume.startswith((".", "/"))]
    assert paths
    for path, _, mode in paths:
        assert (ROOT / path).exists(), path
        assert mode == "ro"
    assert {volume.split(":")[0] for volume in mounted if volume[0].isalpha()} == set(load()["volumes"])


def test_every_variable_of_ours_is_a_setting():
    known = {name for name, _, _ in describe_settings()}
    given = {name for service in OURS for name in SERVICES[service]["environment"]}
    assert given <= known
    assert set(re.findall(r"\bTENON_\w+", read("compose.yaml"))) <= known


def test_what_starts_waits_for_what_it_needs():
    needs = {name: SERVICES[name]["depends_on"] for name in OURS}
    healthy, done = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}
    assert needs["migrate"] == {"database": healthy}
    assert needs["web"] == needs["worker"] == {"database": healthy, "valkey": healthy, "migrate": done}
    for name in ("database", "valkey", "web", "worker"):
        assert {"test", "interval", "timeout", "retries"} <= SERVICES[name]["healthcheck"].keys()
    assert SERVICES["migrate"]["restart"] == "no"


def test_the_owning_role_is_known_to_the_migration_only_and_keys_to_whoever_serves():
    for name in ("web", "worker"):
        assert "TENON_MIGRATION_DATABASE_URL" not in SERVICES[name]["environment"]
        assert "OWNER_PASSWORD" not in str(SERVICES[name])
    assert "TENON_ENCRYPTION_KEYS" not in SERVICES["migrate"]["environment"]
    assert not any("SUPERUSER" in str(SERVICES[name]) for name in OURS)


def test_no_secret_stands_in_the_file_and_each_missing_one_is_told_with_the_remedy(variables):
    secrets = {name for name in variables if name.endswith(("_PASSWORD", "_KEYS"))}
    assert len(secrets) == 5
    for name in secrets:
        with pytest.raises(Missing, match=f"{name}: make .env first, see docs/compose.md"):
            load({**variables, name: ""})
    for name, value in variables.items():
        if name != "TENON_PUBLIC_URL":
            assert value not in read("compose.yaml")


def test_what_may_be_left_out_is_no_secret():
    text = read("compose.yaml")
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    assert defaults == {"TENON_OPERATOR_TOKEN": "", "TENON_PUBLIC_URL": "http://127.0.0.1:8000"}
    assert len(re.findall(r"\$\{\w+:[-?]", text)) == len(re.findall(r"(?<!\$)\$(?!\$)", text))


def test_the_env_of_the_guide_is_private_and_different_each_time(tmp_path, variables):
    again = make_env(tmp_path)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert again.keys() == variables.keys()
    assert all(again[name] != variables[name] for name in variables if name != "TENON_PUBLIC_URL")
    used = set(re.findall(r"\$\{(\w+):", read("compose.yaml")))
    assert used == variables.keys()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_settings_of_what_serves_are_valid(name, variables):
    settings = read_settings(load(variables)["services"][name]["environment"])
    assert settings.bind_host == "0.0.0.0"
    assert settings.worker is (name == "worker")


def test_the_settings_of_what_migrates_are_valid(variables):
    settings = read_settings(load(variables)["services"]["migrate"]["environment"], for_migrating=True)
    assert settings.migration_database_url != settings.database_url
