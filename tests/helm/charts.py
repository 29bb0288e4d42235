"""The chart as Helm renders it: each set of values once, as objects."""

import json
from functools import cache

import yaml

from tests.helm.binary import run_helm
from tests.repository import ROOT

CHART = ROOT / "helm" / "tenon"
VALUES_FILES = tuple(sorted(path.name for path in CHART.glob("values*.yaml")))
RELEASE, NAMESPACE = "tenon", "tenon"

# What every operator has to say.
REQUIRED = {
    "publicUrl": "https://tenon.example.com",
    "image": {"repository": "images.example.com/tenon"},
}

# What a switch needs beside itself.
COMPANIONS = {"httpRoute.enabled": {"httpRoute": {"parentRefs": [{"name": "public"}]}}}

# Everything that is optional, used.
FULL = {
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "images"}],
    "operatorToken": {"existingSecret": "tenon-operator"},
    "migrations": {"tolerations": [{"key": "tenon", "operator": "Exists"}], "priorityClassName": "high"},
    "web": {
        "service": {"annotations": {"example.com/note": "one"}},
        "nodeSelector": {"example.com/pool": "web"},
        "tolerations": [{"key": "tenon", "operator": "Equal", "value": "web", "effect": "NoSchedule"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "high",
    },
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tenon-tls"},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]},
    "networkPolicy": {"httpFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "privateRanges": []},
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    },
    "otel": {"endpoint": "http://collector.example.com:4318", "existingSecret": "tenon-otel"},
    "serviceAccount": {"annotations": {"example.com/identity": "tenon"}},
    "podLabels": {"example.com/team": "identity"},
    "podAnnotations": {"example.com/note": "one"},
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
    "extraVolumeMounts": [{"name": "authority", "mountPath": "/etc/authority"}],
}

# Each values file as it is, and everything at once.
VARIANTS = [*((file, {}) for file in VALUES_FILES), ("values.yaml", FULL)]


def merge(values, others):
    """Merge as Helm does: maps key by key, everything else as a whole."""
    merged = dict(values)
    for key, other in others.items():
        both = isinstance(other, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], other) if both else other
    return merged


def nest(path, value):
    """`nest("a.b", 1)` is `{"a": {"b": 1}}`."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def leaves(values, path=""):
    """Every value that is no map with keys, with its path."""
    for name, value in values.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        else:
            yield here, value


@cache
def read_values(file="values.yaml"):
    return yaml.safe_load((CHART / file).read_text(encoding="utf-8"))


SWITCHES = tuple(
    path
    for path, value in leaves(read_values())
    if isinstance(value, bool) and not path.startswith("settings.")
)


def ask(command, file="values.yaml", values=None, *, release=RELEASE):
    """Let Helm do something with the chart under a file of values and further ones."""
    given = json.dumps(merge(REQUIRED, values or {}))
    names = [] if command[0] == "lint" else [release, "--namespace", NAMESPACE]
    return run_helm(*command, *names, CHART, "--values", CHART / file, "--values", "-", stdin=given)


def render(file="values.yaml", values=None, *, release=RELEASE):
    """All objects that the values make; whoever gets them must not change them."""
    return _render(file, json.dumps(values or {}), release)


@cache
def _render(file, values, release):
    done = ask(["template"], file, json.loads(values), release=release)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if document]


def render_switched(path):
    """All objects when one switch stands the other way."""
    value = read_values()
    for name in path.split("."):
        value = value[name]
    return render(values=merge(COMPANIONS.get(path, {}), nest(path, not value)))


def of_kind(objects, *kinds):
    return {each["metadata"]["name"]: each for each in objects if each["kind"] in kinds}


def workloads(objects):
    """What makes pods: the deployments and the job, by name."""
    return of_kind(objects, "Deployment", "Job")


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def container_of(workload):
    [container] = pod_of(workload)["containers"]
    return container


def variables_of(workload):
    """The variables that the container's own list sets, by name."""
    return {variable["name"]: variable for variable in container_of(workload)["env"]}
