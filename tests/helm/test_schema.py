"""A wrong value is refused with its path, before anything is made."""

import json
from functools import cache

import pytest

from tests.helm.charts import CHART, ask, leaves, merge, nest, read_values

pytestmark = pytest.mark.xdist_group("helm")

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

# Where keys are whatever the operator, or Kubernetes, calls them.
FREE = {
    "global",
    "labels",
    "annotations",
    "podLabels",
    "podAnnotations",
    "nodeAffinity",
    "podAffinity",
    "podAntiAffinity",
    "matchExpressions",
    "ports",
    "secretKeyRef",
    "configMapKeyRef",
    "fieldRef",
    "resourceFieldRef",
    "extraVolumes",
}

WRONG = [
    ("publicUrl", "http://tenon.example.com", "/publicUrl"),
    ("publicUrl", "https://tenon.example.com/", "/publicUrl"),
    ("publicUrl", "https://user:word@tenon.example.com", "/publicUrl"),
    ("publicUrl", "", "/publicUrl"),
    ("image.repository", "", "/image/repository"),
    ("image.repository", "images.example.com/tenon:1.0", "/image/repository"),
    ("image.tag", 1.0, "/image/tag"),
    ("image.digest", "sha256:123", "/image/digest"),
    ("image.pullPolicy", "Sometimes", "/image/pullPolicy"),
    ("imagePullSecrets", ["images"], "/imagePullSecrets/0"),
    ("database.url", "postgresql://somewhere", "/database"),
    ("database.existingSecret", "", "/database/existingSecret"),
    ("redis.existingSecret", "Tenon_Redis", "/redis/existingSecret"),
    ("encryption.keys", "k1:…", "/encryption"),
    ("encryption.existingSecret", None, "/encryption"),
    ("migrations.activeDeadlineSeconds", 0, "/migrations/activeDeadlineSeconds"),
    ("settings.sessionHours", "12", "/settings/sessionHours"),
    ("settings.sessionHours", 0, "/settings/sessionHours"),
    ("settings.webhookHttp", "on", "/settings/webhookHttp"),
    ("settings.logLevel", "verbose", "/settings/logLevel"),
    ("settings.sesionHours", 12, "/settings"),
    ("web.replicas", 0, "/web/replicas"),
    ("web.replicas", 1.5, "/web/replicas"),
    ("web.databasePool", 1, "/web/databasePool"),
    ("web.drainSeconds", 601, "/web/drainSeconds"),
    ("web.autoscaling.maxReplicas", "6", "/web/autoscaling/maxReplicas"),
    ("web.podDisruptionBudget.maxUnavailable", 0, "/web/podDisruptionBudget/maxUnavailable"),
    ("web.topologySpread.zones", "Sometimes", "/web/topologySpread/zones"),
    ("web.service.type", "ExternalName", "/web/service/type"),
    ("web.service.port", 70000, "/web/service/port"),
    ("web.resources.limits.memory", "much", "/web/resources/limits/memory"),
    ("web.resources.limits.memory", None, "/web/resources/limits"),
    ("web.resources.limits.gpu", 1, "/web/resources/limits"),
    ("web.securityContext", {"runAsUser": 0}, "/web"),
    ("worker.tolerations", [{"key": "a", "operater": "Exists"}], "/worker/tolerations/0"),
    ("worker.autoscaling", {"enabled": True}, "/worker"),
    ("ingress.pathType", "Exact", "/ingress/pathType"),
    ("ingress.hosts", ["tenon.example.com"], "/ingress"),
    ("httpRoute.enabled", True, "/httpRoute/parentRefs"),
    ("networkPolicy.privateRanges", ["10.0.0.0"], "/networkPolicy/privateRanges/0"),
    ("networkPolicy.httpFrom", [{}], "/networkPolicy/httpFrom/0"),
    (
        "networkPolicy.httpFrom",
        [{"ipBlock": {"cidr": "everywhere"}}],
        "/networkPolicy/httpFrom/0/ipBlock/cidr",
    ),
    ("networkPolicy.database.ports", [], "/networkPolicy/database/ports"),
    ("metrics.serviceMonitor.interval", "30", "/metrics/serviceMonitor/interval"),
    ("otel.endpoint", "collector:4318", "/otel/endpoint"),
    ("otel.endpoint", "http://user:word@collector:4318", "/otel/endpoint"),
    ("otel.sampleRatio", 2, "/otel/sampleRatio"),
    ("podLabels", {"app.kubernetes.io/component": "other"}, "/podLabels/app.kubernetes.io~1component"),
    ("podAnnotations", {"checksum/settings": "none"}, "/podAnnotations/checksum~1settings"),
    ("extraEnv", [{"name": "TENON_WORKERS", "value": "4"}], "/extraEnv/0/name"),
    ("extraEnv", [{"name": "PGPASSWORD", "value": "word"}], "/extraEnv/0"),
    ("extraEnv", [{"name": "api_token", "value": "word"}], "/extraEnv/0"),
    ("extraEnv", [{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "a=b"}], "/extraEnv/0"),
    ("extraVolumes", [{"name": "tmp", "emptyDir": {}}], "/extraVolumes/0/name"),
    ("extraVolumes", [{"name": "host", "hostPath": {"path": "/"}}], "/extraVolumes/0/hostPath"),
    ("extraVolumeMounts", [{"name": "a", "mountPath": "/a", "readOnly": False}], "/extraVolumeMounts/0"),
    ("tmpSizeLimit", "1 GB", "/tmpSizeLimit"),
    ("replicas", 3, ""),
]


