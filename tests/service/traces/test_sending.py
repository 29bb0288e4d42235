"""Spans of requests, statements and calls as a collector gets them, and a collector that is away."""

import asyncio
import contextlib
import logging
import time
from types import SimpleNamespace
from uuid import uuid4

import asyncpg
import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from structlog.testing import capture_logs

from service.traces.causes import root_span_id
from service.traces.exporting import PatientExporter
from service.traces.starting import start_traces
from service.traces.tracing import calling
from tests.ports import free_port

SERVER, CLIENT = 2, 3


@contextlib.asynccontextmanager
async def sending(url, **environ):
    traces = start_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": url, **environ}, version="1.2.3")
    try:
        yield traces
    finally:
        await traces.shutdown()


def statement(query="SELECT 1 FROM member", *, elapsed=0.001, exception=None):
    return SimpleNamespace(query=query, elapsed=elapsed, exception=exception)


def ask(traces, *queries, status=200, notes=None, request_id=None, method="GET", headers=()):
    """One request with its statements."""
    span = traces.begin(request_id or uuid4(), headers)
    for query in queries:
        traces.log_query(query)
    span.end(method=method, route="/v1/tenants", status=status, notes=notes or {})


async def told(collector, act, **environ):
    """What a collector is told when this was done."""
    async with sending(collector.url, **environ) as traces:
        await act(traces)
        await asyncio.sleep(0)
    return collector.spans


async def test_a_request_has_the_ids_that_follow_from_its_own(collector):
    request_id = uuid4()

    async def act(traces):
        ask(traces, statement(), request_id=request_id, notes={"result": "000000", "secret": "hush"})

    child, root = await told(collector, act)
    assert (root.trace_id, root.id) == (request_id.hex, f"{root_span_id(request_id):016x}")
    assert (root.name, root.kind, root.failed) == ("GET /v1/tenants", SERVER, False)
    assert root.attributes == {
        "http.request.method": "GET",
        "http.route": "/v1/tenants",
        "http.response.status_code": 200,
        "tenon.result": "000000",
        "tenon.statements": 1,
    }
    assert (child.name, child.kind, child.trace_id, child.parent) == (
        "SELECT member",
        CLIENT,
        root.trace_id,
        root.id,
    )
    assert child.ended - child.began == 1_000_000
    assert root.resource["service.name"] == "tenon"
    assert root.resource["service.version"] == "1.2.3"


@pytest.mark.parametrize(
    ("status", "notes", "kind"),
    [
        (500, {}, "500"),
        (503, {"result": "000005"}, "503"),
        (200, {"result": "000005"}, "000005"),
        (404, {}, None),
        (200, {"result": "000001"}, None),
    ],
)
async def test_only_what_is_our_own_fault_is_an_error(collector, status, notes, kind):
    async def act(traces):
        ask(traces, status=status, notes=notes)

    [root] = await told(collector, act)
    assert (root.failed, root.attributes.get("error.type")) == (kind is not None, kind)


async def test_a_statement_that_fails_tells_its_kind_and_nothing_of_its_text(collector):
    async def act(traces):
        error = asyncpg.UniqueViolationError("Key (name)=(hushhush) already exists.")
        ask(traces, statement("INSERT INTO member (name) VALUES ('hushhush')", exception=error))
        ask(traces, statement("COMMIT", exception=asyncio.CancelledError()))

    failed, cancelled, *_ = await told(collector, act)
    assert failed.attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": "INSERT",
        "db.query.summary": "INSERT member",
        "db.response.status_code": "23505",
        "error.type": "UniqueViolationError",
    }
    assert (cancelled.name, cancelled.attributes["error.type"]) == ("COMMIT", "CancelledError")
    assert failed.failed
    assert cancelled.failed
    assert b"hushhush" not in b"".join(collector.bodies)


async def test_a_statement_that_is_told_in_the_next_round_of_the_loop_still_belongs_to_its_request(collector):
    async def act(traces):
        span = traces.begin(uuid4(), ())
        # As the driver does.
        asyncio.get_running_loop().call_soon(traces.log_query, statement("COMMIT"))
        span.end(method="GET", route="/", status=200, notes={})

    assert {span.name for span in await told(collector, act)} == {"COMMIT", "GET /"}


async def test_a_task_that_outlives_its_request_leaves_no_statements_in_it(collector):
    async def act(traces):
        ended = asyncio.Event()

        async def outlive():
            traces.log_query(statement("SELECT 1 FROM before"))
            await ended.wait()
            traces.log_query(statement("SELECT 1 FROM after"))

        span = traces.begin(uuid4(), ())
        task = asyncio.create_task(outlive())
        await asyncio.sleep(0)
        span.end(method="GET", route="/", status=200, notes={})
        await asyncio.sleep(0)
        ended.set()
        await task
        traces.log_query(statement("SELECT 1 FROM nowhere"))

    assert {span.name for span in await told(collector, act)} == {"SELECT before", "GET /"}


