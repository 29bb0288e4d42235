"""Network policies let through what Tenon uses, and nothing else."""

from ipaddress import ip_address, ip_network

import pytest

from tests.helm.charts import VALUES_FILES, VARIANTS, container_of, of_kind, render, workloads

pytestmark = pytest.mark.xdist_group("helm")

DATABASE, REDIS, HTTPS, COLLECTOR = 5432, 6379, 443, 4318


@pytest.fixture(params=VARIANTS, ids=[*VALUES_FILES, "full"])
def objects(request):
    file, values = request.param
    return render(file, values)


def ports(rules, protocol="TCP"):
    return [port["port"] for rule in rules for port in rule["ports"] if port["protocol"] == protocol]


def rule_for(rules, port):
    [rule] = [rule for rule in rules if port in [each["port"] for each in rule["ports"]]]
    return rule


def reaches(rule, address):
    """Whether a rule lets out to an address; without peers it lets out to everyone."""
    wanted = ip_address(address)
    if "to" not in rule:
        return True
    blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
    return any(
        wanted in ip_network(block["cidr"])
        and not any(wanted in ip_network(each) for each in block.get("except", ()))
        for block in blocks
    )


def test_every_pod_has_one_policy_in_both_directions(objects):
    policies = of_kind(objects, "NetworkPolicy")
    for name, workload in workloads(objects).items():
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        held = [
            policy
            for policy, each in policies.items()
            if each["spec"]["podSelector"]["matchLabels"].items() <= labels
        ]
        assert held == [name]
        assert policies[name]["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_every_port_of_a_container_can_be_reached_and_no_other(objects):
    for name, workload in workloads(objects).items():
        rules = of_kind(objects, "NetworkPolicy")[name]["spec"].get("ingress", [])
        assert ports(rules) == [port["name"] for port in container_of(workload).get("ports", [])]


def test_metrics_are_for_the_monitoring_alone():
    rules = of_kind(render(), "NetworkPolicy")["tenon-web"]["spec"]["ingress"]
    assert "from" not in rule_for(rules, "http")
    assert rule_for(rules, "metrics")["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]


def test_requests_come_from_where_the_operator_says():
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}
    policies = of_kind(render(values={"networkPolicy": {"httpFrom": [peer]}}), "NetworkPolicy")
    assert rule_for(policies["tenon-web"]["spec"]["ingress"], "http")["from"] == [peer]


def test_every_port_that_is_used_is_let_out_and_no_other(objects):
    policies = of_kind(objects, "NetworkPolicy")
    settings = of_kind(objects, "ConfigMap")["tenon"]["data"]
    collector = [COLLECTOR] if "OTEL_EXPORTER_OTLP_ENDPOINT" in settings else []
    for name in ("tenon-web", "tenon-worker"):
        rules = policies[name]["spec"]["egress"]
        assert ports(rules) == [53, DATABASE, REDIS, HTTPS, *collector]
        assert ports(rules, "UDP") == [53]
    migration = policies["tenon-migrate"]["spec"]["egress"]
    assert ports(migration) == [53, DATABASE]
    assert ports(migration, "UDP") == [53]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://collector.example.com", 80),
        ("https://collector.example.com", 443),
        ("https://collector.example.com:8443/otlp", 8443),
    ],
)
def test_the_port_of_the_collector_is_that_of_its_address(endpoint, port):
    rules = of_kind(render(values={"otel": {"endpoint": endpoint}}), "NetworkPolicy")["tenon-web"]["spec"][
        "egress"
    ]
    assert ports(rules[-1:]) == [port]


@pytest.mark.parametrize("endpoint", ["http://collector.example.com", "https://collector.example.com"])
def test_a_collector_at_a_port_of_the_web_opens_no_private_network(endpoint):
    rules = of_kind(render(values={"otel": {"endpoint": endpoint}}), "NetworkPolicy")["tenon-worker"]["spec"][
        "egress"
    ]
    web = [rule for rule in rules if {80, 443} & {each["port"] for each in rule["ports"]}]
    assert web
    assert not [rule for rule in web if reaches(rule, "169.254.169.254") or reaches(rule, "10.1.2.3")]


def test_https_goes_out_to_the_world_and_not_into_private_networks():
    rule = rule_for(of_kind(render(), "NetworkPolicy")["tenon-worker"]["spec"]["egress"], HTTPS)
    for address in ("198.51.100.7", "8.8.8.8", "2606:4700::1"):
        assert reaches(rule, address)
    for address in (
        "10.1.2.3",
        "172.20.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "fd00::1",
        "fe80::1",
    ):
        assert not reaches(rule, address)


def test_private_networks_are_reached_when_the_operator_says_so():
    values = {"networkPolicy": {"privateRanges": ["169.254.0.0/16"]}}
    rule = rule_for(of_kind(render(values=values), "NetworkPolicy")["tenon-web"]["spec"]["egress"], HTTPS)
    assert reaches(rule, "10.1.2.3")
    assert reaches(rule, "fd00::1")
    assert not reaches(rule, "169.254.169.254")


def test_database_and_redis_can_be_narrowed_to_where_they_are():
    peer = [{"ipBlock": {"cidr": "192.0.2.10/32"}}]
    values = {
        "networkPolicy": {"database": {"to": peer, "ports": [5433]}, "redis": {"to": peer, "ports": [6380]}}
    }
    policies = of_kind(render(values=values), "NetworkPolicy")
    for name in ("tenon-web", "tenon-worker"):
        rules = policies[name]["spec"]["egress"]
        assert rule_for(rules, 5433)["to"] == rule_for(rules, 6380)["to"] == peer
    assert rule_for(policies["tenon-migrate"]["spec"]["egress"], 5433)["to"] == peer
