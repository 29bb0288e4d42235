"""All metrics: named, described and bounded, whatever anybody sends."""

import random
import re
import subprocess

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.metrics import definitions
from service.metrics.exposition import list_metrics
from tests.monitoring.promtool import find_promtool
from tests.service.metrics.scraping import scrape

# Promises: alerts, dashboards and the guide use these names.
COUNTERS = {
    "tenon_requests_total",
    "tenon_pushes_total",
    "tenon_push_refusals_total",
    "tenon_unchecked_nonces_total",
    "tenon_webhook_attempts_total",
    "tenon_logout_attempts_total",
    "tenon_order_queries_total",
    "tenon_sessions_begun_total",
    "tenon_sessions_ended_total",
    "tenon_scrape_failures_total",
}
HISTOGRAMS = {
    "tenon_request_seconds",
    "tenon_push_seconds",
    "tenon_tenant_lock_seconds",
    "tenon_database_wait_seconds",
    "tenon_webhook_attempt_seconds",
}
GAUGES = {
    "tenon_database_connections",
    "tenon_database_connections_limit",
    "tenon_held_syncs",
    "tenon_held_sync_oldest_seconds",
    "tenon_events_unfed",
    "tenon_event_lag_seconds",
    "tenon_webhook_streams_due",
    "tenon_webhook_lag_seconds",
    "tenon_webhook_endpoints",
    "tenon_logouts_due",
    "tenon_logout_lag_seconds",
    "tenon_order_queries_due",
    "tenon_order_query_lag_seconds",
    "tenon_client_sessions",
    "tenon_worker_heartbeat_timestamp_seconds",
    "tenon_database_up",
    "tenon_redis_up",
    "tenon_build_info",
}


def test_the_metrics_are_those_that_were_promised():
    assert list_metrics() == {
        **dict.fromkeys(COUNTERS, "counter"),
        **dict.fromkeys(HISTOGRAMS, "histogram"),
        **dict.fromkeys(GAUGES, "gauge"),
    }


async def test_what_is_shown_is_what_is_listed_with_the_clients_own(http, fresh):
    shown = await scrape(http)
    ours = {name for name in shown.families if name.startswith("tenon_")}
    listed = {name.removesuffix("_total") for name in list_metrics()}
    # Without a worker there are no heartbeats, but the metric is described all the same.
    assert ours == listed
    assert {name.split("_")[0] for name in shown.families} == {"tenon", "process", "python"}
    assert not any(name.endswith("_created") for name, _ in shown.samples)


async def test_every_metric_has_a_fit_name_and_says_what_it_is(http, fresh):
    for name, family in (await scrape(http)).families.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert family.type in {"counter", "gauge", "histogram"}, name
        assert family.documentation.strip(), name
        if name.startswith("tenon_"):
            assert re.fullmatch(r"\S.*\.", family.documentation), name


def judge(text):
    command = [find_promtool(), "check", "metrics"]
    judged = subprocess.run(command, input=text, capture_output=True, timeout=30, check=False)
    return judged.returncode, judged.stderr.decode()


async def test_prometheus_own_judge_finds_nothing_wrong(http, fresh):
    text = (await http.get("/metrics")).content
    assert judge(text) == (0, "")


def garbage(seed):
    rng = random.Random(seed)
    letters = "abcXYZ019-_.~%2F企业{}"
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, 24)))


async def send_garbage(http, product, seeds):
    for seed in seeds:
        word = garbage(seed)
        method = f"M{seed}" if seed % 3 else "POST"
        path = [
            f"/koogallery/{word}",
            f"/koogallery/{product}/produceAPI/v2/{word}",
            f"/v1/{word}",
            f"/{word}",
        ]
        await http.request(method, path[seed % 4], headers={b"x-sign": word.encode()}, content=word.encode())


async def test_thousands_of_unknown_products_paths_and_methods_make_no_new_series(http, fresh, product):
    await send_garbage(http, product, range(60))
    known = (await scrape(http)).series()
    await send_garbage(http, product, range(1000, 2000))
    assert (await scrape(http)).series() - known == set()


