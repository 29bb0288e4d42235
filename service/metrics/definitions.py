"""What is counted and timed while the service works; every label value is one of a bounded set.

No value comes from outside: what is not known is counted under one name. Where all values are known, the
series begin at zero, so that the first failure is seen as a rise.
"""

from http import HTTPStatus
from typing import Final, Literal, get_args

from prometheus_client import Counter, Histogram

from service.koogallery.results import (
    IN_PROGRESS,
    INTERNAL,
    INVALID,
    NO_INSTANCE,
    SECRET_UNDECRYPTABLE,
    SUCCESS,
    UNAUTHENTICATED,
)

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# The last is that of a request whose sender has gone before the answer.
STATUSES: Final = frozenset({*HTTPStatus, 499})

# Activities of the base interfaces, then the kit interfaces, as the marketplace names them.
INTERFACES: Final = frozenset(
    {
        "newInstance",
        "queryInstance",
        "refreshInstance",
        "updateInstanceStatus",
        "instanceStatus",
        "expireInstance",
        "releaseInstance",
        "upgradeInstance",
        "upgrade",
        "changeInstanceCheck",
        "tenantSync",
        "applicationSync",
        "authSync",
        "singleOrgSync",
        "allOrgSync",
    }
)
RESULTS: Final = frozenset(
    {SUCCESS, UNAUTHENTICATED, INVALID, NO_INSTANCE, IN_PROGRESS, INTERNAL, SECRET_UNDECRYPTABLE}
)
REASONS: Final = frozenset(
    {"unknown_product", "method", "body", "missing", "malformed", "outdated", "signature", "replayed"}
)
# More products than this share one name; a vendor sells a handful.
MOST_PRODUCTS: Final = 50

UNKNOWN: Final = "unknown"
OTHER: Final = "other"

Delivered = Literal["accepted", "refused", "unreachable"]
_DELIVERED: tuple[Delivered, ...] = get_args(Delivered)

# The marketplace waits 20 s for an answer, for some calls 5 s.
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
_SENDING_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)

_requests = Counter(
    "tenon_requests", "HTTP requests answered, by route template.", ["route", "method", "status"]
)
_request_seconds = Histogram(
    "tenon_request_seconds", "Time from a request to the end of its answer.", ["route"], buckets=_BUCKETS
)
_pushes = Counter(
    "tenon_pushes", "Calls of the marketplace that were answered.", ["product", "interface", "result"]
)
_push_seconds = Histogram(
    "tenon_push_seconds", "Time to answer a call of the marketplace.", ["interface"], buckets=_BUCKETS
)
_refusals = Counter(
    "tenon_push_refusals",
    "Calls refused before they were read: not proven to be the marketplace's.",
    ["product", "reason"],
)
_unchecked_nonces = Counter(
    "tenon_unchecked_nonces", "Calls taken without a check for replay, since Redis was away."
)
_attempts = Counter("tenon_webhook_attempts", "Attempts to tell an endpoint of an event.", ["outcome"])
_attempt_seconds = Histogram(
    "tenon_webhook_attempt_seconds", "Time of one such attempt.", buckets=_SENDING_BUCKETS
)
_logouts = Counter(
    "tenon_logout_attempts", "Attempts to tell a client that a session has ended.", ["outcome"]
)
_orders = Counter("tenon_order_queries", "Orders asked of the marketplace.", ["outcome"])
_scrape_failures = Counter(
    "tenon_scrape_failures", "Scrapes at which the database could not be read in time."
)

# Looking a child up by its labels costs more than counting in it.
_request_children: dict[tuple[str, str, int], Counter] = {}
_request_times: dict[str, Histogram] = {}
_push_children: dict[tuple[str, str, str], Counter] = {}
_push_times = {name: _push_seconds.labels(name) for name in (*INTERFACES, UNKNOWN)}
_refusal_children: dict[tuple[str, str], Counter] = {}
_products: set[str] = set()
_attempt_children = {outcome: _attempts.labels(outcome) for outcome in _DELIVERED}
_logout_children = {outcome: _logouts.labels(outcome) for outcome in _DELIVERED}
_order_children = {True: _orders.labels("answered"), False: _orders.labels("failed")}
_refusals.labels("", "unknown_product")


def count_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count an answered request; `route` is a template of ours, or "unmatched"."""
    key = (route, method if method in METHODS else OTHER, status)
    child = _request_children.get(key)
    if child is None:
        shown = str(status) if status in STATUSES else OTHER
        child = _requests.labels(route, key[1], shown)
        if shown != OTHER:
            _request_children[key] = child
    child.inc()
    timer = _request_times.get(route)
    if timer is None:
        timer = _request_times[route] = _request_seconds.labels(route)
    timer.observe(seconds)


def count_push(*, product: str, interface: str, result: str, seconds: float) -> None:
    """Count an answered call; `product` is a known one's slug or empty, `result` the answer's code."""
    interface = interface if interface in INTERFACES else UNKNOWN
    key = (_shown(product), interface, result if result in RESULTS else OTHER)
    child = _push_children.get(key)
    if child is None:
        child = _push_children[key] = _pushes.labels(*key)
    child.inc()
    _push_times[interface].observe(seconds)


def count_refusal(*, product: str, reason: str) -> None:
    """Count a call refused before it was read; `product` is a known one's slug or empty."""
    key = (_shown(product), reason if reason in REASONS else OTHER)
    child = _refusal_children.get(key)
    if child is None:
        child = _refusal_children[key] = _refusals.labels(*key)
    child.inc()


def count_unchecked_nonce() -> None:
    """Count a call whose nonce could not be checked."""
    _unchecked_nonces.inc()


def count_attempt(outcome: Delivered, *, seconds: float) -> None:
    """Count an attempt to tell an endpoint of an event."""
    _attempt_children[outcome].inc()
    _attempt_seconds.observe(seconds)


def count_logout(outcome: Delivered) -> None:
    """Count an attempt to tell a client of the end of a session."""
    _logout_children[outcome].inc()


def count_order(*, answered: bool) -> None:
    """Count an order that was asked for."""
    _order_children[answered].inc()


def count_scrape_failure() -> None:
    """Count a scrape at which the database could not be read."""
    _scrape_failures.inc()


def _shown(product: str) -> str:
    """The product as a label: one of the first so many, else the one name for all others."""
    if product in _products or not product:
        return product
    if len(_products) >= MOST_PRODUCTS:
        return OTHER
    _products.add(product)
    return product
