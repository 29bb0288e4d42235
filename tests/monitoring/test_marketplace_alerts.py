"""Alerts about what the marketplace sees: orders, its checks, keys, clocks, and answers in time."""

import pytest

from tests.monitoring.nights import WEB, WORKER, counter, cry, series, steady

ORDERS = series("tenon_pushes_total", 'product="crm", interface="newInstance", result="000000"')
MEMBERS = series("tenon_pushes_total", 'product="crm", interface="authSync", result="000000"')


def pushes(interface, result, product="crm", where=WEB):
    labels = f'product="{product}", interface="{interface}", result="{result}"'
    return series("tenon_pushes_total", labels, where)


def refusals(reason, product="crm"):
    return series("tenon_push_refusals_total", f'product="{product}", reason="{reason}"')


def answer_times(interface, *, quick, slow, limit):
    """Every five minutes so many answers within a second, and so many above the bound `limit` of a bucket."""
    found, total = {}, quick + slow
    for bound in ("1.0", "2.5", "5.0", "10.0", "30.0", "+Inf"):
        each = quick if float(bound) <= float(limit) else total
        found[series("tenon_push_seconds_bucket", f'interface="{interface}", le="{bound}"')] = f"0+{each}x60"
    return found | {series("tenon_push_seconds_count", f'interface="{interface}"'): f"0+{total}x60"}


def test_nobody_is_called_in_a_quiet_night_with_one_order_and_the_marketplaces_checks(tmp_path):
    calls = {
        ORDERS: counter("3h", until="9h"),
        pushes("newInstance", "000004"): counter("4h", until="9h"),
        MEMBERS: counter("2h", "8h", until="9h"),
        refusals("missing"): counter("5h", "6h", until="9h"),
        refusals("malformed", product=""): counter("5h", until="9h"),
    }
    cry(tmp_path, calls, {time: set() for time in ("10m", "3h", "4h", "5h", "7h", "9h")})


def test_the_first_failed_order_of_a_process_is_told_at_once_though_its_series_begins_at_one(tmp_path):
    failed = {pushes("newInstance", "000002"): counter("2h", until="4h")}
    told = {"TenonOrderFailed"}
    cry(tmp_path, failed, {"115m": set(), "2h": told, "175m": told, "185m": set()})


def test_the_second_failed_order_of_a_series_is_told_too(tmp_path):
    failed = {pushes("upgradeInstance", "000002"): counter("1h", "4h", until="6h")}
    cry(tmp_path, failed, {"3h": set(), "245m": {"TenonOrderFailed"}, "6h": set()})


def test_somebody_is_called_when_an_order_fails_again_an_hour_later(tmp_path):
    failed = {pushes("newInstance", "000002"): counter("2h", "3h", until="5h")}
    expected = {
        "150m": {"TenonOrderFailed"},
        "185m": {"TenonOrderFailed", "TenonOrdersFailing"},
        "5h": set(),
    }
    cry(tmp_path, failed, expected)


def test_the_first_failure_of_a_process_that_has_just_begun_counts(tmp_path):
    new = 'namespace="tenon", job="tenon-web", instance="web-2", pod="web-2"'
    young = {
        series("process_start_time_seconds", where=new): "_x20 6000x40",
        series("tenon_build_info", 'version="0.1.0"', new): "_x20 1x40",
        pushes("newInstance", "000002", where=new): "_x20 1x40",
    }
    cry(tmp_path, young, {"95m": set(), "105m": {"TenonOrderFailed"}, "3h": set()})


def test_old_failures_of_a_process_that_was_not_watched_are_not_told_as_new(tmp_path):
    # Prometheus itself was away, or is new.
    unwatched = {
        series("process_start_time_seconds"): "_x24 -864000x24",
        pushes("newInstance", "000002"): "_x24 7x24",
        refusals("signature"): "_x24 7x24",
    }
    cry(tmp_path, unwatched, {"125m": set(), "170m": set(), "4h": set()})


def test_a_failure_counted_by_a_process_that_has_ended_since_is_not_forgotten(tmp_path):
    ended = {pushes("newInstance", "000002"): "_x20 1x1 stale"}
    cry(tmp_path, ended, {"95m": set(), "2h": {"TenonOrderFailed"}, "3h": set()})


def test_a_refused_renewal_is_told(tmp_path):
    failed = {pushes("refreshInstance", "000003"): counter("1h", until="3h")}
    cry(tmp_path, failed, {"55m": set(), "65m": {"TenonPurchaseCallFailed"}, "3h": set()})