async def test_proven_calls_of_unknown_interfaces_make_no_new_series(http, fresh, marketplace):
    await marketplace.base({"activity": "x"})
    await marketplace.kit("x", {})
    known = (await scrape(http)).series()
    for seed in range(50):
        await marketplace.base({"activity": garbage(seed)})
        await marketplace.kit(f"x{seed}", {})
    assert (await scrape(http)).series() - known == set()


def labels_of(counter, name):
    return {sample.labels[name] for family in counter.collect() for sample in family.samples}


@hypothesis_settings(max_examples=30)
@given(st.lists(st.tuples(st.text(), st.text(), st.text(), st.text()), max_size=100))
def test_whatever_is_counted_the_values_of_labels_are_bounded(calls):
    for product, interface, result, reason in calls:
        definitions.count_push(product=product, interface=interface, result=result, seconds=0.0)
        definitions.count_refusal(product=product, reason=reason)
        definitions.count_request(route="x", method=interface, status=len(result), seconds=0.0)
    assert len(definitions._products) <= definitions.MOST_PRODUCTS
    assert labels_of(definitions._pushes, "interface") <= definitions.INTERFACES | {"unknown"}
    assert labels_of(definitions._pushes, "result") <= definitions.RESULTS | {"other"}
    assert labels_of(definitions._refusals, "reason") <= definitions.REASONS | {"other"}
    assert labels_of(definitions._requests, "method") <= definitions.METHODS | {"other"}
    statuses = {str(int(status)) for status in definitions.STATUSES}
    assert labels_of(definitions._requests, "status") <= statuses | {"other"}
    kept = len(definitions._push_children) + len(definitions._refusal_children)
    assert kept <= 60 * definitions.MOST_PRODUCTS * len(definitions.INTERFACES)


def test_products_beyond_so_many_share_one_name():
    shown = {definitions._shown(f"product-{number}") for number in range(1000)}
    assert len(shown) == definitions.MOST_PRODUCTS + 1
    assert "other" in shown


async def test_metrics_are_shown_in_the_format_that_prometheus_asks_for(http):
    answer = await http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_metrics_are_no_part_of_the_described_interface(http):
    assert "/metrics" not in (await http.get("/openapi.json")).json()["paths"]


TOKEN = "metrics-token-0123456789-0123456789"


@pytest.fixture
def guarded(set_runtime, runtime):
    def guard(**changes):
        set_runtime(settings=msgspec.structs.replace(runtime.settings, **changes))

    return guard


WRONG = [
    "",
    "Bearer",
    "Bearer ",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    TOKEN,
    f"Basic {TOKEN}",
    "Bearer é",
]


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8000", "https://tenon.example.com"])
async def test_with_a_token_only_its_bearer_sees_that_there_are_metrics(http, guarded, public_url):
    guarded(metrics_token=TOKEN, public_url=public_url)
    nothing = await http.get("/no/such/page")
    for wrong in WRONG:
        refused = await http.get("/metrics", headers={b"Authorization": wrong.encode()})
        assert (refused.status_code, refused.json()) == (404, nothing.json()), wrong
    for scheme in ("Bearer", "bearer"):
        answer = await http.get("/metrics", headers={"Authorization": f"{scheme} {TOKEN}"})
        assert answer.status_code == 200


async def test_the_operators_token_is_not_the_one_of_metrics(api, guarded):
    guarded(metrics_token=TOKEN)
    assert (await api.get("/metrics")).status_code == 404


@pytest.mark.parametrize(
    ("public_url", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://localhost:8000", 200),
        ("https://tenon.example.com", 404),
        ("https://localhost.example.com", 404),
    ],
)
async def test_without_a_token_only_a_process_for_its_own_machine_shows_metrics(
    http, guarded, public_url, status
):
    guarded(public_url=public_url)
    assert (await http.get("/metrics")).status_code == status
