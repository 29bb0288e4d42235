"""Nights for the alert rules to watch: a Tenon at rest, what a test changes in it, which alerts fire when.

promtool evaluates the rules over the series as Prometheus would; time begins at zero.
"""

import json
import subprocess
from functools import cache

import yaml

from tests.monitoring.promtool import find_promtool
from tests.repository import ROOT

RULES = ROOT / "helm" / "tenon" / "alerts" / "tenon.yaml"

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = {"m": _MINUTE, "h": _HOUR, "d": _DAY}

WEB = 'namespace="tenon", job="tenon-web", instance="web-1", pod="web-1"'
WORKER = 'namespace="tenon", job="tenon-worker", instance="worker-1", pod="worker-1"'


@cache
def groups():
    """The groups of rules."""
    return yaml.safe_load(RULES.read_text())["groups"]


def rules():
    """All rules, recording ones included."""
    return [rule for group in groups() for rule in group["rules"]]


def alerts():
    """The alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def series(name, labels="", where=WEB):
    """The name of a series of the web process, or of another place."""
    return f"{name}{{{', '.join(part for part in (labels, where) if part)}}}"


def counter(*times, until, step="5m", born=None):
    """Values of a counter that counts at these times; it does not exist before `born`, nor before the first.

    That is how the client's counters with labels behave: their series begin at one.
    """
    counted = sorted(seconds(time) for time in times)
    begins = counted[0] if born is None else seconds(born)
    width = seconds(step)
    return " ".join(
        "_" if at < begins else str(sum(time <= at for time in counted))
        for at in range(0, seconds(until) + 1, width)
    )


def steady(value, until, step="5m"):
    """The same value all the time."""
    return f"{value}x{seconds(until) // seconds(step)}"


def seconds(text):
    """The length of `90m`, `2h` or `3d`."""
    return int(text[:-1]) * _UNITS[text[-1]]


def at_rest(until, step):
    """A quiet night: everything works, and hardly anything happens."""
    found = {
        f'kube_pod_status_ready{{namespace="tenon", pod="{pod}", condition="true"}}': "1"
        for pod in ("web-1", "worker-1")
    }
    for where in (WEB, WORKER):
        found |= {
            series("up", where=where): "1",
            series("process_start_time_seconds", where=where): "-86400",
            series("tenon_build_info", 'version="0.1.0"', where): "1",
            series("tenon_database_up", where=where): "1",
            series("tenon_redis_up", where=where): "1",
            series("tenon_held_syncs", where=where): "0",
            series("tenon_held_sync_oldest_seconds", where=where): "0",
            series("tenon_event_lag_seconds", where=where): "0",
            series("tenon_webhook_lag_seconds", where=where): "0",
            series("tenon_webhook_endpoints", 'state="healthy"', where): "3",
            series("tenon_webhook_endpoints", 'state="failing"', where): "0",
            series("tenon_webhook_endpoints", 'state="disabled"', where): "1",
            series("tenon_logout_lag_seconds", where=where): "0",
            series("tenon_order_query_lag_seconds", where=where): "0",
            series("tenon_unchecked_nonces_total", where=where): "0",
            series("tenon_scrape_failures_total", where=where): "0",
        }
    found = {name: steady(value, until, step) for name, value in found.items()}
    beats = f"0+{seconds(step)}x{seconds(until) // seconds(step)}"
    for loop in ("delivery", "departures", "settling"):
        found[series("tenon_worker_heartbeat_timestamp_seconds", f'loop="{loop}"', WORKER)] = beats
    return found


def cry(tmp_path, changed, expected, *, step="5m", every="5m", texts=None):
    """Have promtool say whether exactly the expected alerts fire at each of these times.

    Args:
        tmp_path: A folder for promtool's file.
        changed: Values by series, beside or instead of those at rest; None takes a series away.
        expected: Names of alerts by time.
        step: Between two values.
        every: Between two evaluations.
        texts: Labels and annotations of the alerts of some name, by time and name.
    """
    until = max(expected, key=seconds)
    values = {**at_rest(until, step), **changed}
    test = {
        "interval": step,
        "input_series": [
            {"series": name, "values": told} for name, told in values.items() if told is not None
        ],
        "promql_expr_test": [
            {
                "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": time,
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(names)],
            }
            for time, names in expected.items()
        ],
        "alert_rule_test": [
            {"eval_time": time, "alertname": name, "exp_alerts": told}
            for (time, name), told in (texts or {}).items()
        ],
    }
    # JSON is YAML too.
    path = tmp_path / "night.yaml"
    file = {
        "rule_files": [str(RULES)],
        "evaluation_interval": every,
        "group_eval_order": [group["name"] for group in groups()],
        "tests": [test],
    }
    path.write_text(json.dumps(file))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def promtool(*arguments):
    """Run promtool."""
    return subprocess.run(
        [find_promtool(), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
