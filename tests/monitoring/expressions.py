"""What PromQL expressions ask for: metrics, and labels that these do not have."""

from functools import cache

import promql_parser

from tests.monitoring.known import known_labels

# What Prometheus' own scraping adds.
_OF_TARGETS = {"namespace", "job", "instance", "pod", "__name__"}
_RECORDED = {
    "tenon:pushes:increase1h": {"product", "interface", "result"},
    "tenon:push_refusals:increase1h": {"product", "reason"},
}


def metrics_of(expression):
    """The metrics that an expression asks for, histograms by their own name."""
    return {_base(selector.name) for selector in _selectors(expression)}


def foreign_labels(expression):
    """Labels in selectors that their metric does not have, as `metric.label`."""
    found = set()
    for selector in _selectors(expression):
        base = _base(selector.name)
        if base not in known_labels() and base not in _RECORDED:
            continue
        labels = _OF_TARGETS | {"le"} | set(known_labels().get(base, ())) | _RECORDED.get(base, set())
        found |= {
            f"{base}.{matcher.name}" for matcher in selector.matchers.matchers if matcher.name not in labels
        }
    return found


def _base(name):
    for suffix in ("_bucket", "_count", "_sum"):
        if name.removesuffix(suffix) in known_labels():
            return name.removesuffix(suffix)
    return name


@cache
def _selectors(expression):
    return tuple(_walk(promql_parser.parse(expression)))


def _walk(node):
    match node:
        case promql_parser.VectorSelector():
            yield node
        case promql_parser.MatrixSelector():
            yield node.vector_selector
        case promql_parser.BinaryExpr():
            yield from _walk(node.lhs)
            yield from _walk(node.rhs)
        case promql_parser.Call():
            for argument in node.args:
                yield from _walk(argument)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case _:
            yield from _walk(node.expr)
