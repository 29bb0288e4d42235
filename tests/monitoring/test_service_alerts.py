"""Alerts about the service itself: database, Redis, pods, requests, and what is scraped."""

import pytest

from tests.monitoring.nights import WEB, cry, series


def test_a_database_that_is_away_calls_somebody(tmp_path):
    away = {series("tenon_database_up"): "1x6 0x6"}
    cry(tmp_path, away, {"30m": set(), "40m": {"TenonDatabaseDown"}})


def test_a_database_that_is_away_for_one_scrape_calls_nobody(tmp_path):
    cry(tmp_path, {series("tenon_database_up"): "1x6 0 1x6"}, {"35m": set(), "40m": set()})


def test_a_redis_that_is_away_calls_somebody(tmp_path):
    away = {series("tenon_redis_up"): "1x6 0x6"}
    cry(tmp_path, away, {"30m": set(), "40m": {"TenonRedisDown"}})


def test_a_pod_that_runs_and_is_not_ready_is_told(tmp_path):
    unready = {'kube_pod_status_ready{namespace="tenon", pod="web-1", condition="true"}': "1x6 0x6"}
    cry(tmp_path, unready, {"45m": set(), "50m": {"TenonNotReady"}})


def test_a_pod_of_somebody_else_that_is_not_ready_is_not_told(tmp_path):
    foreign = {'kube_pod_status_ready{namespace="shop", pod="shop-1", condition="true"}': "0x12"}
    cry(tmp_path, foreign, {"1h": set()})


def requests(status, route="/oauth2/token"):
    return series("tenon_requests_total", f'route="{route}", method="POST", status="{status}"')


def test_requests_that_fail_call_somebody(tmp_path):
    failing = {requests(200): "0+50x12", requests(503): "0x2 0+5x10"}
    cry(tmp_path, failing, {"10m": set(), "30m": {"TenonRequestsFailing"}})


@pytest.mark.parametrize(
    "failing",
    [
        {requests(200): "0+500x12", requests(500): "0+5x12"},
        {requests(200): "0+2x12", requests(500): "0+1x12"},
        {requests(200): "0+5x12", requests(503, "/health/ready"): "0+50x12"},
        {requests(200): "0+5x12", requests(404, "unmatched"): "0+50x12"},
    ],
    ids=["few of many", "few at night", "readiness", "not found"],
)
def test_what_is_no_failure_of_the_service_calls_nobody(tmp_path, failing):
    cry(tmp_path, failing, {"30m": set(), "1h": set()})


def waits(name, *, short, long, bounds):
    """Every five minutes so many waits below all bounds, and so many above all of them."""
    limits = dict.fromkeys(bounds, f"0+{short}x12") | {"+Inf": f"0+{short + long}x12"}
    return {series(f"{name}_bucket", f'le="{bound}"'): values for bound, values in limits.items()}


def test_long_waits_for_the_lock_of_an_enterprise_are_told(tmp_path):
    long = waits("tenon_tenant_lock_seconds", short=90, long=10, bounds=("2.5", "5.0"))
    cry(tmp_path, long, {"10m": set(), "15m": {"TenonLockWaits"}})


def test_short_waits_for_the_lock_of_an_enterprise_are_not_told(tmp_path):
    cry(
        tmp_path,
        waits("tenon_tenant_lock_seconds", short=97, long=3, bounds=("2.5", "5.0")),
        {"15m": set(), "1h": set()},
    )


def test_a_pool_without_a_free_connection_is_told(tmp_path):
    long = waits("tenon_database_wait_seconds", short=90, long=10, bounds=("0.5", "1.0"))
    cry(tmp_path, long, {"10m": set(), "15m": {"TenonPoolExhausted"}})


def test_a_pool_with_free_connections_is_not_told(tmp_path):
    cry(
        tmp_path,
        waits("tenon_database_wait_seconds", short=99, long=1, bounds=("0.5", "1.0")),
        {"15m": set(), "1h": set()},
    )


def test_a_process_that_begins_anew_again_and_again_is_told(tmp_path):
    restarts = {series("process_start_time_seconds"): "0x3 900 1200 1500x20"}
    cry(tmp_path, restarts, {"20m": set(), "30m": {"TenonRestarting"}, "2h": set()})


def test_one_restart_is_not_told(tmp_path):
    restarted = {series("process_start_time_seconds"): "0x3 900x9"}
    cry(tmp_path, restarted, {"20m": set(), "1h": set()})


def test_other_peoples_restarts_are_not_tenons(tmp_path):
    where = 'namespace="shop", job="shop", instance="shop-1"'
    cry(tmp_path, {series("process_start_time_seconds", where=where): "0 300 600 900x9"}, {"30m": set()})


def test_scrapes_without_the_database_are_told(tmp_path):
    failing = {series("tenon_scrape_failures_total"): "0x6 0+1x12"}
    cry(tmp_path, failing, {"30m": set(), "55m": {"TenonScrapeFailing"}})


def test_one_scrape_without_the_database_is_not_told(tmp_path):
    cry(tmp_path, {series("tenon_scrape_failures_total"): "0x6 1x6"}, {"35m": set(), "1h": set()})


def test_several_releases_in_one_cluster_do_not_hide_each_other(tmp_path):
    # The other release's database is away; ours answers.
    other = WEB.replace('namespace="tenon"', 'namespace="tenon-trial"')
    away = {
        series("tenon_build_info", 'version="0.1.0"', other): "1x12",
        series("tenon_worker_heartbeat_timestamp_seconds", 'loop="delivery"', other): "0+300x12",
        series("tenon_database_up", where=other): "0x12",
    }
    texts = {("10m", "TenonDatabaseDown"): [told("TenonDatabaseDown", "tenon-trial")]}
    cry(tmp_path, away, {"10m": {"TenonDatabaseDown"}}, texts=texts)


def told(name, namespace):
    return {
        "exp_labels": {"severity": "critical", "namespace": namespace},
        "exp_annotations": {
            "summary": "The database does not answer",
            "description": "1 processes have not reached the database for two minutes. Their calls of the"
            " marketplace are answered 000005, their other requests 503.",
            "runbook": f"docs/monitoring.md#{name.lower()}",
        },
    }
