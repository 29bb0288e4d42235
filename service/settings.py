"""The service's settings: one frozen Struct, read once from the environment, all problems told at once."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from service.setting_values import (
    EncryptionKey,
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

PREFIX = "TENON_"
# The simulator's options may come from the environment too; they are its own.
SIMULATOR_PREFIX = "TENON_SIM_"
_HUNDRED_YEARS = 36_500
_SECRETS = frozenset(
    {"database_url", "migration_database_url", "redis_url", "encryption_keys", "operator_token"}
)


class SettingsInvalid(Exception):
    """Some settings are missing or wrong; `problems` holds one line for each of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; `describe_settings` says what each one means. Printing it never shows a secret."""

    database_url: str | None
    migration_database_url: str | None
    redis_url: str | None
    data_dir: Path
    bind_host: str
    bind_port: int
    public_url: str
    workers: int
    encryption_keys: tuple[EncryptionKey, ...]
    operator_token: str | None
    max_body_bytes: int
    database_pool: int
    retention_days: int
    push_retention_days: int
    body_retention_days: int
    event_retention_days: int
    webhook_http: bool
    webhook_private: bool
    sign_in_http: bool
    sign_in_private: bool
    session_idle_minutes: int
    session_hours: int
    worker: bool
    log_format: Literal["console", "json"] | None
    log_level: str

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Give the fields without the secrets' values, which rich's own printing of a Struct would show."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        return [(name, "…" if value and name in _SECRETS else value) for name, value in shown.items()]


class _Variable(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    default: str | None = None
    unset: str = "unset"
    parse: Callable[[str], object]
    meaning: str


_VARIABLES = (
    _Variable(
        name="DATABASE_URL",
        unset="unset: embedded PostgreSQL in DATA_DIR",
        parse=parse_database_url,
        meaning="URL of the serving role, which must neither own tables nor bypass row-level security",
    ),
    _Variable(
        name="MIGRATION_DATABASE_URL",
        unset="unset: as embedded",
        parse=parse_database_url,
        meaning="URL of the owning role, used by `tenon migrate` only",
    ),
    _Variable(
        name="REDIS_URL",
        unset="unset: embedded Valkey",
        parse=parse_redis_url,
        meaning="Valkey or Redis: redis://, rediss:// (TLS) or redis+cluster://",
    ),
    _Variable(
        name="DATA_DIR",
        default=".tenon",
        parse=Path,
        meaning="directory of the embedded servers' data, passwords and keys",
    ),
    _Variable(
        name="BIND",
        default="127.0.0.1:8000",
        parse=parse_bind,
        meaning="host:port to listen on; an IPv6 address in brackets",
    ),
    _Variable(
        name="PUBLIC_URL",
        unset="http://127.0.0.1 with the port of BIND",
        parse=parse_public_url,
        meaning="address for browsers and the marketplace, without a slash at the end; https unless local",
    ),
    _Variable(name="WORKERS", default="1", parse=parse_number(1, 256), meaning="serving processes"),
    _Variable(
        name="ENCRYPTION_KEYS",
        unset="embedded PostgreSQL: made once and kept in DATA_DIR; else required",
        parse=parse_encryption_keys,
        meaning="keys for secrets at rest: id:base64 (32 bytes), by commas; the first encrypts, all decrypt",
    ),
    _Variable(
        name="OPERATOR_TOKEN",
        parse=parse_token,
        meaning="bootstrap bearer token of the operator, at least 32 characters",
    ),
    _Variable(
        name="MAX_BODY_BYTES",
        default="33554432",
        parse=parse_number(1, 2**30),
        meaning="largest accepted request body, in bytes",
    ),
    _Variable(
        name="DATABASE_POOL",
        default="10",
        parse=parse_number(2, 1000),
        meaning="database connections of each serving process, at least 2",
    ),
    _Variable(
        name="RETENTION_DAYS",
        default="30",
        parse=parse_number(0, _HUNDRED_YEARS),
        meaning="days for which an enterprise's data is kept after its last binding ended",
    ),
    _Variable(
        name="PUSH_RETENTION_DAYS",
        default="180",
        parse=parse_number(0, _HUNDRED_YEARS),
        meaning="days for which the push history is kept",
    ),
    _Variable(
        name="BODY_RETENTION_DAYS",
        default="14",
        parse=parse_number(0, _HUNDRED_YEARS),
        meaning="days for which the body of a push is kept, encrypted, so that it can be carried out again",
    ),
    _Variable(
        name="EVENT_RETENTION_DAYS",
        default="180",
        parse=parse_number(1, _HUNDRED_YEARS),
        meaning="days for which events, change sets and attempts of webhooks are kept",
    ),
    _Variable(
        name="WEBHOOK_HTTP",
        default="off",
        parse=parse_switch,
        meaning="`on` lets endpoints have http:// addresses: what they are told can be read on the way",
    ),
    _Variable(
        name="WEBHOOK_PRIVATE",
        default="off",
        parse=parse_switch,
        meaning="`on` lets endpoints be in private networks and on this host, where only Tenon may reach",
    ),
    _Variable(
        name="SIGN_IN_HTTP",
        default="off",
        parse=parse_switch,
        meaning="`on` lets auth centres, identity providers and clients have http:// addresses",
    ),
    _Variable(
        name="SIGN_IN_PRIVATE",
        default="off",
        parse=parse_switch,
        meaning="`on` lets auth centres, identity providers and clients be in private networks",
    ),
    _Variable(
        name="SESSION_IDLE_MINUTES",
        default="120",
        parse=parse_number(1, _HUNDRED_YEARS),
        meaning="minutes without use after which a session ends",
    ),
    _Variable(
        name="SESSION_HOURS",
        default="12",
        parse=parse_number(1, _HUNDRED_YEARS),
        meaning="hours after which a session ends, however much it is used",
    ),
    _Variable(
        name="WORKER",
        default="on",
        parse=parse_switch,
        meaning="`off` leaves background work to separate `tenon work` processes",
    ),
    _Variable(
        name="LOG_FORMAT",
        unset="console on a terminal, else json",
        parse=parse_choice("console", "json"),
        meaning="`console` or `json`",
    ),
    _Variable(
        name="LOG_LEVEL",
        default="info",
        parse=parse_choice("debug", "info", "warning", "error", "critical"),
        meaning="least severe level that is logged",
    ),
)


def describe_settings() -> list[tuple[str, str, str]]:
    """List every setting as (variable, default, meaning), in the order of the reference."""
    return [
        (PREFIX + variable.name, variable.default or variable.unset, variable.meaning)
        for variable in _VARIABLES
    ]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read all settings from `environ`; an empty value counts as unset.

    Raises:
        SettingsInvalid: With one line for every missing, wrong or unknown `TENON_` variable.
    """
    problems = _find_unknown(environ)
    values: dict[str, Any] = {}
    for variable in _VARIABLES:
        text = environ.get(PREFIX + variable.name) or variable.default
        try:
            values[variable.name.lower()] = None if text is None else variable.parse(text)
        except ValueError as error:
            problems.append(f"{PREFIX}{variable.name} {error}.")
    problems += _find_missing(environ)
    if problems:
        raise SettingsInvalid(problems)
    host, port = values.pop("bind")
    values["public_url"] = values["public_url"] or f"http://127.0.0.1:{port}"
    values["encryption_keys"] = values["encryption_keys"] or ()
    return Settings(bind_host=host, bind_port=port, **values)


def _find_unknown(environ: Mapping[str, str]) -> list[str]:
    known = [PREFIX + variable.name for variable in _VARIABLES]
    problems = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.startswith(SIMULATOR_PREFIX) or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        remedy = f"did you mean {near[0]}?" if near else "remove it or correct its name."
        problems.append(f"{name} is not a setting; {remedy}")
    return problems


def _find_missing(environ: Mapping[str, str]) -> list[str]:
    problems = []
    own_database = bool(environ.get("TENON_DATABASE_URL"))
    if own_database and not environ.get("TENON_ENCRYPTION_KEYS"):
        problems.append(
            "TENON_ENCRYPTION_KEYS is missing, which TENON_DATABASE_URL demands; "
            'give id:base64, for example "k1:$(openssl rand -base64 32)", and keep it safe.'
        )
    if environ.get("TENON_MIGRATION_DATABASE_URL") and not own_database:
        problems.append(
            "TENON_DATABASE_URL is missing beside TENON_MIGRATION_DATABASE_URL; "
            "give the serving role's URL of the same database, or neither for the embedded one."
        )
    return problems
