"""The dashboard: Grafana can read it, every panel explains itself and asks for what there is."""

import itertools
import json
import re

import promql_parser
import pytest

from tests.documents import read
from tests.monitoring.expressions import foreign_labels, metrics_of
from tests.monitoring.known import known_metrics
from tests.monitoring.nights import rules
from tests.repository import ROOT

FILE = ROOT / "helm" / "tenon" / "dashboards" / "tenon.json"
DASHBOARD = json.loads(FILE.read_text())
ROWS = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

_OF_PROCESSES = {"process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes"}


def expressions(panel):
    """What a panel asks for, with Grafana's variables filled in."""
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", "5m")
        yield re.sub(r"\$(namespace|product)\b", ".*", expression)


def test_grafana_knows_its_form():
    assert DASHBOARD["schemaVersion"] >= 39
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("tenon", "Tenon")
    assert all("id" not in variable for variable in DASHBOARD["templating"]["list"])


def test_whoever_looks_picks_data_source_namespace_and_product():
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "namespace", "product"]
    assert variables["datasource"]["query"] == "prometheus"
    for name in ("namespace", "product"):
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variables[name]["definition"]).groups()
        assert (metric in known_metrics(), label) == (True, name)
        # Where there is no such label, everything matches.
        assert variables[name]["allValue"] == ".*"


def test_no_two_panels_have_one_number():
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))


def test_panels_lie_beside_each_other_and_fill_the_page():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            )
        )
        assert max(x for x, _ in cells) < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len(taken) == 24 * (1 + max(y for _, y in taken))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_explains_itself(panel):
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    references = [target["refId"] for target in panel["targets"]]
    assert references
    assert len(references) == len(set(references))
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_asks_for_what_there_is(panel):
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for expression in expressions(panel):
        promql_parser.parse(expression)
        assert metrics_of(expression) <= known_metrics() | recorded | _OF_PROCESSES
        assert foreign_labels(expression) == set()
        assert 'namespace=~".*"' in expression


def test_every_metric_is_shown_somewhere():
    shown = set().union(*(metrics_of(text) for panel in PANELS for text in expressions(panel)))
    # How many wait is told by how long they do.
    assert known_metrics() - shown == {"tenon_order_queries_due"}


def test_the_guide_goes_through_the_rows_in_their_order():
    section = read("docs/monitoring.md").partition("## Read the dashboard")[2].partition("\n## ")[0]
    assert re.findall(r"\*\*(.+?)\*\*", section) == [row["title"] for row in ROWS]
    assert set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", section)) <= {panel["title"] for panel in PANELS}
