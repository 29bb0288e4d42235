"""Pods are confined, are watched, and are given the time to finish."""

import pytest

from tests.helm.charts import VALUES_FILES, VARIANTS, container_of, pod_of, render, variables_of, workloads

pytestmark = pytest.mark.xdist_group("helm")

# What is accepted is answered within this time after the draining, or cut off.
ANSWERING_SECONDS = 30
SPARE_SECONDS = 10


@pytest.fixture(params=VARIANTS, ids=[*VALUES_FILES, "full"])
def objects(request):
    file, values = request.param
    return render(file, values)


def test_nobody_is_root_and_nothing_is_allowed_beyond_the_restricted_profile(objects):
    for workload in workloads(objects).values():
        pod = pod_of(workload)
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert container_of(workload)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)


def test_only_tmp_can_be_written_to_and_it_is_bounded(objects):
    for workload in workloads(objects).values():
        volumes = {volume["name"]: volume for volume in pod_of(workload)["volumes"]}
        assert volumes["tmp"]["emptyDir"]["sizeLimit"]
        assert not any("hostPath" in volume for volume in volumes.values())
        mounts = container_of(workload)["volumeMounts"]
        assert [each["mountPath"] for each in mounts if not each.get("readOnly")] == ["/tmp"]
        assert {each["name"] for each in mounts} <= set(volumes)


def test_nobody_has_a_token_of_the_cluster(objects):
    accounts = [each for each in objects if each["kind"] == "ServiceAccount"]
    assert [each["automountServiceAccountToken"] for each in accounts] == [False, False]
    assert not any(pod_of(each)["automountServiceAccountToken"] for each in workloads(objects).values())


def test_no_variables_come_from_the_names_of_services(objects):
    # Services called tenon-… would be variables TENON_…, which Tenon refuses as unknown settings.
    assert not any(pod_of(each)["enableServiceLinks"] for each in workloads(objects).values())


def test_everybody_says_what_they_need_and_no_memory_is_without_limit(objects):
    for workload in workloads(objects).values():
        resources = container_of(workload)["resources"]
        assert set(resources["requests"]) >= {"cpu", "memory"}
        assert "memory" in resources["limits"]
        # A limited CPU stops all requests of a pod for a part of every tenth of a second.
        assert "cpu" not in resources["limits"]


def test_what_runs_is_watched_on_the_metrics_port(objects):
    for name in ("tenon-web", "tenon-worker"):
        container = container_of(workloads(objects)[name])
        for probe, path in (
            ("startupProbe", "/health/live"),
            ("livenessProbe", "/health/live"),
            ("readinessProbe", "/health/ready"),
        ):
            assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}
            assert container[probe]["timeoutSeconds"] >= 2
        patience = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
        assert patience >= 60


@pytest.mark.parametrize("drain", [0, 10, 300])
def test_nobody_is_killed_while_draining_and_answering(drain):
    objects = workloads(render(values={"web": {"drainSeconds": drain}}))
    web = objects["tenon-web"]
    assert variables_of(web)["TENON_DRAIN_SECONDS"]["value"] == str(drain)
    least = drain + ANSWERING_SECONDS + SPARE_SECONDS
    assert pod_of(web)["terminationGracePeriodSeconds"] >= least
    # The worker takes no requests: it has nothing to drain.
    worker = objects["tenon-worker"]
    assert "TENON_DRAIN_SECONDS" not in variables_of(worker)
    assert pod_of(worker)["terminationGracePeriodSeconds"] >= ANSWERING_SECONDS + SPARE_SECONDS


def test_no_pod_goes_before_its_successor_is_ready(objects):
    for workload in workloads(objects).values():
        if workload["kind"] == "Deployment":
            rolling = workload["spec"]["strategy"]["rollingUpdate"]
            assert rolling == {"maxSurge": 1, "maxUnavailable": 0}


def test_pods_are_spread_over_zones_and_nodes(objects):
    for name in ("tenon-web", "tenon-worker"):
        workload = workloads(objects)[name]
        rules = pod_of(workload)["topologySpreadConstraints"]
        assert [rule["topologyKey"] for rule in rules] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]
        for rule in rules:
            assert rule["labelSelector"] == workload["spec"]["selector"]


def test_no_rule_of_spreading_remains_when_none_is_wanted():
    none = {"topologySpread": {"zones": "", "nodes": ""}}
    objects = workloads(render(values={"web": none, "worker": none}))
    assert not any("topologySpreadConstraints" in pod_of(each) for each in objects.values())


def test_another_setting_restarts_the_pods_and_the_same_does_not():
    def sums(**settings):
        objects = workloads(render(values={"settings": settings}))
        return [
            objects[name]["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
            for name in ("tenon-web", "tenon-worker")
        ]

    assert sums() == sums(sessionHours=12)
    assert set(sums()).isdisjoint(sums(sessionHours=8))
