"""What names another object finds it, and selectors select what they should."""

import pytest

from tests.helm.charts import (
    SWITCHES,
    VALUES_FILES,
    VARIANTS,
    container_of,
    of_kind,
    pod_of,
    render,
    render_switched,
    workloads,
)

pytestmark = pytest.mark.xdist_group("helm")

CHANGING = {"app.kubernetes.io/version", "helm.sh/chart"}


@pytest.fixture(params=[*VARIANTS, *SWITCHES], ids=[*VALUES_FILES, "full", *SWITCHES])
def objects(request):
    if isinstance(request.param, str):
        return render_switched(request.param)
    return render(*request.param)


def labels_of(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selected(objects, labels):
    """The names of the workloads whose pods a selector selects."""
    assert labels
    return [name for name, each in workloads(objects).items() if labels.items() <= labels_of(each).items()]


def test_no_two_objects_have_one_name_and_none_names_a_namespace(objects):
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))
    assert not any("namespace" in each["metadata"] for each in objects)


def test_every_object_says_what_it_belongs_to(objects):
    for each in objects:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "tenon"
        assert labels["app.kubernetes.io/instance"] == "tenon"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert {"app.kubernetes.io/component", *CHANGING} <= set(labels)


def test_deployments_select_their_own_pods_by_labels_that_never_change(objects):
    for name, each in of_kind(objects, "Deployment").items():
        labels = each["spec"]["selector"]["matchLabels"]
        assert selected(objects, labels) == [name]
        assert not CHANGING & set(labels)


def test_services_lead_to_one_workload_and_to_a_port_that_it_has(objects):
    services = of_kind(objects, "Service")
    led = {}
    for name, each in services.items():
        [workload] = selected(objects, each["spec"]["selector"])
        [port] = each["spec"]["ports"]
        ports = container_of(workloads(objects)[workload])["ports"]
        assert port["targetPort"] in [known["name"] for known in ports]
        led[name] = (workload, port["targetPort"])
    assert led == {
        "tenon-web": ("tenon-web", "http"),
        "tenon-web-metrics": ("tenon-web", "metrics"),
        "tenon-worker-metrics": ("tenon-worker", "metrics"),
    }


def test_no_load_balancer_leads_to_the_metrics():
    for kind in ("NodePort", "LoadBalancer"):
        services = of_kind(render(values={"web": {"service": {"type": kind}}}), "Service")
        assert services["tenon-web"]["spec"]["type"] == kind
        assert [port["name"] for port in services["tenon-web"]["spec"]["ports"]] == ["http"]
        for name in ("tenon-web-metrics", "tenon-worker-metrics"):
            assert services[name]["spec"]["clusterIP"] == "None"


def test_disruption_budgets_keep_existing_pods(objects):
    for name, each in of_kind(objects, "PodDisruptionBudget").items():
        assert selected(objects, each["spec"]["selector"]["matchLabels"]) == [name]
        # With a least number of pods, a single one would keep its node from being emptied.
        assert each["spec"]["maxUnavailable"] >= 1
        assert "minAvailable" not in each["spec"]


def test_the_autoscaler_scales_what_has_no_number_of_its_own(objects):
    scaled = [each["spec"]["scaleTargetRef"] for each in of_kind(objects, "HorizontalPodAutoscaler").values()]
    deployments = of_kind(objects, "Deployment")
    for target in scaled:
        assert (target["apiVersion"], target["kind"]) == ("apps/v1", "Deployment")
        assert "cpu" in container_of(deployments[target["name"]])["resources"]["requests"]
    names = {target["name"] for target in scaled}
    assert {name for name, each in deployments.items() if "replicas" not in each["spec"]} == names


def test_routes_lead_from_the_public_host_to_requests_only(objects):
    services = of_kind(objects, "Service")
    for each in of_kind(objects, "Ingress").values():
        [rule] = each["spec"]["rules"]
        assert rule["host"] == "tenon.example.com"
        [path] = rule["http"]["paths"]
        assert path["backend"]["service"] == {"name": "tenon-web", "port": {"name": "http"}}
        for tls in each["spec"].get("tls", []):
            assert tls["hosts"] == ["tenon.example.com"]
    for each in of_kind(objects, "HTTPRoute").values():
        assert each["apiVersion"] == "gateway.networking.k8s.io/v1"
        assert each["spec"]["hostnames"] == ["tenon.example.com"]
        assert each["spec"]["parentRefs"]
        [rule] = each["spec"]["rules"]
        [port] = services["tenon-web"]["spec"]["ports"]
        assert rule["backendRefs"] == [{"name": "tenon-web", "port": port["port"]}]


def test_the_monitor_reads_the_metrics_of_web_and_worker(objects):
    for each in of_kind(objects, "ServiceMonitor").values():
        labels = each["spec"]["selector"]["matchLabels"]
        [endpoint] = each["spec"]["endpoints"]
        assert endpoint["path"] == "/metrics"
        read = [
            name
            for name, service in of_kind(objects, "Service").items()
            if labels.items() <= service["metadata"]["labels"].items()
            and endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
        ]
        assert read == ["tenon-web-metrics", "tenon-worker-metrics"]


def test_accounts_and_settings_that_pods_name_are_there(objects):
    accounts = of_kind(objects, "ServiceAccount")
    for each in workloads(objects).values():
        named = pod_of(each)["serviceAccountName"]
        assert named in accounts or not accounts
        for source in container_of(each).get("envFrom", ()):
            assert source["configMapRef"]["name"] in of_kind(objects, "ConfigMap")


def test_the_migration_runs_before_everything_and_brings_what_it_needs(objects):
    hooks = [each for each in objects if "helm.sh/hook" in each["metadata"].get("annotations", {})]
    jobs = of_kind(objects, "Job")
    assert {each["metadata"]["name"] for each in hooks} == ({"tenon-migrate"} if jobs else set())
    for each in hooks:
        annotations = each["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        # What failed stays to be looked at, and goes before the next attempt.
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
        weight = int(annotations["helm.sh/hook-weight"])
        assert weight == 0 if each["kind"] == "Job" else weight < 0
    # Nothing of the release itself exists before the first installation.
    for job in jobs.values():
        account = pod_of(job)["serviceAccountName"]
        made = [each["metadata"]["name"] for each in hooks if each["kind"] == "ServiceAccount"]
        assert made == ([account] if of_kind(objects, "ServiceAccount") else [])


def test_two_releases_in_one_namespace_do_not_meet():
    one, other = render(), render(release="second")
    names = {(each["kind"], each["metadata"]["name"]) for each in one}
    assert names.isdisjoint((each["kind"], each["metadata"]["name"]) for each in other)
    for each in of_kind(other, "Deployment").values():
        assert selected(one, each["spec"]["selector"]["matchLabels"]) == []


def test_names_that_are_given_are_taken():
    objects = render(values={"fullnameOverride": "hub", "nameOverride": "identity"})
    assert set(of_kind(objects, "Deployment")) == {"hub-web", "hub-worker"}
    assert {each["metadata"]["labels"]["app.kubernetes.io/name"] for each in objects} == {"identity"}
