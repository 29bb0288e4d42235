"""The metrics that Tenon has, from its own registry."""

from functools import cache

from prometheus_client import REGISTRY

import service.app  # noqa: F401  # brings every definition along
from service.metrics.exposition import GAUGES, list_metrics


def known_metrics():
    """The names of Tenon's own metrics."""
    return set(known_labels())


@cache
def known_labels():
    """Labels by metric."""
    collectors = REGISTRY._names_to_collectors
    own = {"tenon_build_info": ("version",)} | {name: labels for name, (labels, _) in GAUGES.items()}
    return {
        name: tuple(own[name] if name in own else collectors[name]._labelnames) for name in list_metrics()
    }
