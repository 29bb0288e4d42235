"""Whether traces are on, by OpenTelemetry's own variables; only then is anything of OpenTelemetry loaded."""

import importlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from service.traces.tracing import Traces
from tenancy.errors import DomainError

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_SAMPLER: Final = "OTEL_TRACES_SAMPLER"
_SAMPLER_ARGUMENT: Final = "OTEL_TRACES_SAMPLER_ARG"
_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_HEADERS: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
_SAMPLERS: Final = ("always_on", "always_off", "traceidratio")


class TracesNotStarted(DomainError):
    """Traces are configured but cannot be sent."""


def start_traces(environ: Mapping[str, str], *, version: str, service_name: str = "tenon") -> Traces | None:
    """Start sending traces, from a thread of this process; None when they are off.

    They are on when `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set, and off
    again by `OTEL_SDK_DISABLED=true`, `OTEL_TRACES_EXPORTER=none` or `OTEL_TRACES_SAMPLER=always_off`.
    Whether a trace is sampled depends on its id alone, so that all processes decide alike and no caller
    decides it; `parentbased_…` is the same as without. What else OpenTelemetry defines for the exporter
    (headers, certificates, time limit), for batches and for the resource, its library reads from the
    environment of the process.

    Raises:
        TracesNotStarted: a variable is wrong, or the libraries are not installed.
    """
    endpoint = _read_endpoint(environ)
    ratio = _read_ratio(environ)
    if endpoint is None or ratio == 0:
        return None
    try:
        sending = importlib.import_module("service.traces.sending")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith(("opentelemetry", "google", "requests")):
            raise
        raise TracesNotStarted(
            f"{error.name} is not installed; install Tenon with its extra `traces`, or unset {_ENDPOINT}."
        ) from error
    try:
        traces: Traces = sending.open_traces(
            endpoint=endpoint, ratio=ratio, service_name=service_name, version=version
        )
    except ValueError as error:
        raise TracesNotStarted(f"A variable OTEL_… is wrong: {error}") from error
    return traces


def _read_endpoint(environ: Mapping[str, str]) -> str | None:
    """The address to send to; None when traces are off."""
    base = environ.get(_ENDPOINT, "").strip()
    endpoint = environ.get(_TRACES_ENDPOINT, "").strip() or (base and f"{base.removesuffix('/')}/v1/traces")
    exporter = environ.get(_EXPORTER, "").strip().lower() or "otlp"
    is_disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not endpoint or exporter == "none" or is_disabled:
        return None
    # The address may hold a password, so no message repeats it.
    if not _is_web_address(endpoint):
        name = _TRACES_ENDPOINT if environ.get(_TRACES_ENDPOINT) else _ENDPOINT
        raise TracesNotStarted(f"{name} is no address; give one such as http://collector:4318.")
    if exporter != "otlp":
        raise TracesNotStarted(f"{_EXPORTER} is {exporter!r}; give otlp or none.")
    for name in _HEADERS:
        if not all("=" in part for part in environ.get(name, "").split(",") if part.strip()):
            raise TracesNotStarted(f"{name} is no list of headers; give name=value, several by commas.")
    for name in _PROTOCOLS:
        if environ.get(name, _PROTOCOL).strip() not in {"", _PROTOCOL}:
            raise TracesNotStarted(
                f"{name} is {environ[name]!r}; give {_PROTOCOL}, which collectors take on port 4318."
            )
    return endpoint


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _read_ratio(environ: Mapping[str, str]) -> float:
    """The share of traces that are sampled, from 0 to 1."""
    name = environ.get(_SAMPLER, "").strip().lower() or "always_on"
    sampler = name.removeprefix("parentbased_")
    if sampler not in _SAMPLERS:
        raise TracesNotStarted(f"{_SAMPLER} is {name!r}; give one of: {', '.join(_SAMPLERS)}.")
    if sampler != "traceidratio":
        return float(sampler == "always_on")
    text = environ.get(_SAMPLER_ARGUMENT, "").strip() or "1"
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise TracesNotStarted(f"{_SAMPLER_ARGUMENT} is {text!r}; give a number from 0 to 1.")
    return ratio