async def test_however_many_statements_a_request_makes_some_are_told_and_all_are_counted(collector):
    async def act(traces):
        ask(traces, *[statement()] * 1000)

    *children, root = await told(collector, act)
    assert len(children) == 128
    assert root.attributes["tenon.statements"] == 1000


async def test_requests_at_once_keep_their_statements_apart(collector):
    async def act(traces):
        async def request(number):
            span = traces.begin(uuid4(), ())
            for _ in range(3):
                await asyncio.sleep(0)
                traces.log_query(statement(f"SELECT 1 FROM table_{number}"))
            span.end(method="GET", route=f"/{number}", status=200, notes={})

        await asyncio.gather(*(request(number) for number in range(5)))

    spans = await told(collector, act)
    for root in (span for span in spans if span.kind == SERVER):
        number = root.name.removeprefix("GET /")
        mine = [span.name for span in spans if span.trace_id == root.trace_id and span is not root]
        assert mine == [f"SELECT table_{number}"] * 3


async def test_calls_without_a_cause_have_traces_of_their_own_and_tell_how_they_ended(collector):
    headers = []

    async def act(traces):
        for status in (204, 410, None):
            with calling(traces, "logout", attributes={"client_id": "app"}) as call:
                headers.append(call.headers["traceparent"])
                call.answered(status)
        with pytest.raises(TimeoutError), calling(traces, "order query", method="GET", attributes={}):
            raise TimeoutError

    spans = await told(collector, act)
    assert [span.attributes.get("error.type") for span in spans] == [
        None,
        "410",
        "unreachable",
        "TimeoutError",
    ]
    assert [span.failed for span in spans] == [False, True, True, True]
    assert [span.attributes["http.request.method"] for span in spans] == ["POST", "POST", "POST", "GET"]
    assert {span.parent for span in spans} == {""}
    assert len({span.trace_id for span in spans}) == 4
    assert headers == [f"00-{span.trace_id}-{span.id}-03" for span in spans[:3]]


def test_a_call_while_traces_are_off_is_only_made():
    with calling(None, "webhook", cause=uuid4(), attributes={}) as call:
        assert call.headers == {}
        call.answered(200)


async def test_what_is_not_sampled_costs_no_span(collector):
    async def act(traces):
        assert traces.begin(uuid4(), ()) is None
        traces.log_query(statement())
        with calling(traces, "webhook", cause=uuid4(), attributes={}) as call:
            assert call.headers["traceparent"].endswith("-02")

    ratio = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1e-15"}
    assert await told(collector, act, **ratio) == []


async def test_the_operators_own_names_win(collector, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "identity")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=9,team=blue")

    async def act(traces):
        ask(traces)

    [root] = await told(collector, act)
    names = ("service.name", "service.version", "team")
    assert [root.resource[name] for name in names] == ["identity", "9", "blue"]


@pytest.fixture
def words(caplog):
    """What is logged, as (event, what is told with it): our own, and what libraries find worth a warning."""
    caplog.set_level(logging.WARNING)
    with capture_logs() as ours:
        yield lambda: [
            *((entry["event"], entry.get("spans")) for entry in ours),
            *((record.getMessage(), None) for record in caplog.records),
        ]


async def test_a_collector_that_is_away_is_told_of_once(words, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    async with sending(f"http://127.0.0.1:{free_port()}") as traces:
        for _ in range(20):
            ask(traces, *[statement()] * 4)
            await asyncio.sleep(0.01)
    assert [event for event, _ in words()] == ["traces_dropped"]


async def test_a_collector_that_hangs_holds_nobody_up(collector, words, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    collector.released.clear()
    async with sending(collector.url) as traces:
        ask(traces, *[statement()] * 4)
        await asyncio.sleep(0)
        await asyncio.to_thread(collector.wait_until, lambda one: one.bodies)
        began = time.perf_counter()
        for _ in range(100):
            ask(traces, *[statement()] * 4)
        assert time.perf_counter() - began < 5
        began = time.perf_counter()
    assert time.perf_counter() - began < 6
    assert words() == []


async def test_a_collector_that_comes_back_gets_what_is_new(collector, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    collector.status = 400
    async with sending(collector.url) as traces:
        ask(traces, status=200)
        await asyncio.to_thread(collector.wait_until, lambda one: one.paths)
        collector.status = 200
        ask(traces, status=201)
        await asyncio.to_thread(collector.wait_until, lambda one: one.spans)
    assert [span.attributes["http.response.status_code"] for span in collector.spans] == [201]


def test_a_reminder_comes_every_ten_minutes_with_what_was_dropped(words):
    now, results = [0.0], [SpanExportResult.FAILURE] * 4 + [SpanExportResult.SUCCESS]
    inner = SimpleNamespace(export=lambda spans: results.pop(0))
    exporter = PatientExporter(inner, clock=lambda: now[0])
    for moment in (0.0, 1.0, 599.0, 600.0, 5000.0):
        now[0] = moment
        exporter.export([None, None])
    assert words() == [("traces_dropped", 2), ("traces_dropped", 6)]
