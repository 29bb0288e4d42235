"""Secrets are only named, and each goes to whoever needs it."""

import json
import re

import pytest

from tests.helm.charts import (
    CHART,
    FULL,
    VALUES_FILES,
    VARIANTS,
    container_of,
    leaves,
    read_values,
    render,
    variables_of,
    workloads,
)

pytestmark = pytest.mark.xdist_group("helm")

SECRET_VARIABLES = {
    "TENON_DATABASE_URL",
    "TENON_MIGRATION_DATABASE_URL",
    "TENON_REDIS_URL",
    "TENON_ENCRYPTION_KEYS",
    "TENON_OPERATOR_TOKEN",
    "TENON_METRICS_TOKEN",
    "OTEL_EXPORTER_OTLP_HEADERS",
}
SECRET_WORDS = re.compile(r"pass|secret|token|credential|encryption|private_?key|headers", re.IGNORECASE)
OWNER = "TENON_MIGRATION_DATABASE_URL"


@pytest.fixture(params=VARIANTS, ids=[*VALUES_FILES, "full"])
def objects(request):
    file, values = request.param
    return render(file, values)


def sources(workload):
    """Each variable that comes from a secret, with the secret and the key in it."""
    return {
        name: tuple(variable["valueFrom"]["secretKeyRef"][part] for part in ("name", "key"))
        for name, variable in variables_of(workload).items()
        if "secretKeyRef" in variable.get("valueFrom", {})
    }


def test_no_secret_is_rendered(objects):
    assert [each["metadata"]["name"] for each in objects if each["kind"] == "Secret"] == []


def test_no_secret_is_a_plain_value(objects):
    for each in objects:
        if each["kind"] == "ConfigMap":
            assert not SECRET_VARIABLES & set(each["data"])
    for workload in workloads(objects).values():
        plain = {name for name, variable in variables_of(workload).items() if "value" in variable}
        assert not SECRET_VARIABLES & plain


def test_every_workload_gets_its_secrets_and_no_other(objects):
    found = workloads(objects)
    own = {
        "TENON_DATABASE_URL": ("tenon-database", "url"),
        "TENON_REDIS_URL": ("tenon-redis", "url"),
        "TENON_ENCRYPTION_KEYS": ("tenon-encryption", "keys"),
    }
    optional = {
        "TENON_OPERATOR_TOKEN": ("tenon-operator", "token"),
        "OTEL_EXPORTER_OTLP_HEADERS": ("tenon-otel", "headers"),
    }
    for name, allowed in (
        ("tenon-web", optional),
        ("tenon-worker", {"OTEL_EXPORTER_OTLP_HEADERS": optional["OTEL_EXPORTER_OTLP_HEADERS"]}),
    ):
        came = sources(found[name])
        assert {key: came[key] for key in own} == own
        assert {key: value for key, value in came.items() if key not in own}.items() <= allowed.items()


def test_the_migration_knows_the_database_and_nothing_else(objects):
    job = workloads(objects)["tenon-migrate"]
    assert sources(job) == {
        "TENON_DATABASE_URL": ("tenon-migrations", "url"),
        OWNER: ("tenon-migrations", "ownerUrl"),
    }
    assert "envFrom" not in container_of(job)


def test_the_owning_role_is_named_in_the_migration_only(objects):
    naming = [
        (each["kind"], each["metadata"]["name"])
        for each in objects
        if OWNER in json.dumps(each) or "tenon-migrations" in json.dumps(each)
    ]
    assert naming == [("Job", "tenon-migrate")]


def test_the_operators_token_and_the_collectors_headers_come_from_secrets():
    web = sources(workloads(render(values=FULL))["tenon-web"])
    assert web["TENON_OPERATOR_TOKEN"] == ("tenon-operator", "token")
    assert web["OTEL_EXPORTER_OTLP_HEADERS"] == ("tenon-otel", "headers")


@pytest.mark.parametrize("file", VALUES_FILES)
def test_no_value_could_be_a_secret(file):
    for path, value in leaves(read_values(file)):
        if SECRET_WORDS.search(path):
            assert path.rpartition(".")[2] in {"existingSecret", "tlsSecret", "imagePullSecrets"}, path
        assert not re.search(r"://[^/\s]*:[^/\s]*@", json.dumps(value)), path


def test_no_value_that_is_admitted_could_be_a_secret():
    schema = json.loads((CHART / "values.schema.json").read_text())
    named = set()

    def walk(part):
        if isinstance(part, dict):
            named.update(part.get("properties", {}) if isinstance(part.get("properties"), dict) else ())
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk({key: value for key, value in schema.items() if key != "definitions"})
    # Groups that hold nothing but the name of a secret, and names of secrets.
    fine = {"existingSecret", "tlsSecret", "imagePullSecrets", "encryption", "operatorToken"}
    assert {name for name in named if SECRET_WORDS.search(name)} == fine
    for group in ("encryption", "operatorToken", "database", "redis"):
        assert set(schema["properties"][group]["properties"]) == {"existingSecret"}