@pytest.mark.parametrize("interface", ["queryInstance", "authSync", "changeInstanceCheck"])
def test_a_single_refusal_of_another_interface_calls_nobody(tmp_path, interface):
    cry(tmp_path, {pushes(interface, "000003"): counter("1h", until="2h")}, {"1h": set(), "2h": set()})


def test_one_fault_of_ours_is_told_and_calls_nobody_at_night(tmp_path):
    failed = {pushes("authSync", "000005"): counter("1h", until="3h")}
    cry(tmp_path, failed, {"55m": set(), "65m": {"TenonPushFailed"}, "3h": set()})


def test_somebody_is_called_when_the_production_address_fails(tmp_path):
    failed = {pushes("authSync", "000005"): counter("60m", "65m", "70m", until="3h")}
    expected = {
        "65m": {"TenonPushFailed"},
        "75m": {"TenonPushFailed", "TenonPushesFailing"},
        "3h": set(),
    }
    cry(tmp_path, failed, expected)


def test_somebody_is_called_when_the_only_call_fails_and_fails_again(tmp_path):
    failed = {pushes("tenantSync", "000005"): counter("1h", "2h", until="3h")}
    expected = {"90m": {"TenonPushFailed"}, "130m": {"TenonPushFailed", "TenonPushesFailing"}}
    cry(tmp_path, failed, expected)


def test_a_short_outage_of_the_database_among_many_calls_calls_nobody(tmp_path):
    busy = {MEMBERS: "0+3000x36", pushes("unknown", "000005"): "0x12 40x24"}
    cry(tmp_path, busy, {"70m": {"TenonPushFailed"}, "110m": {"TenonPushFailed"}, "3h": set()})


def test_a_key_that_changed_on_one_side_only_calls_somebody_though_the_other_key_works(tmp_path):
    wrong = {refusals("signature"): counter("1h", "1h", "65m", until="3h"), MEMBERS: "0+25x36"}
    cry(tmp_path, wrong, {"1h": set(), "65m": {"TenonSignaturesRefused"}, "3h": set()})


def test_a_lone_order_refused_for_its_signature_calls_somebody_once_it_is_refused_again(tmp_path):
    wrong = {refusals("signature"): counter("1h", "2h", until="4h")}
    cry(tmp_path, wrong, {"90m": set(), "125m": {"TenonSignaturesRefused"}, "4h": set()})


def test_a_forger_cannot_call_anybody_while_calls_of_both_kinds_are_accepted(tmp_path):
    forged = {refusals("signature"): "0+50x24", MEMBERS: "0+25x24", ORDERS: "0+5x24"}
    cry(tmp_path, forged, {"30m": set(), "2h": set()})


def test_a_wrong_clock_calls_somebody(tmp_path):
    outdated = {refusals("outdated"): counter("1h", "1h", "65m", until="3h")}
    cry(tmp_path, outdated, {"1h": set(), "65m": {"TenonClockSkew"}, "3h": set()})


def test_outdated_calls_among_more_that_are_accepted_call_nobody(tmp_path):
    cry(tmp_path, {refusals("outdated"): "0+5x24", MEMBERS: "0+25x24"}, {"30m": set(), "2h": set()})


def test_calls_for_a_product_that_does_not_exist_are_told(tmp_path):
    unknown = {refusals("unknown_product", product=""): counter("1h", "1h", "65m", until="3h")}
    cry(tmp_path, unknown, {"1h": set(), "65m": {"TenonUnknownProduct"}, "3h": set()})


@pytest.mark.parametrize(
    ("limit", "late"), [("2.5", set()), ("5.0", {"TenonAnswersTooLate"})], ids=["slow", "too late"]
)
def test_slow_answers_are_told_before_they_come_too_late(tmp_path, limit, late):
    answers = answer_times("newInstance", quick=15, slow=5, limit=limit)
    cry(tmp_path, answers, {"5m": set(), "10m": late, "15m": late | {"TenonAnswersSlow"}})


def test_quick_answers_call_nobody(tmp_path):
    cry(tmp_path, answer_times("newInstance", quick=40, slow=1, limit="5.0"), {"15m": set(), "1h": set()})


