"""What traces cost: pushes with them on, beside the same with them off, and off beside off."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from pathlib import Path
from uuid import uuid4

import msgspec

from bench.calls import Enterprise, sign
from bench.load import run_load
from bench.ratios import Comparison, spread
from bench.servers import Server, free_port, running, wait_until_ready
from service.koogallery.canonical import canonical
from service.traces.tracing import Traces, calling

SETTINGS = {"TENON_WORKER": "off"}

_TENANTS = 16
_CONNECTIONS = 32
_CALLS = 40  # on each connection and round
_ROUNDS = 8
_LOOPS = 200_000
_TENON = str(Path(sys.executable).with_name("tenon"))


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and what was measured of it round by round."""

    name: str
    server: Server
    rates: list[float] = msgspec.field(default_factory=list)
    processor: list[float] = msgspec.field(default_factory=list)

    def measure(self, enterprises: list[Enterprise], number: int) -> None:
        """One round: calls a second, and processor time of the serving process per call in ms."""
        before = self.server.cpu_seconds()
        load = run_load(self.server.port, _requests(enterprises, number))
        if load.accepted != load.requests:
            raise RuntimeError(f"Only {load.accepted} of {load.requests} calls were accepted.")
        self.rates.append(load.rate)
        self.processor.append((self.server.cpu_seconds() - before) / load.requests * 1000)

    def forget(self) -> None:
        """What was only to warm up."""
        self.rates.clear()
        self.processor.clear()


def traces(server: Server) -> list[str]:
    """Measure the rate of singleOrgSync over 16 tenants, with traces off, off once more, and on."""
    enterprises = [server.marketplace.open_enterprise() for _ in range(_TENANTS)]
    with contextlib.ExitStack() as stack:
        endpoint, bodies = stack.enter_context(_collecting())
        sampled = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_SAMPLER": "traceidratio"}
        off = Way(name="off", server=server)
        others = [
            Way(name=name, server=stack.enter_context(_serving(server, settings)))
            for name, settings in (
                ("off, another process", {}),
                ("one in ten sampled", sampled | {"OTEL_TRACES_SAMPLER_ARG": "0.1"}),
                ("all sampled", sampled | {"OTEL_TRACES_SAMPLER_ARG": "1"}),
            )
        ]
        ways = [off, *others]
        for number in range(-1, _ROUNDS):
            # Whoever comes first meets another server than whoever comes last.
            for way in islice(cycle(ways), number % len(ways), number % len(ways) + len(ways)):
                way.measure(enterprises, number)
            if number < 0:
                for way in ways:
                    way.forget()
    if not bodies:
        raise RuntimeError("The collector got nothing.")
    lines = []
    for way in others:
        name = f"singleOrgSync, traces {way.name}; the limit is off"
        lines += [
            str(Comparison(name=name, unit="/s", limit=off.rates, ours=way.rates)),
            f"    processor per call: off {spread(off.processor, 'ms')}; {spread(way.processor, 'ms')}",
        ]
    return [*lines, f"what is left of traces when off: {_left_when_off()}"]


def _requests(enterprises: list[Enterprise], number: int) -> list[list[bytes]]:
    now = datetime.now(UTC)
    requests = []
    for connection, enterprise in zip(range(_CONNECTIONS), cycle(enterprises), strict=False):
        calls = [
            enterprise.call(
                "singleOrgSync",
                now,
                orgCode=f"C{connection}-{call}",
                orgName=f"部门 {number}",
                parentCode="",
                flag=2,
            )
            for call in range(_CALLS)
        ]
        requests.append([sign(path, body, canonical(body)) for path, body in calls])
    return requests


@contextlib.contextmanager
def _serving(server: Server, settings: dict[str, str]) -> Iterator[Server]:
    """Another `tenon serve` on the same databases."""
    port = free_port()
    environ = {**server.environ, **settings, "TENON_BIND": f"127.0.0.1:{port}"}
    with running([_TENON, "serve"], environ, server.folder / f"serve-{port}.log") as process:
        wait_until_ready(process, port)
        yield msgspec.structs.replace(server, pid=process.pid, port=port)


@contextlib.contextmanager
def _collecting() -> Iterator[tuple[str, list[int]]]:
    """A collector that takes everything; its address, and the sizes of what it took."""
    sizes: list[int] = []

    class Collector(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sizes.append(len(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as listener:
        listener.daemon_threads = True
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}", sizes
        listener.shutdown()


def _left_when_off() -> str:
    """The time of what a request and a webhook still do for traces, in a loop on one core."""
    off: list[Traces | None] = [None]
    cause = uuid4()
    began = time.perf_counter()
    for _ in range(_LOOPS):
        if off[0] is not None:
            raise AssertionError
    request = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(_LOOPS):
        with calling(off[0], "webhook", cause=cause, attributes={"event_type": "department.added"}) as call:
            call.answered(200)
    webhook = time.perf_counter() - began
    request_ns, webhook_ns = (seconds / _LOOPS * 1e9 for seconds in (request, webhook))
    return f"{request_ns:.0f} ns of a request, {webhook_ns:.0f} ns of a webhook"
