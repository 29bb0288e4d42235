"""The alert rules as a file: Prometheus takes it, each alert is complete, tried out and explained."""

import re

from tests.documents import anchors, read
from tests.monitoring.expressions import foreign_labels, metrics_of
from tests.monitoring.known import known_metrics
from tests.monitoring.nights import RULES, alerts, promtool, rules
from tests.repository import ROOT

_HEADING = re.compile(r"^### (Tenon\w+)$", re.MULTILINE)


def test_prometheus_takes_the_file():
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


def test_each_alert_says_how_bad_it_is_and_what_it_means():
    for name, alert in alerts().items():
        assert alert["labels"] in ({"severity": "critical"}, {"severity": "warning"}), name
        told = alert["annotations"]
        assert set(told) == {"summary", "description", "runbook"}, name
        assert "{{" not in told["summary"], name
        assert len(told["summary"]) <= 80, name
        assert "\n" not in told["description"].strip(), name
        assert told["description"].endswith("."), name


def test_each_alert_leads_to_its_part_of_the_guide():
    for name, alert in alerts().items():
        path, anchor = alert["annotations"]["runbook"].split("#")
        assert anchor == name.lower()
        assert (ROOT / path).exists()
        assert anchor in anchors(read(path)), name


def test_the_guide_explains_the_alerts_that_there_are_in_their_order():
    assert _HEADING.findall(read("docs/monitoring.md")) == sorted(alerts(), key=list(alerts()).index)


def test_alerts_named_in_the_guides_exist():
    for path in ("docs/monitoring.md", "docs/operating.md"):
        assert set(re.findall(r"\bTenon[A-Z]\w+", read(path))) <= set(alerts()), path


def test_each_alert_is_seen_to_fire_and_to_be_quiet():
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "monitoring").glob("test_*_alerts.py"))
    assert {name for name in alerts() if f'"{name}"' not in tests} == set()


def test_names_are_not_given_twice():
    names = [rule.get("alert") or rule["record"] for rule in rules()]
    assert len(names) == len(set(names))


def test_rules_ask_for_metrics_and_labels_that_there_are():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    foreign = {"up", "process_start_time_seconds", "kube_pod_status_ready"}
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        assert metrics_of(rule["expr"]) <= known_metrics() | recorded | foreign, name
        assert foreign_labels(rule["expr"]) == set(), name


def test_every_rule_keeps_installations_apart_that_share_a_prometheus():
    for rule in rules():
        groupings = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"])
        assert all("namespace" in re.split(r",\s*", labels) for labels in groupings), rule
        assert "without" not in rule["expr"], rule