def batches():
    """The wrong values in few lots, each without two at one path and without two that are told alike."""
    lots = []
    for path, value, told in WRONG:
        for lot in lots:
            if all(path != other and told != said for other, _, said in lot):
                lot.append((path, value, told))
                break
        else:
            lots.append([(path, value, told)])
    return lots


@cache
def refusals():
    """What Helm says of each wrong value, by its path and what it is told as."""
    said = {}
    for lot in batches():
        values = {}
        for path, value, _ in lot:
            values = merge(values, nest(path, value))
        done = ask(["template"], values=values)
        assert done.returncode == 1
        assert not done.stdout
        said |= {(path, str(value)): done.stderr for path, value, _ in lot}
    return said


@pytest.mark.parametrize(
    ("path", "value", "told"), WRONG, ids=[f"{path}={value}" for path, value, _ in WRONG]
)
def test_a_wrong_value_is_refused_with_its_path(path, value, told):
    assert f"at '{told}'" in refusals()[path, str(value)]


@pytest.mark.parametrize("repository", ["tenon", "images.example.com:5000/group/tenon"])
def test_right_values_are_taken(repository):
    password = {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    right = {
        "publicUrl": "https://tenon.example.com:8443",
        "image": {"repository": repository},
        "web": {"resources": {"limits": {"cpu": 2}}, "podDisruptionBudget": {"maxUnavailable": "25%"}},
        "networkPolicy": {"privateRanges": []},
        "extraEnv": [password],
        "global": {"anything": "of a parent chart"},
    }
    done = ask(["template"], values=right)
    assert done.returncode == 0, done.stderr


def test_fewer_pods_at_most_than_at_least_are_refused_with_both_paths():
    done = ask(["template"], values={"web": {"autoscaling": {"minReplicas": 7}}})
    assert done.returncode == 1
    assert "web.autoscaling.minReplicas is 7, more than web.autoscaling.maxReplicas" in done.stderr


def resolve(part):
    name = part.get("$ref", "").rpartition("/")[2]
    return resolve(SCHEMA["definitions"][name]) if name else part


def test_the_schema_knows_every_value_and_demands_it():
    def walk(values, schema, path=""):
        schema = resolve(schema)
        known = schema.get("properties", {})
        for name, value in values.items():
            here = f"{path}.{name}"
            if name in FREE or not known:
                continue
            assert name in known, here
            if "required" in schema:
                assert name in schema["required"], here
            if isinstance(value, dict):
                walk(value, known[name], here)

    walk(read_values(), SCHEMA)
    assert SCHEMA["required"] == [name for name in SCHEMA["properties"] if name != "global"]


def test_nothing_that_is_not_foreseen_is_taken():
    def walk(schema, name):
        if not isinstance(schema, dict):
            return
        if name not in FREE and (schema.get("type") == "object" or "properties" in schema) and name != "then":
            assert schema.get("additionalProperties") is False, name
        for inner, part in schema.get("properties", {}).items():
            walk(part, inner)
        if "items" in schema and name not in FREE:
            walk(schema["items"], f"{name}[]")

    for name, part in SCHEMA["properties"].items():
        walk(part, name)
    for name, part in SCHEMA["definitions"].items():
        walk(part, name)


def test_defaults_lack_only_what_every_operator_has_to_say():
    done = ask(["template"], values={"publicUrl": "", "image": {"repository": ""}})
    refused = {
        line.partition("'")[2].partition("'")[0] for line in done.stderr.splitlines() if "at '" in line
    }
    assert refused == {"/publicUrl", "/image/repository"}
    assert all(value is not None for _, value in leaves(read_values()))
