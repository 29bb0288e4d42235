"""One trace from the marketplace's push through SQL to the webhook, across two processes."""

import asyncio
import signal
from functools import partial
from uuid import UUID

import pytest

from service.traces.causes import IdSampler, root_span_id
from tests.marketplace import user
from tests.receivers import open_receiver

# In every place where something personal or secret can stand.
MARK = "Zq9mark"
CALLER = "0af7651916cd43dd8448eb211c80319c"
LINK = {"traceparent": f"00-{CALLER}-b7ad6b7169203331-01", "tracestate": f"vendor={MARK}"}
SERVER, CLIENT = 2, 3
RATIO = 0.5


@pytest.fixture
def tracing(collector):
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": str(RATIO),
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "TENON_WEBHOOK_HTTP": "on",
        "TENON_WEBHOOK_PRIVATE": "on",
    }


def is_sampled(push_id):
    return IdSampler(RATIO).takes(push_id.int)


async def push_until_both(enterprise):
    """Pushes of which some are sampled and some are not; their ids."""
    pushed = []
    while len({is_sampled(one) for one in pushed}) < 2 or len(pushed) < 4:
        answer = await enterprise.department(f"D{len(pushed)}", f"{MARK} {len(pushed)}")
        assert answer.code == "000000"
        pushed.append(UUID(answer.response.headers["x-request-id"]))
    return pushed


async def try_everything_personal(client, marketplace, enterprise, home):
    """Requests that carry marked data in names, paths, queries and headers; refused ones too."""
    person = user(f"u-{MARK}", name=f"{MARK} {MARK}", mobile=f"+86 {MARK}", email=f"{MARK}@example.com")
    assert (await enterprise.members([person])).code == "000000"
    requests = [
        ("GET", f"{home}/members/u-{MARK}", {"headers": LINK}),
        ("GET", f"{home}/members", {"params": {"q": MARK, MARK: MARK}}),
        ("GET", f"/nowhere/{MARK}", {"headers": {"user-agent": MARK, MARK: MARK}}),
        ("PROPFIND", f"{home}/members", {}),
        ("PUT", f"{home}/groups/g-{MARK}", {"json": {"name": MARK, "extra": MARK}}),
        ("GET", "/v1/tenants", {"headers": {"Authorization": f"Bearer {MARK}"}}),
        ("POST", f"/koogallery/{MARK}/produceAPI/v2/{MARK}", {"content": MARK}),
        ("GET", "/login", {"params": {"login_hint": MARK}}),
    ]
    for method, path, rest in requests:
        await until_sampled(partial(client.request, method, path, **rest))
    await until_sampled(partial(unknown_interface, marketplace))
    assert (await client.get("/health/ready")).status_code == 200


async def unknown_interface(marketplace):
    return (await marketplace.kit(MARK, {"name": MARK})).response


async def until_sampled(send):
    while not is_sampled(UUID((await send()).headers["x-request-id"])):
        continue


async def test_a_push_its_statements_and_its_webhook_are_one_trace(site, collector, tracing):
    async with (
        open_receiver() as receiver,
        site(**tracing) as (server, client, marketplace),
        server.working() as worker,
    ):
        enterprise = await marketplace.open_enterprise()
        listed = await client.get("/v1/tenants", params={"external_id": enterprise.tenant})
        tenant_id = listed.json()["items"][0]["id"]
        body = {
            "url": f"{receiver.url}{MARK}?{MARK}",
            "tenants": [tenant_id],
            "types": ["department.*", "group.*"],
        }
        made = await client.post("/v1/endpoints", json=body)
        endpoint_id = made.json()["id"]
        pushed = await push_until_both(enterprise)
        await asyncio.wait_for(receiver.wait_for(len(pushed)), 20)
        acted = await client.put(f"/v1/tenants/{tenant_id}/groups/staff", json={"name": "Staff"})
        await asyncio.wait_for(receiver.wait_for(len(pushed) + 1), 20)
        await try_everything_personal(client, marketplace, enterprise, f"/v1/tenants/{tenant_id}")
        assert (await client.delete(f"/v1/endpoints/{endpoint_id}")).status_code == 204
        server.terminate()
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.process.wait, 30) == 0
        await asyncio.to_thread(worker.wait, 30)
    told = [event for event in server.events() if event["level"] in {"error", "critical"}]
    assert told + [event for event in server.events() if event["event"] == "traces_dropped"] == []
    assert set(collector.paths) == {"/v1/traces"}
    spans = collector.spans
    of_act = receiver.requests[len(pushed)].headers["traceparent"].split("-")[1]
    assert of_act == UUID(acted.headers["x-request-id"]).hex
    for cause, request in zip(pushed, receiver.requests, strict=False):
        mine = [span for span in spans if span.trace_id == cause.hex]
        _, trace_id, parent, flags = request.headers["traceparent"].split("-")
        assert trace_id == cause.hex
        if is_sampled(cause):
            assert int(flags, 16) & 1
            demand_whole_trace(mine, cause, tenant_id=tenant_id, endpoint_id=endpoint_id, called=parent)
        else:
            assert mine == []
            assert not int(flags, 16) & 1
    demand_nothing_else(collector, spans)


