"""When traces are on, and what is told when they are configured wrongly."""

import importlib

import pytest

from service.traces import starting
from service.traces.starting import TracesNotStarted, start_traces

AWAY = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_SERVICE_NAME": "tenon", "OTEL_TRACES_SAMPLER": "always_on"},
        AWAY | {"OTEL_SDK_DISABLED": "true"},
        AWAY | {"OTEL_TRACES_EXPORTER": "none"},
        AWAY | {"OTEL_TRACES_SAMPLER": "always_off"},
        AWAY | {"OTEL_TRACES_SAMPLER": "parentbased_always_off"},
        AWAY | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
    ],
)
def test_traces_are_off_unless_there_is_somewhere_to_send_them(environ):
    assert start_traces(environ, version="1") is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no address"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1"},
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no address",
        ),
        (AWAY | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'"),
        (AWAY | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "TRACES_PROTOCOL is 'http/json'"),
        (AWAY | {"OTEL_EXPORTER_OTLP_HEADERS": "authorization: Bearer x"}, "HEADERS is no list of headers"),
        (AWAY | {"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'"),
        (AWAY | {"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER is 'jaeger_remote'"),
        (
            AWAY | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10%"},
            "OTEL_TRACES_SAMPLER_ARG is '10%'",
        ),
        (
            AWAY | {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"},
            "OTEL_TRACES_SAMPLER_ARG is 'nan'",
        ),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(wrong, named):
    with pytest.raises(TracesNotStarted, match=r"Traces are configured but cannot be sent\.") as refused:
        start_traces(wrong, version="1")
    assert named in str(refused.value)


def test_an_address_with_a_password_is_never_repeated():
    with pytest.raises(TracesNotStarted) as refused:
        start_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://user:hushhush@collector"}, version="1")
    assert "hushhush" not in str(refused.value)


def test_configured_without_the_libraries_says_what_to_install(monkeypatch):
    def without_libraries(name):
        raise ModuleNotFoundError(name="opentelemetry.sdk")

    monkeypatch.setattr(starting.importlib, "import_module", without_libraries)
    with pytest.raises(TracesNotStarted, match=r"extra `traces`"):
        start_traces(AWAY, version="1")


def test_a_module_of_ours_that_is_missing_is_no_missing_library(monkeypatch):
    def without_ours(name):
        raise ModuleNotFoundError(name="service.traces.sending")

    monkeypatch.setattr(starting.importlib, "import_module", without_ours)
    with pytest.raises(ModuleNotFoundError):
        start_traces(AWAY, version="1")


def test_a_variable_that_the_library_refuses_is_told_too(monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    importlib.import_module("service.traces.sending")
    with pytest.raises(TracesNotStarted, match=r"max_queue_size must be a positive integer"):
        start_traces(AWAY, version="1")
