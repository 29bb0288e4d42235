"""Every setting: its name, its default, how its text is read and what it means."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from service.setting_values import (
    parse_bind,
    parse_choice,
    parse_database_url,
    parse_encryption_keys,
    parse_number,
    parse_public_url,
    parse_redis_url,
    parse_switch,
    parse_token,
)

_HUNDRED_YEARS = 36_500


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A setting; `unset` says in words what holds where there is no default."""

    name: str
    default: str | None = None
    unset: str = "unset"
    parse: Callable[[str], object]
    meaning: str


VARIABLES = (
    Variable(
        name="DATABASE_URL",
        unset="unset: embedded PostgreSQL in DATA_DIR",
        parse=parse_database_url,
        meaning="URL of the serving role, which must neither own tables nor bypass row-level security",
    ),
    Variable(
        name="MIGRATION_DATABASE_URL",
        unset="unset: as embedded",
        parse=parse_database_url,
        meaning="URL of the owning role, used by `tenon migrate` only",
    ),
    Variable(
        name="REDIS_URL",
        unset="unset: embedded Valkey",
        parse=parse_redis_url,
        meaning="Valkey or Redis: redis://, rediss:// (TLS) or redis+cluster://",
    ),
    Variable(
        name="DATA_DIR",
        default=".tenon",
        parse=Path,
        meaning="directory of the embedded servers' data, passwords and keys",
    ),
    Variable(
        name="BIND",
        default="127.0.0.1:8000",
        parse=parse_bind,
        meaning="host:port to listen on; an IPv6 address in brackets",
    ),
    Variable(
        name="PUBLIC_URL",
        unset="http://127.0.0.1 with the port of BIND",
        parse=parse_public_url,
        meaning="address for browsers and the marketplace, without a slash at the end; https unless local",
    ),
    Variable(name="WORKERS", default="1", parse=parse_number(1, 256), meaning="serving processes"),
    Variable(
        name="ENCRYPTION_KEYS",
        unset="embedded PostgreSQL: made once and kept in DATA_DIR; else required",
        parse=parse_encryption_keys,
        meaning="keys for secrets at rest: id:base64 (32 bytes), by commas; the first encrypts, all decrypt",
    ),
    Variable(
        name="OPERATOR_TOKEN",
        parse=parse_token,
        meaning="bootstrap bearer token of the operator, at least 32 characters",
    ),
    Variable(
        name="MAX_BODY_BYTES",
        default="33554432",
        parse=parse_number(1, 2**30),
        meaning="largest accepted request body, in bytes",
    ),
    Variable(
        name="DATABASE_POOL",
        default="10",
        parse=parse_number(2, 1000),
        meaning="database connections of each serving process, at least 2",
    ),
    Variable(
        name="RETENTION_DAYS",
        default="30",
        parse=parse_number(0, _HUNDRED_YEARS),
        meaning="days for which an enterprise's data is kept after its last binding ended",
    ),
    Variable(
        name="PUSH_RETENTION_DAYS",
        default="180",
        parse=parse_number(0, _HUNDRED_YEARS),
        meaning="days for which the push history is kept",
    ),
    Variable(
        name="BODY_RETENTION_DAYS",
        default="14",
        parse=parse_number(0, _HUNDRED_YEARS),
        meaning="days for which the body of a push is kept, encrypted, so that it can be carried out again",
    ),
    Variable(
        name="EVENT_RETENTION_DAYS",
        default="180",
        parse=parse_number(1, _HUNDRED_YEARS),
        meaning="days for which events, change sets and attempts of webhooks are kept",
    ),
    Variable(
        name="WEBHOOK_HTTP",
        default="off",
        parse=parse_switch,
        meaning="`on` lets endpoints have http:// addresses: what they are told can be read on the way",
    ),
    Variable(
        name="WEBHOOK_PRIVATE",
        default="off",
        parse=parse_switch,
        meaning="`on` lets endpoints be in private networks and on this host, where only Tenon may reach",
    ),
    Variable(
        name="SIGN_IN_HTTP",
        default="off",
        parse=parse_switch,
        meaning="`on` lets auth centres, identity providers and clients have http:// addresses",
    ),
    Variable(
        name="SIGN_IN_PRIVATE",
        default="off",
        parse=parse_switch,
        meaning="`on` lets auth centres, identity providers and clients be in private networks",
    ),
    Variable(
        name="SESSION_IDLE_MINUTES",
        default="120",
        parse=parse_number(1, _HUNDRED_YEARS),
        meaning="minutes without use after which a session ends",
    ),
    Variable(
        name="SESSION_HOURS",
        default="12",
        parse=parse_number(1, _HUNDRED_YEARS),
        meaning="hours after which a session ends, however much it is used",
    ),
    Variable(
        name="WORKER",
        default="on",
        parse=parse_switch,
        meaning="`off` leaves background work to separate `tenon work` processes",
    ),
    Variable(
        name="DRAIN_SECONDS",
        default="0",
        parse=parse_number(0, 600),
        meaning="seconds after SIGTERM for which requests are still taken, while readiness says 503",
    ),
    Variable(
        name="METRICS_BIND",
        parse=parse_bind,
        meaning="host:port of a second listener, for `/metrics` and `/health` inside a cluster",
    ),
    Variable(
        name="METRICS_TOKEN",
        unset="unset: shown only where PUBLIC_URL is local",
        parse=parse_token,
        meaning="bearer token that `/metrics` on BIND demands, at least 32 characters",
    ),
    Variable(
        name="LOG_FORMAT",
        unset="console on a terminal, else json",
        parse=parse_choice("console", "json"),
        meaning="`console` or `json`",
    ),
    Variable(
        name="LOG_LEVEL",
        default="info",
        parse=parse_choice("debug", "info", "warning", "error", "critical"),
        meaning="least severe level that is logged",
    ),
)