def test_one_slow_answer_in_a_quiet_night_calls_nobody(tmp_path):
    labels = 'interface="allOrgSync"'
    slow = {
        series("tenon_push_seconds_bucket", f'{labels}, le="5.0"'): "0x12",
        series("tenon_push_seconds_bucket", f'{labels}, le="10.0"'): "0x4 1x8",
        series("tenon_push_seconds_bucket", f'{labels}, le="+Inf"'): "0x4 1x8",
        series("tenon_push_seconds_count", labels): "0x4 1x8",
    }
    cry(tmp_path, slow, {"25m": set(), "35m": set(), "1h": set()})


def test_somebody_is_told_when_the_marketplaces_daily_checks_no_longer_come(tmp_path):
    checks = [f"{24 * day + hour}h" for day in range(6) for hour in (9, 15)]
    calls = {ORDERS: counter(*checks, until="8d", step="30m")}
    # The last came at 135 h.
    told = {"TenonMarketplaceSilent"}
    cry(tmp_path, calls, {"130h": set(), "160h": set(), "164h": told, "8d": told}, step="30m", every="1h")


def test_a_product_with_an_order_now_and_then_may_be_silent(tmp_path):
    calls = {ORDERS: counter("10h", "80h", until="6d", step="30m")}
    cry(tmp_path, calls, {"60h": set(), "130h": set(), "6d": set()}, step="30m", every="1h")


def test_checks_that_fail_are_told_on_the_second_day_and_call_somebody_on_the_third(tmp_path):
    checks = [f"{24 * day + hour}h" for day in range(4) for hour in (9, 15)]
    calls = {pushes("singleOrgSync", "000002"): counter(*checks, until="3d", step="30m")}
    expected = {
        "30h": set(),
        "41h": {"TenonChecksFailing"},
        "60h": {"TenonChecksFailing"},
        "65h": {"TenonChecksFailing", "TenonProductSoonFrozen"},
    }
    cry(tmp_path, calls, expected, step="30m", every="1h")


def test_a_refusal_now_and_then_is_no_failing_check(tmp_path):
    calls = {pushes("authSync", "000002"): counter("9h", "40h", "44h", "70h", until="3d", step="30m")}
    cry(tmp_path, calls, {"20h": set(), "41h": set(), "47h": set(), "71h": set()}, step="30m", every="1h")


def test_calls_taken_without_a_check_for_replay_are_told(tmp_path):
    calls = {series("tenon_unchecked_nonces_total"): "0x12 3x12"}
    cry(tmp_path, calls, {"1h": set(), "70m": {"TenonReplayUnchecked"}, "95m": set()})


def test_silence_of_all_processes_of_one_job_calls_somebody(tmp_path):
    gone = {series("tenon_build_info", 'version="0.1.0"'): "1x12 stale"}
    cry(tmp_path, gone, {"1h": set(), "70m": {"TenonNoAnswers"}, "3h": {"TenonNoAnswers"}})


def test_nothing_scraped_from_the_beginning_calls_somebody(tmp_path):
    nothing = {series("tenon_build_info", 'version="0.1.0"', where): None for where in (WEB, WORKER)}
    cry(tmp_path, nothing, {"0m": set(), "5m": {"TenonNoAnswers"}})


def test_one_process_of_several_that_cannot_be_scraped_is_told(tmp_path):
    down = {series("up", where=WEB.replace("web-1", "web-2")): "1x12 0x12"}
    cry(tmp_path, down, {"70m": set(), "75m": {"TenonTargetDown"}})


def test_other_peoples_targets_that_are_down_are_not_tenons(tmp_path):
    foreign = {series("up", where='namespace="shop", job="shop", instance="shop-1"'): steady(0, "1h")}
    cry(tmp_path, foreign, {"1h": set()})


def test_the_texts_keep_what_prometheus_fills_in(tmp_path):
    labels = {"product": "crm", "interface": "newInstance", "result": "000002"}
    told = {
        "exp_labels": {"severity": "warning", "namespace": "tenon", **labels},
        "exp_annotations": {
            "summary": "An order was refused",
            "description": "newInstance of product crm was answered 000002 within the last hour. The"
            " marketplace repeats it once an hour for three hours, then refunds the order.",
            "runbook": "docs/monitoring.md#tenonorderfailed",
        },
    }
    failed = {pushes("newInstance", "000002"): counter("1h", until="2h")}
    texts = {("65m", "TenonOrderFailed"): [told]}
    cry(tmp_path, failed, {"65m": {"TenonOrderFailed"}}, texts=texts)
