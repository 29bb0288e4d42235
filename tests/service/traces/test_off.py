"""Traces that are not configured cost nothing: nothing of them is loaded, and nothing is attached."""

import os
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from service.traces.starting import start_traces
from tenancy.database import DB, close_database, open_database
from tests.pools import pool_put_aside
from tests.repository import ROOT

SERVING = """
import sys
import service.cli, service.serve
from service.app import create_app
from service.settings import read_settings
from service.traces.starting import start_traces
create_app(read_settings({}))
assert start_traces({}, version="1") is None
"""

# The client of Redis loads a part of OpenTelemetry itself wherever it is installed.
LOADED = """
heads = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.proto", "google", "requests")
print([name for name in sys.modules if name.startswith((*heads, "service.traces.sending"))])
"""

WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"opentelemetry", "google", "requests"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
"""

REFUSED = """
from service.traces.starting import TracesNotStarted
try:
    start_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, version="1")
except TracesNotStarted as error:
    print(error)
"""


def run(program):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_nothing_that_traces_need_is_loaded_while_they_are_off():
    assert run(SERVING + LOADED) == "[]"


def test_without_the_libraries_tenon_serves_and_says_what_to_install_once_traces_are_configured():
    assert "install Tenon with its extra `traces`" in run(WITHOUT + SERVING + REFUSED)


@asynccontextmanager
async def connection(settings, **options):
    async with pool_put_aside():
        await open_database(settings.database_url, pool_size=1, **options)
        try:
            async with DB.pool.acquire() as pooled:
                yield pooled
        finally:
            await close_database()


async def test_connections_keep_no_account_of_statements_while_traces_are_off(migrated):
    async with connection(migrated) as plain:
        assert plain._con._query_loggers == set()


async def test_every_connection_tells_of_its_statements_while_traces_are_on(migrated):
    told, ours = [], ["SELECT $1::int", "SELECT 2"]
    async with connection(migrated, query_logger=told.append) as watched:
        await watched.fetchval(ours[0], 1)
        await watched.execute(ours[1])
    # An application that other tests have left running asks for news through any pool.
    assert [one.query for one in told if one.query in ours] == ours


@pytest.mark.parametrize("name", ["OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_HEADERS"])
def test_a_variable_alone_does_not_turn_them_on(name):
    assert start_traces({name: "x"}, version="1") is None
