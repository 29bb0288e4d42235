"""The table of metrics in the guide is the registry of the service."""

import re

from service.metrics.exposition import list_metrics
from tests.documents import read
from tests.monitoring.known import known_labels

_ROW = re.compile(r"^\| `(tenon_\w+)` \| (.*?) \| (counter|gauge|histogram) \| \S.* \|$", re.MULTILINE)


def table():
    return {
        name: (tuple(re.findall(r"`(\w+)`", labels)), kind)
        for name, labels, kind in _ROW.findall(read("docs/monitoring.md"))
    }


def test_the_guide_lists_the_metrics_that_there_are_with_their_labels_and_kinds():
    assert table() == {name: (known_labels()[name], kind) for name, kind in list_metrics().items()}


def test_metrics_named_anywhere_in_the_guides_exist():
    for path in ("docs/monitoring.md", "docs/operating.md"):
        named = set(re.findall(r"`(tenon_[a-z_]+)`", read(path)))
        assert named <= set(list_metrics()) | {"tenon_app", "tenon_owner"}, path
