"""The service's settings: one frozen Struct, read once from the environment, all problems told at once."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from service.setting_table import VARIABLES
from service.setting_values import EncryptionKey

PREFIX = "TENON_"
# The simulator's options may come from the environment too; they are its own.
SIMULATOR_PREFIX = "TENON_SIM_"
_SECRETS = frozenset(
    {
        "database_url",
        "migration_database_url",
        "redis_url",
        "encryption_keys",
        "operator_token",
        "metrics_token",
    }
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
    drain_seconds: int
    metrics_bind: tuple[str, int] | None
    metrics_token: str | None
    log_format: Literal["console", "json"] | None
    log_level: str

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Give the fields without the secrets' values, which rich's own printing of a Struct would show."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        return [(name, "…" if value and name in _SECRETS else value) for name, value in shown.items()]


def describe_settings() -> list[tuple[str, str, str]]:
    """List every setting as (variable, default, meaning), in the order of the reference."""
    return [
        (PREFIX + variable.name, variable.default or variable.unset, variable.meaning)
        for variable in VARIABLES
    ]


def read_settings(environ: Mapping[str, str], *, for_migrating: bool = False) -> Settings:
    """Read all settings from `environ`; an empty value counts as unset.

    A process that only migrates needs no encryption keys, and so should not have them.

    Raises:
        SettingsInvalid: With one line for every missing, wrong or unknown `TENON_` variable.
    """
    problems = _find_unknown(environ)
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        text = environ.get(PREFIX + variable.name) or variable.default
        try:
            values[variable.name.lower()] = None if text is None else variable.parse(text)
        except ValueError as error:
            problems.append(f"{PREFIX}{variable.name} {error}.")
    problems += _find_missing(environ, for_migrating=for_migrating)
    if problems:
        raise SettingsInvalid(problems)
    host, port = values.pop("bind")
    values["public_url"] = values["public_url"] or f"http://127.0.0.1:{port}"
    values["encryption_keys"] = values["encryption_keys"] or ()
    return Settings(bind_host=host, bind_port=port, **values)


def _find_unknown(environ: Mapping[str, str]) -> list[str]:
    known = [PREFIX + variable.name for variable in VARIABLES]
    problems = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.startswith(SIMULATOR_PREFIX) or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        remedy = f"did you mean {near[0]}?" if near else "remove it or correct its name."
        problems.append(f"{name} is not a setting; {remedy}")
    return problems


def _find_missing(environ: Mapping[str, str], *, for_migrating: bool) -> list[str]:
    problems = []
    own_database = bool(environ.get("TENON_DATABASE_URL"))
    if own_database and not for_migrating and not environ.get("TENON_ENCRYPTION_KEYS"):
        problems.append(
            "TENON_ENCRYPTION_KEYS is missing, which TENON_DATABASE_URL demands; "
            'give id:base64, for example "k1:$(openssl rand -base64 32)", and keep it safe.'
        )
    if environ.get("TENON_MIGRATION_DATABASE_URL") and not own_database:
        problems.append(
            "TENON_DATABASE_URL is missing beside TENON_MIGRATION_DATABASE_URL; "
            "give the serving role's URL of the same database, or neither for the embedded one."
        )
    if environ.get("TENON_METRICS_BIND") and environ.get("TENON_WORKERS", "1") not in {"", "1"}:
        problems.append(
            "TENON_METRICS_BIND is one address, which several serving processes cannot share; "
            "leave TENON_WORKERS at 1 and run more instances, or use /metrics with TENON_METRICS_TOKEN."
        )
    return problems
