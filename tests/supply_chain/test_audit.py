"""`make audit` against a stand-in for the service that knows vulnerabilities."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.supply_chain.targets import run_make
from tools.licences import read_lock

FINDING = {
    "id": "PYSEC-2026-0000",
    "summary": "An invented weakness.",
    "affected": [
        {
            "package": {"name": "click", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


class Service(ThreadingHTTPServer):
    """Answers as OSV does, and keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = {}
        self.vulnerable = set()
        self.status = 200

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.server.asked[name] = query["version"]
        body = json.dumps({"vulns": [FINDING]} if name in self.server.vulnerable else {}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def service():
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audit(service, folder):
    # Its cache is kept apart, so that no test meets the answers of another.
    environ = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    return run_make("audit", f"OSV_URL={service.url}", environ=environ)


def test_an_audit_asks_for_every_locked_package_at_its_version(service, tmp_path):
    done = audit(service, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "No known vulnerabilities found" in done.stdout
    locked = read_lock("requirements-image.lock") | read_lock("requirements.lock")
    assert service.asked == locked


def test_a_finding_makes_the_audit_fail_and_names_package_and_remedy(service, tmp_path):
    service.vulnerable = {"click"}
    done = audit(service, tmp_path)
    assert done.returncode != 0
    for word in ("click", "PYSEC-2026-0000", "99.0"):
        assert word in done.stdout


def test_a_service_that_does_not_answer_makes_the_audit_fail(service, tmp_path):
    service.status = 500
    assert audit(service, tmp_path).returncode != 0
