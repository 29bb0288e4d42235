"""The variables that the chart sets are settings of Tenon, and Tenon takes them."""

import base64

import pytest

from service.settings import describe_settings, read_settings
from tests.helm.charts import (
    FULL,
    VALUES_FILES,
    VARIANTS,
    container_of,
    of_kind,
    read_values,
    render,
    variables_of,
    workloads,
)

pytestmark = pytest.mark.xdist_group("helm")

# A cluster has no embedded servers, and metrics have a port that nothing public leads to.
UNUSED = {"TENON_DATA_DIR", "TENON_METRICS_TOKEN"}
# Where the chart knows better than Tenon.
OTHERWISE = {"TENON_LOG_FORMAT"}

SECRETS = {
    "TENON_DATABASE_URL": "postgresql://tenon_app:secret@db.example.com/tenon",
    "TENON_MIGRATION_DATABASE_URL": "postgresql://tenon_owner:secret@db.example.com/tenon",
    "TENON_REDIS_URL": "rediss://:secret@valkey.example.com:6379/0",
    "TENON_ENCRYPTION_KEYS": "k1:" + base64.b64encode(bytes(32)).decode(),
    "TENON_OPERATOR_TOKEN": "o" * 40,
}


def environment(objects, name):
    """The variables of a workload as its process finds them."""
    workload = workloads(objects)[name]
    found = {}
    for source in container_of(workload).get("envFrom", ()):
        found |= of_kind(objects, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    for variable in variables_of(workload).values():
        found[variable["name"]] = variable.get("value", SECRETS.get(variable["name"], "from elsewhere"))
    return found


@pytest.fixture(params=VARIANTS, ids=[*VALUES_FILES, "full"])
def objects(request):
    file, values = request.param
    return render(file, values)


def test_every_variable_is_a_setting(objects):
    known = {name for name, _, _ in describe_settings()}
    for name in workloads(objects):
        told = {each for each in environment(objects, name) if each.startswith("TENON_")}
        assert told <= known


def test_every_setting_can_be_made_in_the_chart():
    objects = render(values=FULL)
    told = {name for each in workloads(objects) for name in environment(objects, each)}
    assert {name for name, _, _ in describe_settings()} - told == UNUSED


def test_the_settings_that_say_nothing_else_are_tenons_own():
    data = of_kind(render(), "ConfigMap")["tenon"]["data"]
    defaults = {name: default for name, default, _ in describe_settings()}
    for key in read_values()["settings"]:
        name = "TENON_" + "".join(f"_{letter}" if letter.isupper() else letter for letter in key).upper()
        if name not in OTHERWISE:
            assert data[name] == defaults[name]


def test_tenon_takes_the_settings_of_what_serves_and_what_works(objects):
    for name, listens in (("tenon-web", True), ("tenon-worker", False)):
        settings = read_settings(environment(objects, name))
        ports = {
            port["name"]: port["containerPort"] for port in container_of(workloads(objects)[name])["ports"]
        }
        expected = {"metrics": settings.metrics_bind[1]}
        if listens:
            expected["http"] = settings.bind_port
            assert settings.worker is False
            assert settings.bind_host == "0.0.0.0"
        assert ports == expected
        assert settings.workers == 1
        assert settings.migration_database_url is None


def test_tenon_takes_the_settings_of_the_migration(objects):
    settings = read_settings(environment(objects, "tenon-migrate"), for_migrating=True)
    assert settings.migration_database_url == SECRETS["TENON_MIGRATION_DATABASE_URL"]
    assert settings.encryption_keys == ()


def test_each_process_runs_the_command_that_it_is_for(objects):
    commands = {name: container_of(each)["args"] for name, each in workloads(objects).items()}
    assert commands == {"tenon-web": ["serve"], "tenon-worker": ["work"], "tenon-migrate": ["migrate"]}


def test_large_numbers_and_switches_are_written_as_tenon_reads_them():
    values = {"settings": {"maxBodyBytes": 1073741824, "webhookPrivate": True, "logLevel": "debug"}}
    settings = read_settings(environment(render(values=values), "tenon-web"))
    assert settings.max_body_bytes == 1073741824
    assert settings.webhook_private is True
    assert settings.log_level == "debug"


def test_traces_are_off_until_there_is_a_collector():
    def told(values=None):
        objects = render(values=values)
        return {
            name: value
            for name, value in environment(objects, "tenon-web").items()
            if name.startswith("OTEL_")
        }

    assert told() == {}
    traced = told(FULL)
    assert traced["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector.example.com:4318"
    assert traced["OTEL_TRACES_SAMPLER_ARG"] == "1"
    assert "k8s.pod.name=$(POD_NAME)" in traced["OTEL_RESOURCE_ATTRIBUTES"]
