"""What Helm makes of the chart is what Kubernetes takes, under every file of values and every switch."""

import json
import tomllib
from functools import cache

import kubernetes_validate
import pytest
import yaml

from tests.documents import read
from tests.helm.charts import (
    CHART,
    FULL,
    NAMESPACE,
    REQUIRED,
    SWITCHES,
    VALUES_FILES,
    ask,
    of_kind,
    render,
    render_switched,
    workloads,
)

pytestmark = pytest.mark.xdist_group("helm")

# The oldest that the chart admits, and the newest that the schemas know.
VERSIONS = ("1.27", "1.37")
# Kinds of others, whose schemas are not Kubernetes' own.
FOREIGN = {"HTTPRoute", "ServiceMonitor", "PrometheusRule"}


@cache
def validate(text, version):
    kubernetes_validate.validate(json.loads(text), version, strict=True)


def assert_valid(objects):
    for each in objects:
        if each["kind"] not in FOREIGN:
            for version in VERSIONS:
                validate(json.dumps(each, sort_keys=True), version)


def test_there_are_values_for_small_large_and_china():
    assert set(VALUES_FILES) == {"values.yaml", "values-small.yaml", "values-large.yaml", "values-china.yaml"}


@pytest.mark.parametrize("file", VALUES_FILES)
def test_helm_has_nothing_against_the_chart(file):
    done = ask(["lint", "--strict"], file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "level=WARN" not in done.stderr


@pytest.mark.parametrize("file", VALUES_FILES)
def test_kubernetes_takes_what_is_rendered(file):
    objects = render(file)
    assert set(workloads(objects)) == {"tenon-web", "tenon-worker", "tenon-migrate"}
    assert_valid(objects)


def test_kubernetes_takes_it_with_everything_optional_used():
    assert_valid(render(values=FULL))


@pytest.mark.parametrize("switch", SWITCHES)
def test_kubernetes_takes_it_with_the_switch_the_other_way(switch):
    objects = render_switched(switch)
    assert objects != render()
    assert_valid(objects)


def test_the_oldest_version_that_is_validated_is_the_oldest_that_the_chart_admits():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["kubeVersion"] == f">={VERSIONS[0]}.0-0"


def test_an_unknown_field_would_be_seen():
    wrong = json.loads(
        json.dumps(workloads(render())["tenon-web"]).replace("revisionHistoryLimit", "history")
    )
    with pytest.raises(kubernetes_validate.ValidationError, match="history"):
        validate(json.dumps(wrong), VERSIONS[-1])


@pytest.mark.parametrize("file", VALUES_FILES)
def test_the_same_values_make_the_same_objects(file):
    assert ask(["template"], file).stdout == ask(["template"], file).stdout


def test_chart_and_application_have_the_same_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == tomllib.loads(read("pyproject.toml"))["project"]["version"]


def test_the_image_is_that_of_the_version_unless_a_tag_or_a_digest_says_otherwise():
    def image(**values):
        objects = workloads(render(values={"image": values}))
        [one] = {each["spec"]["template"]["spec"]["containers"][0]["image"] for each in objects.values()}
        return one

    repository = REQUIRED["image"]["repository"]
    digest = "sha256:" + "1" * 64
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert image() == f"{repository}:{version}"
    assert image(tag="next") == f"{repository}:next"
    assert image(tag="next", digest=digest) == f"{repository}@{digest}"


def test_the_alerts_and_the_dashboard_are_those_of_the_files():
    objects = render(values=FULL)
    [rule] = of_kind(objects, "PrometheusRule").values()
    assert rule["spec"] == yaml.safe_load((CHART / "alerts" / "tenon.yaml").read_text(encoding="utf-8"))
    dashboard = of_kind(objects, "ConfigMap")["tenon-dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    shown = (CHART / "dashboards" / "tenon.json").read_text(encoding="utf-8")
    assert json.loads(dashboard["data"]["tenon.json"]) == json.loads(shown)


def test_the_notes_name_the_secrets_and_the_connections():
    done = ask(["install", "--dry-run=client"])
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert "https://tenon.example.com" in notes
    for secret in ("tenon-database", "tenon-redis", "tenon-encryption", "tenon-migrations"):
        assert secret in notes
    # 6 pods and 2 workers with 10 connections each.
    assert "PostgreSQL must allow 80 connections" in notes
    assert f"-n {NAMESPACE} " in notes
