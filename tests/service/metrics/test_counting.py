"""What the marketplace and browsers do is counted, each thing for its reason."""

import secrets

import msgspec
import pytest

from service.koogallery import directory, nonces, purchases, results
from service.metrics import definitions
from tests.service.metrics.scraping import scrape
from tests.service.oauth2.relying import sign_in
from tests.service.telling import end_all

PUSHES, REFUSALS = "tenon_pushes_total", "tenon_push_refusals_total"


def test_the_names_that_are_counted_are_those_that_the_marketplace_uses():
    assert {*purchases._READERS, *directory._READERS} == definitions.INTERFACES
    codes = {value for name, value in vars(results).items() if name.isupper() and isinstance(value, str)}
    assert codes == definitions.RESULTS


async def test_each_call_is_counted_once_by_product_interface_and_result(http, marketplace, product):
    before = await scrape(http)
    instance = await marketplace.buy()
    await marketplace.base({"activity": "refreshInstance", "instanceId": "nobody's"})
    await marketplace.kit("singleOrgSync", {"instanceId": instance})
    await marketplace.kit("noSuchSync", {})
    after = await scrape(http)
    assert after.risen(before, PUSHES) == {
        ("newInstance", product, "000000"): 1,
        ("refreshInstance", product, "000002"): 1,
        ("singleOrgSync", product, "000002"): 1,
        ("unknown", product, "000002"): 1,
    }
    assert after.risen(before, "tenon_push_seconds_count") == {
        (name,): 1 for name in ("newInstance", "refreshInstance", "singleOrgSync", "unknown")
    }
    assert after.risen(before, REFUSALS) == {}


async def replayed(marketplace):
    nonce, stamp = secrets.token_hex(8), marketplace.stamp()
    for _ in range(2):
        await marketplace.base({"activity": "queryInstance"}, nonce=nonce, timestamp=stamp)


REFUSED = {
    "method": lambda marketplace: marketplace.http.put(marketplace.address),
    "missing": lambda marketplace: marketplace.http.post(marketplace.address, content=b"{}"),
    "malformed": lambda marketplace: marketplace.kit("authSync", {}, timestamp="yesterday"),
    "outdated": lambda marketplace: marketplace.kit("authSync", {}, timestamp=marketplace.stamp(-61_000)),
    "signature": lambda marketplace: marketplace.kit("authSync", {}, signature="forged"),
    "replayed": replayed,
}


@pytest.mark.parametrize("reason", REFUSED)
async def test_a_call_that_is_not_proven_is_counted_as_refused_for_its_reason(
    http, marketplace, product, reason
):
    before = await scrape(http)
    await REFUSED[reason](marketplace)
    after = await scrape(http)
    assert after.risen(before, REFUSALS) == {(product, reason): 1}
    assert sum(after.risen(before, PUSHES).values()) == (reason == "replayed")


async def test_a_body_that_is_too_large_is_counted_as_refused(
    http, marketplace, product, set_runtime, runtime
):
    set_runtime(settings=msgspec.structs.replace(runtime.settings, max_body_bytes=10))
    before = await scrape(http)
    await marketplace.kit("authSync", {"instanceId": "0123456789"})
    assert (await scrape(http)).risen(before, REFUSALS) == {(product, "body"): 1}


async def test_a_call_for_a_product_that_is_not_there_names_none(http):
    before = await scrape(http)
    await http.post("/koogallery/nobody", content=b"{}")
    assert (await scrape(http)).risen(before, REFUSALS) == {("", "unknown_product"): 1}


async def test_each_request_is_counted_by_its_route_never_by_its_path(http, api, office):
    before = await scrape(http)
    await office.get("/members", limit=1)
    await office.ask("GET", "/members/nobody")
    await http.get("/v1/tenants")
    await http.get("/no/such/page")
    await http.request("BREW", "/no/such/page")
    risen = (await scrape(http)).risen(before, "tenon_requests_total")
    assert {key: count for key, count in risen.items() if "/metrics" not in key} == {
        ("GET", "/v1/tenants/{tenant_id}/members", "200"): 1,
        ("GET", "/v1/tenants/{tenant_id}/members/{user_name}", "404"): 1,
        ("GET", "/v1/tenants", "401"): 1,
        ("GET", "unmatched", "404"): 1,
        ("other", "unmatched", "404"): 1,
    }


async def test_calls_of_the_marketplace_have_one_route_whatever_the_product(http, marketplace):
    before = await scrape(http)
    await marketplace.buy()
    await http.post("/koogallery/nobody/produceAPI/v2/authSync", content=b"{}")
    risen = (await scrape(http)).risen(before, "tenon_requests_total")
    assert risen[("POST", "/koogallery/{product}", "200")] == 2


async def test_calls_whose_nonce_could_not_be_checked_are_counted(http, marketplace, runtime, monkeypatch):
    async def away(*values, **options):
        raise ConnectionError

    monkeypatch.setattr(runtime.nonces._redis, "set", away)
    monkeypatch.setattr(runtime.nonces, "_away_until", 0.0)
    before, gaps = await scrape(http), runtime.nonces.gaps
    for _ in range(2):
        await marketplace.base({"activity": "queryInstance"})
    assert (await scrape(http)).risen(before, "tenon_unchecked_nonces_total") == {(): 2}
    assert runtime.nonces.gaps - gaps == 2
    assert nonces.NonceStore(runtime.nonces._redis).gaps == 0


async def test_sessions_are_counted_when_they_begin_and_when_they_end(http, app, office):
    await office.authorise("ann")
    before = await scrape(http)
    await sign_in(app, office, "ann")
    await sign_in(app, office, "ann")
    between = await scrape(http)
    await end_all(office)
    after = await scrape(http)
    assert between.risen(before, "tenon_sessions_begun_total") == {("koogallery",): 2}
    assert between.risen(before, "tenon_sessions_ended_total") == {}
    assert after.risen(between, "tenon_sessions_ended_total") == {("ended_by_admin",): 2}
