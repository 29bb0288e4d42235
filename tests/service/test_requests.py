"""Each request has an id and one line in the log, which says by its level how it ended."""

import asyncio
import io
import json
import logging
from uuid import UUID

import msgspec
import pytest
import structlog

from service.draining import Draining
from service.logs import configure_logs
from service.requests import Requests
from tenancy.errors import DatabaseUnavailable
from tests.marketplace import user


@pytest.fixture
def lines():
    """The lines of requests since it was last called."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(format="json", level="info", stream=stream)

    def take():
        found = [json.loads(line) for line in stream.getvalue().splitlines()]
        stream.seek(0)
        stream.truncate()
        return [line for line in found if line["event"] == "request"]

    yield take
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


async def test_a_request_is_told_in_one_line_with_the_id_that_its_answer_carries(api, office, lines):
    answer = await api.get(f"/v1/tenants/{office.tenant_id}/members/nobody")
    [line] = lines()
    assert line.pop("duration_ms") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "warning",
        "logger": "service.requests",
        "request_id": str(UUID(answer.headers["x-request-id"])),
        "method": "GET",
        "route": "/v1/tenants/{tenant_id}/members/{user_name}",
        "status": 404,
        "tenant_id": str(office.tenant_id),
        "code": answer.json()["code"],
    }


async def test_a_push_has_the_id_of_its_request(api, office, product, lines):
    enterprise = office.enterprise
    lines()
    answer = await enterprise.members([user("ann", orgCode="A")])
    [line] = lines()
    pushes = await api.get(f"/v1/tenants/{office.tenant_id}/pushes")
    assert pushes.json()["items"][0]["id"] == answer.response.headers["x-request-id"]
    assert line["push_id"] == line["request_id"] == answer.response.headers["x-request-id"]
    told = [line[name] for name in ("level", "product", "interface", "result", "tenant_id", "route")]
    assert told == ["info", product, "authSync", "000000", str(office.tenant_id), "/koogallery/{product}"]


async def test_a_refused_push_is_a_warning_with_its_reason(marketplace, product, lines):
    await marketplace.kit("tenantSync", {}, signature="forged")
    await marketplace.base({"activity": "newInstance"})
    forged, invalid = lines()
    assert (forged["level"], forged["result"], forged["reason"]) == ("warning", "000001", "signature")
    assert (invalid["level"], invalid["result"], invalid["product"]) == ("warning", "000002", product)
    assert "push_id" not in forged


async def test_a_fault_of_ours_is_an_error_that_is_found_by_its_id(api, office, lines, monkeypatch):
    async def fail(*_args, **_kwargs):
        raise RuntimeError

    monkeypatch.setattr("service.groups.put_group", fail)
    answer = await api.put(f"/v1/tenants/{office.tenant_id}/groups/g", json={"name": "G"})
    [line] = lines()
    assert (line["level"], line["status"]) == ("error", 500)
    assert answer.json()["detail"] == f"Correlation id: {line['request_id']}"


async def test_a_database_that_is_away_is_an_error_with_its_cause(api, lines, monkeypatch):
    async def fail(*_args, **_kwargs):
        raise DatabaseUnavailable("ConnectionRefusedError.")

    monkeypatch.setattr("service.tenants.list_tenants", fail)
    assert (await api.get("/v1/tenants")).status_code == 503
    [line] = lines()
    assert (line["level"], line["code"]) == ("error", "database_unavailable")
    assert line["cause"] == "ConnectionRefusedError."


async def test_what_watches_the_service_is_not_told_unless_somebody_wants_to_know(http, lines):
    await http.get("/health/live")
    assert lines() == []
    logging.getLogger().setLevel("DEBUG")
    await http.get("/health/live")
    [line] = lines()
    assert (line["level"], line["route"]) == ("debug", "/health/live")


async def test_an_address_that_no_route_takes_is_not_repeated(http, lines):
    await http.post("/.well-known/nobody/knows")
    [line] = lines()
    assert (line["status"], line["level"]) == (404, "warning")
    assert "nobody" not in json.dumps(line)


async def test_requests_at_once_do_not_mix_what_is_known_of_them(api, marketplace, lines):
    homes = [await marketplace.open_enterprise() for _ in range(6)]
    listed = [await api.get("/v1/tenants", params={"external_id": home.tenant}) for home in homes]
    tenants = {answer.json()["items"][0]["id"] for answer in listed}
    lines()
    answers = await asyncio.gather(*(api.get(f"/v1/tenants/{tenant}/groups") for tenant in tenants))
    assert {line["tenant_id"] for line in lines()} == tenants
    assert len({answer.headers["x-request-id"] for answer in answers}) == 6


async def test_a_client_that_has_gone_is_told_as_such(app, lines):
    async def wait(_scope, _receive, _send):
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "litestar_app": app}
    request = asyncio.create_task(Requests(wait)(scope, None, None))
    await asyncio.sleep(0)
    request.cancel()
    await asyncio.wait([request])
    [line] = lines()
    assert (line["status"], line["route"]) == (499, "unmatched")


async def test_a_process_that_leaves_asks_each_client_to_connect_elsewhere(app, http):
    assert "connection" not in (await http.get("/v1/tenants")).headers
    runtime = app.state.runtime
    leaving = Draining(0)
    leaving.is_under_way = True
    app.state.runtime = msgspec.structs.replace(runtime, draining=leaving)
    try:
        answer = await http.get("/v1/tenants")
        assert answer.headers["connection"] == "close"
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["draining"]) == (503, True)
        assert (await http.get("/health/live")).status_code == 200
    finally:
        app.state.runtime = runtime
