"""The marketplace's order query as a tiny ASGI application with faults on demand, for testing clients."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from service.simulator.asgi import Message, Receive, Send, json_reply, read_body, send_reply
from service.simulator.gateway_signature import read_authorization, sdk_signature

PATH = "/api/mkp-openapi-public/global/v1/order/query"
CLOCK_TOLERANCE = timedelta(minutes=15)
# (order id, order type, charging mode, period type): orders that anyone may query while developing.
MOCK_ORDERS = (
    ("MOCKPERIODYEARNEW", "NEW", "PERIOD", "year"),
    ("MOCKONETIMENEW", "NEW", "ONE_TIME", ""),
    ("MOCKONDEMAND", "NEW", "ON_DEMAND", ""),
    ("MOCKONDEMANDPKG", "NEW", "ON_DEMAND_PKG", ""),
    ("MOCKPERIODDAYTRIAL", "TRIAL", "PERIOD", "day"),
    ("MOCKMONTYTRIALTOFORMAL", "TRIAL_TO_FORMAL", "PERIOD", "month"),
    ("MOCKMONTYUNSUBSCRIBE", "UNSUBSCRIBE", "PERIOD", "month"),
    ("MOCKMONTYRENEW", "RENEW", "PERIOD", "month"),
    ("MOCKMONTYCHANGE", "CHANGE", "PERIOD", "month"),
)


class Fault(Enum):
    """On purpose: HTTP 500, no answer until the client hangs up, or a failure code with HTTP 200."""

    NONE = "none"
    SERVER_ERROR = "server-error"
    HANG = "hang"
    WRONG_CODE = "wrong-code"


class Refused(Exception):
    """The desk answers with an error: HTTP status, result code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class OrderDesk:
    """Answers signed order queries at `PATH`; `fault` may be switched at any time and `queries` counts them.

    Knows the marketplace's MOCK orders and whatever `add_order` put there. The marketplace publishes which
    result codes exist but not what each means, so the codes of refusals are plausible rather than exact.
    """

    def __init__(self, *, access_key: str, secret_key: str, clock: Callable[[], datetime]) -> None:
        """Accept queries signed with this pair of keys at most 15 minutes from what `clock` says."""
        self._access_key = access_key
        self._secret_key = secret_key
        self._clock = clock
        self._orders: dict[str, dict[str, Any]] = {}
        self.fault = Fault.NONE
        self.queries = 0
        for order_id, order_type, charging_mode, period_type in MOCK_ORDERS:
            self.add_order(
                order_id, order_type=order_type, charging_mode=charging_mode, period_type=period_type
            )

    def add_order(
        self,
        order_id: str,
        *,
        order_type: str = "NEW",
        charging_mode: str = "PERIOD",
        period_type: str = "year",
        linear_value: int = 100,
    ) -> None:
        """Keep an order of one line and one product; `linear_value` is the bought quantity."""
        period = {"periodType": period_type, "periodNumber": 1} if charging_mode == "PERIOD" else {}
        product = {
            "productId": "OFFI000000000000000001",
            "skuCode": "a1b2c3d4-0000-4000-8000-000000000001",
            "productName": "Example product",
            "linearValue": linear_value,
        }
        line = {
            "orderLineId": f"{order_id}-000001",
            "chargingMode": charging_mode,
            "expireTime": f"{self._clock().astimezone(UTC) + timedelta(days=365):%Y%m%d%H%M%S}",
            "productInfo": [product],
        }
        self._orders[order_id] = {
            "orderId": order_id,
            "orderType": order_type,
            "createTime": f"{self._clock().astimezone(UTC):%Y%m%d%H%M%S}",
            "orderLine": [line | period],
            "buyerInfo": {"customerId": "68cbc86abc2018ab880d92f36422fa0e", "customerName": "Example buyer"},
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI)."""
        if scope["type"] != "http":
            return
        self.queries += 1
        body = await read_body(receive)
        if self.fault is Fault.HANG:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        try:
            status, answer = 200, self._answer(scope, body)
        except Refused as refusal:
            status, answer = refusal.status, {"resultCode": refusal.code, "resultMsg": refusal.message}
        await send_reply(send, json_reply(answer, status=status))

    def _answer(self, scope: Message, body: bytes) -> dict[str, Any]:
        if scope["path"] != PATH or scope["method"] != "GET":
            raise Refused(404, "MKT.0199", f"There is only GET {PATH}.")
        if self.fault is Fault.SERVER_ERROR:
            raise Refused(500, "MKT.0999", "System internal error.")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self._check_signature(scope, query, body)
        if self.fault is Fault.WRONG_CODE:
            raise Refused(200, "MKT.9001", "Service busy.")
        asked = dict(query)
        order = self._orders.get(asked.get("orderId", ""))
        if order is None:
            raise Refused(400, "MKT.0101", "Parameter orderId is missing or names no order.")
        lines = [
            line for line in order["orderLine"] if asked.get("orderLineId") in {None, line["orderLineId"]}
        ]
        return {"resultCode": "MKT.0000", "resultMsg": "success", "orderInfo": order | {"orderLine": lines}}

    def _check_signature(self, scope: Message, query: list[tuple[str, str]], body: bytes) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        given = read_authorization(headers.get("authorization", ""))
        if given is None or given.access_key != self._access_key or "x-sdk-date" not in given.signed_headers:
            raise Refused(401, "MKT.0150", "Authorization is missing, malformed or of an unknown access key.")
        try:
            sent_at = datetime.strptime(headers["x-sdk-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except (KeyError, ValueError) as error:
            raise Refused(401, "MKT.0151", "X-Sdk-Date is missing or not yyyyMMddTHHmmssZ.") from error
        if abs(self._clock() - sent_at) > CLOCK_TOLERANCE:
            raise Refused(401, "MKT.0154", "X-Sdk-Date is more than 15 minutes away.")
        expected = sdk_signature(
            self._secret_key,
            method=scope["method"],
            path=scope["path"],
            query=query,
            headers=headers,
            signed_headers=given.signed_headers,
            body=body,
        )
        if not hmac.compare_digest(expected.encode(), given.signature.encode()):
            raise Refused(401, "MKT.0150", "The signature does not match the request.")
