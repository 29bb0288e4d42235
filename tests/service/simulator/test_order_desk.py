import asyncio
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from service.simulator.gateway_signature import read_authorization, sdk_signature
from service.simulator.order_desk import MOCK_ORDERS, PATH, Fault, OrderDesk

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCESS, SECRET = "demo-access", "demo-secret"


@pytest.fixture
def desk() -> OrderDesk:
    return OrderDesk(access_key=ACCESS, secret_key=SECRET, clock=lambda: NOW)


def signed_headers(query, *, secret=SECRET, access=ACCESS, at=NOW) -> dict[str, str]:
    headers = {"host": "desk.example", "x-sdk-date": f"{at:%Y%m%dT%H%M%SZ}"}
    names = ("host", "x-sdk-date")
    signature = sdk_signature(
        secret, method="GET", path=PATH, query=query, headers=headers, signed_headers=names
    )
    authorization = f"SDK-HMAC-SHA256 Access={access}, SignedHeaders=host;x-sdk-date, Signature={signature}"
    return headers | {"authorization": authorization}


async def ask(desk: OrderDesk, query, **kwargs) -> httpx2.Response:
    headers = kwargs.pop("headers", None) or signed_headers(list(query.items()), **kwargs)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(desk)) as client:
        return await client.get(f"http://desk.example{PATH}", params=query, headers=headers)


@pytest.mark.parametrize("order_id", [order[0] for order in MOCK_ORDERS])
async def test_a_mock_order_is_answered(desk, order_id):
    answer = (await ask(desk, {"orderId": order_id})).json()
    assert answer["resultCode"] == "MKT.0000"
    assert answer["orderInfo"]["orderId"] == order_id
    (line,) = answer["orderInfo"]["orderLine"]
    assert line["orderLineId"] == f"{order_id}-000001"


async def test_an_order_that_was_added_is_answered_by_line(desk):
    desk.add_order("CS 1/星", linear_value=42)
    asked = {"orderId": "CS 1/星", "orderLineId": "CS 1/星-000001"}
    info = (await ask(desk, asked)).json()["orderInfo"]
    assert info["orderLine"][0]["productInfo"][0]["linearValue"] == 42
    assert (await ask(desk, asked | {"orderLineId": "other"})).json()["orderInfo"]["orderLine"] == []


async def test_an_unknown_order_is_refused(desk):
    answer = await ask(desk, {"orderId": "CS404"})
    assert (answer.status_code, answer.json()["resultCode"]) == (400, "MKT.0101")


@pytest.mark.parametrize(
    "wrong",
    [{"secret": "other"}, {"access": "other"}, {"at": NOW - timedelta(minutes=16)}, {"headers": {"x": "y"}}],
)
async def test_a_query_that_is_not_signed_right_is_refused(desk, wrong):
    answer = await ask(desk, {"orderId": "MOCKONDEMAND"}, **wrong)
    assert answer.status_code == 401
    assert "orderInfo" not in answer.json()


async def test_a_signature_for_another_query_is_refused(desk):
    headers = signed_headers([("orderId", "MOCKONDEMAND")])
    assert (await ask(desk, {"orderId": "MOCKONETIMENEW"}, headers=headers)).status_code == 401


async def test_the_faults_are_a_server_error_a_wrong_code_and_no_answer(desk):
    query = {"orderId": "MOCKONDEMAND"}
    desk.fault = Fault.SERVER_ERROR
    assert (await ask(desk, query)).status_code == 500
    desk.fault = Fault.WRONG_CODE
    busy = await ask(desk, query)
    assert (busy.status_code, busy.json()["resultCode"]) == (200, "MKT.9001")
    desk.fault = Fault.HANG
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ask(desk, query)
    desk.fault = Fault.NONE
    assert (await ask(desk, query)).status_code == 200
    assert desk.queries == 4


def test_a_signature_covers_what_the_gateway_documents():
    headers = {"host": "h", "x-sdk-date": "20260102T030405Z"}
    given = {"method": "GET", "path": "/a b", "headers": headers, "signed_headers": ("host", "x-sdk-date")}
    first = sdk_signature("s", query=[("b", "2"), ("a", "1 /")], **given)
    assert first == sdk_signature("s", query=[("a", "1 /"), ("b", "2")], **given)
    canonical = (
        "GET\n/a%20b/\na=1%20%2F&b=2\nhost:h\nx-sdk-date:20260102T030405Z\n\nhost;x-sdk-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    text = f"SDK-HMAC-SHA256\n20260102T030405Z\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    assert first == hmac.new(b"s", text.encode(), "sha256").hexdigest()


def test_an_authorization_header_of_another_scheme_is_not_read():
    assert read_authorization("Bearer abc") is None
    assert read_authorization("SDK-HMAC-SHA256 Access=a, SignedHeaders=b") is None
