"""All metrics as text, in the format that Prometheus scrapes."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Info, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from service.metrics.heartbeats import last_beats
from service.metrics.state import Found, StateReader
from tenancy.backlog import Backlog
from tenancy.pool import pool_use

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

# How names are shown.
_SUFFIXES = {"counter": "_total", "info": "_info"}

# When each series began is of no use here, and as many series again.
disable_created_metrics()  # type: ignore[no-untyped-call]

Info("tenon_build", "The version that runs.").info({"version": version("tenon")})

# What is looked up at a scrape: labels and meaning by name.
GAUGES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "tenon_database_up": ((), "1 while the database answers, else 0."),
    "tenon_redis_up": ((), "1 while Redis answers, else 0."),
    "tenon_database_connections": (("state",), "Open connections of this process to the database."),
    "tenon_database_connections_limit": ((), "How many there may be (TENON_DATABASE_POOL)."),
    "tenon_worker_heartbeat_timestamp_seconds": (
        ("loop",),
        "Unix time at which a loop of the worker in this process has said that it turns.",
    ),
    "tenon_held_syncs": ((), "Full lists that are held until somebody decides."),
    "tenon_held_sync_oldest_seconds": ((), "For how long the oldest of them has been held."),
    "tenon_events_unfed": ((), "Tenants with events that have no place in the feed yet."),
    "tenon_event_lag_seconds": ((), "Age of the oldest such event."),
    "tenon_webhook_streams_due": ((), "Streams of events that an enabled endpoint is to be told of by now."),
    "tenon_webhook_lag_seconds": ((), "For how long the longest-waiting of them has been due."),
    "tenon_webhook_endpoints": (("state",), "Endpoints of webhooks."),
    "tenon_logouts_due": ((), "Clients that are to be told of the end of a session by now."),
    "tenon_logout_lag_seconds": ((), "For how long the longest-waiting of them has been due."),
    "tenon_order_queries_due": ((), "Orders that are to be asked of the marketplace by now."),
    "tenon_order_query_lag_seconds": ((), "For how long the longest-waiting of them has been due."),
    "tenon_client_sessions": ((), "Parts of clients in sessions that neither have ended nor run out."),
}


async def expose(reader: StateReader) -> bytes:
    """All metrics, with what is there now; what could not be looked up in time is left out."""
    return generate_latest(_Scrape(await reader.read()))


def list_metrics() -> dict[str, str]:
    """The kind of each metric of ours by its name: counter, histogram or gauge."""
    counted = {
        f"{metric.name}{_SUFFIXES.get(metric.type, '')}": "gauge" if metric.type == "info" else metric.type
        for metric in REGISTRY.collect()
        if metric.name.startswith("tenon_")
    }
    return counted | dict.fromkeys(GAUGES, "gauge")


class _Scrape(CollectorRegistry):
    """What was counted, and what was looked up for this scrape."""

    def __init__(self, found: Found) -> None:
        super().__init__()
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        yield _gauge("tenon_database_up", self._found.is_database_up)
        yield _gauge("tenon_redis_up", self._found.is_redis_up)
        pool = pool_use()
        if pool is not None:
            yield _gauges("tenon_database_connections", {"busy": pool.busy, "idle": pool.idle})
            yield _gauge("tenon_database_connections_limit", pool.limit)
        yield _gauges("tenon_worker_heartbeat_timestamp_seconds", last_beats())
        if self._found.backlog is not None:
            yield from _waiting(self._found.backlog)


def _waiting(backlog: Backlog) -> Iterator[Metric]:
    for count, seconds, waiting in (
        ("tenon_held_syncs", "tenon_held_sync_oldest_seconds", backlog.held_syncs),
        ("tenon_events_unfed", "tenon_event_lag_seconds", backlog.events),
        ("tenon_webhook_streams_due", "tenon_webhook_lag_seconds", backlog.streams),
        ("tenon_logouts_due", "tenon_logout_lag_seconds", backlog.logouts),
        ("tenon_order_queries_due", "tenon_order_query_lag_seconds", backlog.order_queries),
    ):
        yield _gauge(count, waiting.count)
        yield _gauge(seconds, waiting.seconds)
    yield _gauges("tenon_webhook_endpoints", backlog.endpoints)
    yield _gauge("tenon_client_sessions", backlog.client_sessions)


def _gauge(name: str, value: float) -> Metric:
    _, meaning = GAUGES[name]
    return GaugeMetricFamily(name, meaning, value=float(value))


def _gauges(name: str, values: Mapping[Any, float]) -> Metric:
    labels, meaning = GAUGES[name]
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for label, value in values.items():
        family.add_metric([label], float(value))
    return family
