"""A collector of traces on loopback: OTLP over HTTP with protobuf, as the specification has it."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Told:
    """One span as it arrived."""

    def __init__(self, resource, span):
        self.resource = {one.key: value_of(one.value) for one in resource.attributes}
        self.name = span.name
        self.kind = span.kind
        self.trace_id = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.began = span.start_time_unix_nano
        self.ended = span.end_time_unix_nano
        self.failed = span.status.code == 2
        self.links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
        self.attributes = {one.key: value_of(one.value) for one in span.attributes}

    def __repr__(self):
        return f"{self.name} {self.attributes}"


class Collector:
    def __init__(self):
        self.bodies = []
        self.paths = []
        self.status = 200
        self.released = threading.Event()
        self.released.set()
        self._news = threading.Condition()

    @property
    def spans(self):
        found = []
        for body in list(self.bodies):
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in group.scope_spans:
                    found += [Told(group.resource, span) for span in scope.spans]
        return found

    def take(self, path, body):
        with self._news:
            self.paths.append(path)
            if self.status == 200:
                self.bodies.append(body)
            self._news.notify_all()

    def wait_until(self, holds, *, seconds=20):
        """Wait, in a thread, until something holds of this collector."""
        with self._news:
            assert self._news.wait_for(lambda: holds(self), seconds), self.spans


def value_of(value):
    return getattr(value, value.WhichOneof("value"))


@contextlib.contextmanager
def running_collector():
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(self.path, body)
            collector.released.wait()
            with contextlib.suppress(OSError):
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        collector.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