async def test_a_collector_that_hangs_holds_up_neither_pushes_nor_the_end(site, collector, tracing):
    collector.released.clear()
    tiny = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8"}
    slow = {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_EXPORTER_OTLP_TIMEOUT": "120"}
    async with site(**tracing | tiny | slow) as (server, _, marketplace):
        enterprise = await marketplace.open_enterprise()
        # From now on the collector holds what it was sent, and there is no room for more.
        await asyncio.to_thread(collector.wait_until, lambda one: one.bodies)
        answers = await asyncio.gather(*(enterprise.department(f"D{number}") for number in range(20)))
        assert {answer.code for answer in answers} == {"000000"}
        server.terminate()
        assert await asyncio.to_thread(server.process.wait, 20) == 0
    assert len(collector.bodies) == 1
    assert [one["event"] for one in server.events() if one["level"] not in {"info", "debug"}] == []


def demand_whole_trace(spans, cause, *, tenant_id, endpoint_id, called):
    [root] = [span for span in spans if span.kind == SERVER]
    assert root.id == f"{root_span_id(cause):016x}"
    assert root.parent == ""
    assert not root.failed
    assert root.attributes["tenon.interface"] == "singleOrgSync"
    assert root.attributes["tenon.result"] == "000000"
    assert root.attributes["tenon.tenant_id"] == tenant_id
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["http.route"].startswith("/koogallery")
    assert root.name == f"POST {root.attributes['http.route']}"
    assert root.resource["service.name"] == "tenon"
    assert root.resource["deployment.environment.name"] == "test"
    assert root.resource["service.version"]
    statements = [span for span in spans if span.attributes.get("db.system.name")]
    assert {span.parent for span in statements} == {root.id}
    names = [span.name for span in sorted(statements, key=lambda span: span.ended)]
    assert "LOCK tenant" in names
    assert "INSERT push" in names
    assert names[-1] == "COMMIT"
    assert len(names) == root.attributes["tenon.statements"]
    assert all(root.began <= span.began <= root.ended for span in statements)
    [webhook] = [span for span in spans if span.name == "webhook"]
    assert (webhook.id, webhook.parent, webhook.kind) == (called, root.id, CLIENT)
    assert webhook.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "tenon.endpoint_id": endpoint_id,
        "tenon.event_type": "department.added",
        "tenon.tenant_id": tenant_id,
    }
    assert webhook.resource["service.instance.id"] != root.resource["service.instance.id"]
    assert len(spans) == len(statements) + 2


def demand_nothing_else(collector, spans):
    """Nothing of people, and of callers a link at the most."""
    found = [body for body in collector.bodies if MARK.lower().encode() in body.lower()]
    assert not found, [span for span in spans if MARK.lower() in repr(span).lower()]
    assert not [body for body in collector.bodies if b"127.0.0.1" in body]
    roots = [span for span in spans if span.kind == SERVER]
    assert not [span for span in roots if span.trace_id == CALLER]
    linked = [span for span in roots if span.links]
    assert linked
    assert {link for span in linked for link in span.links} == {(CALLER, "b7ad6b7169203331")}
    routes = {span.attributes["http.route"] for span in roots}
    assert not [route for route in routes if route.startswith("/health")]
    assert "GET /v1/tenants/{tenant_id}/members/{user_name}" in {span.name for span in roots}
    assert {span.attributes["http.request.method"] for span in roots} >= {"GET", "POST", "PUT", "_OTHER"}
    # The worker looks at the database all the time: what belongs to no request is no trace.
    rooted = {span.trace_id for span in roots}
    statements = [span for span in spans if "db.system.name" in span.attributes]
    assert [span for span in statements if span.trace_id not in rooted] == []
