"""Alerts about work that no request waits for: the worker, held lists, events, webhooks, logouts, orders."""

import pytest

from tests.monitoring.nights import WEB, WORKER, cry, series

LOOPS = ("delivery", "departures", "settling")


def beats(loop):
    return series("tenon_worker_heartbeat_timestamp_seconds", f'loop="{loop}"', WORKER)


def test_a_service_without_a_worker_calls_somebody(tmp_path):
    cry(tmp_path, {beats(loop): None for loop in LOOPS}, {"0m": set(), "5m": {"TenonWorkerAbsent"}})


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_stands_still_calls_somebody(tmp_path, loop):
    still = {beats(loop): "0+300x6 1800x6"}
    cry(tmp_path, still, {"30m": set(), "40m": {"TenonWorkerStalled"}})


def test_one_worker_of_two_that_stands_still_calls_nobody(tmp_path):
    other = WORKER.replace("worker-1", "worker-2")
    still = {series("tenon_worker_heartbeat_timestamp_seconds", 'loop="delivery"', other): "0x12"}
    cry(tmp_path, still, {"40m": set(), "1h": set()})


@pytest.mark.parametrize(
    ("metric", "alert", "enough", "too_little", "told_at"),
    [
        ("tenon_held_sync_oldest_seconds", "TenonSyncHeld", 14_500, 14_000, "35m"),
        ("tenon_event_lag_seconds", "TenonEventLag", 90, 50, "35m"),
        ("tenon_webhook_lag_seconds", "TenonWebhookLag", 400, 250, "40m"),
        ("tenon_logout_lag_seconds", "TenonLogoutLag", 90, 50, "35m"),
        ("tenon_order_query_lag_seconds", "TenonOrderQueryLag", 1000, 800, "40m"),
    ],
)
def test_what_waits_too_long_is_told(tmp_path, metric, alert, enough, too_little, told_at):
    late = {series(metric): f"{too_little}x5 {enough}x12"}
    cry(tmp_path, late, {"25m": set(), "30m": set(), told_at: {alert}})


def test_what_waits_for_a_moment_only_is_not_told(tmp_path):
    metrics = ("tenon_event_lag_seconds", "tenon_webhook_lag_seconds", "tenon_logout_lag_seconds")
    cry(tmp_path, {series(name): "0x5 900 0x6" for name in metrics}, {"30m": set(), "1h": set()})


def endpoints(state):
    return series("tenon_webhook_endpoints", f'state="{state}"')


def test_an_endpoint_that_refuses_for_half_an_hour_is_told(tmp_path):
    cry(tmp_path, {endpoints("failing"): "0x5 1x12"}, {"55m": set(), "1h": {"TenonEndpointFailing"}})


def test_an_endpoint_that_was_disabled_is_told_for_six_hours_whatever_processes_begin(tmp_path):
    new = WORKER.replace("worker-1", "worker-2")
    disabled = {
        series("tenon_webhook_endpoints", 'state="disabled"', where): values
        for where, values in ((WEB, "1x11 2x90"), (WORKER, "1x11 2x90"), (new, "_x15 2x86"))
    }
    told = {"TenonEndpointDisabled"}
    cry(tmp_path, disabled, {"1h": set(), "70m": told, "6h": told, "430m": set()})


def test_endpoints_that_were_disabled_long_ago_are_not_told_by_a_new_process(tmp_path):
    new = series("tenon_webhook_endpoints", 'state="disabled"', WORKER.replace("worker-1", "worker-2"))
    cry(tmp_path, {new: "_x6 1x6"}, {"40m": set(), "1h": set()})


def queries(outcome):
    return series("tenon_order_queries_total", f'outcome="{outcome}"', WORKER)


def test_order_queries_that_nobody_answers_are_told(tmp_path):
    cry(tmp_path, {queries("failed"): "0x3 1 2 3 4x20"}, {"15m": set(), "45m": {"TenonOrderQueriesFailing"}})


def test_failed_order_queries_among_answered_ones_are_not_told(tmp_path):
    mixed = {queries("failed"): "0x3 1 2 3 4x20", queries("answered"): "0x6 1x18"}
    cry(tmp_path, mixed, {"45m": set(), "2h": set()})
