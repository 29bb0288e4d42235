"""Asking the marketplace for the details of an order: AK/SK signed, outside every transaction."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from service.koogallery.times import parse_time

DEFAULT_URL = "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1"

_SECONDS = 10
_ALGORITHM = "SDK-HMAC-SHA256"
_SUCCESSES = {"MKT.0000", "CBC.0000"}


class OrderNotAnswered(Exception):
    """The marketplace did not tell the order; the text says why, without personal data."""


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an order: never the buyer's phone number or e-mail address."""

    details: dict[str, Any]
    expires_at: datetime | None


class _Buyer(msgspec.Struct, frozen=True, rename="camel"):
    customer_id: str | None = None
    customer_name: str | None = None


class _Line(msgspec.Struct, frozen=True, rename="camel"):
    order_line_id: str | None = None
    charging_mode: str | None = None
    expire_time: str | None = None
    period_type: str | None = None
    period_number: int | str | None = None
    product_info: list[dict[str, Any]] | dict[str, Any] | None = None


class _Order(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str | None = None
    order_type: str | None = None
    create_time: str | None = None
    order_line: list[_Line] = []
    buyer_info: _Buyer | None = None


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    result_code: str
    order_info: _Order | None = None


def sign_request(
    url: str, params: Mapping[str, str], *, access_key: str, secret_key: str, now: datetime
) -> dict[str, str]:
    """The headers of a GET request under the API gateway's SDK-HMAC-SHA256 scheme."""
    parts = urlsplit(url)
    date = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = "/".join(quote(piece, safe="-_.~") for piece in parts.path.split("/"))
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(params[name], safe='-_.~')}" for name in sorted(params)
    )
    canonical = "\n".join(
        (
            "GET",
            path if path.endswith("/") else path + "/",
            query,
            f"host:{parts.netloc}\nx-sdk-date:{date}\n",
            "host;x-sdk-date",
            hashlib.sha256(b"").hexdigest(),
        )
    )
    text = f"{_ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(secret_key.encode(), text.encode(), "sha256").hex()
    return {
        "Host": parts.netloc,
        "X-Sdk-Date": date,
        "Authorization": f"{_ALGORITHM} Access={access_key}, SignedHeaders=host;x-sdk-date,"
        f" Signature={signature}",
    }


async def query_order(
    client: httpx2.AsyncClient,
    base_url: str,
    *,
    order_id: str,
    order_line_id: str,
    access_key: str,
    secret_key: str,
    now: datetime,
) -> OrderAnswer:
    """Ask for one order.

    Raises:
        OrderNotAnswered: no answer in time, or not the one hoped for.
    """
    url = f"{base_url.rstrip('/')}/order/query"
    params = {"orderId": order_id, **({"orderLineId": order_line_id} if order_line_id else {})}
    headers = sign_request(url, params, access_key=access_key, secret_key=secret_key, now=now)
    try:
        response = await client.get(url, params=params, headers=headers, timeout=_SECONDS)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise OrderNotAnswered(f"No answer: {type(error).__name__}.") from error
    try:
        reply = msgspec.json.decode(response.content, type=_Reply)
    except msgspec.MsgspecError as error:
        raise OrderNotAnswered(f"HTTP {response.status_code} with an unreadable body.") from error
    if (
        response.status_code != httpx2.codes.OK
        or reply.result_code not in _SUCCESSES
        or reply.order_info is None
    ):
        raise OrderNotAnswered(f"HTTP {response.status_code}, result {reply.result_code[:32]}.")
    return _kept(reply.order_info, order_line_id)


def _kept(order: _Order, order_line_id: str) -> OrderAnswer:
    line = next((line for line in order.order_line if line.order_line_id == order_line_id), None)
    line = line or (order.order_line[0] if order.order_line else _Line())
    products = line.product_info if isinstance(line.product_info, list) else [line.product_info or {}]
    product = products[0] if products else {}
    buyer = order.buyer_info or _Buyer()
    try:
        expires_at = parse_time(line.expire_time, UTC) if line.expire_time else None
    except ValueError:
        expires_at = None
    details = {
        "order_id": order.order_id,
        "order_type": order.order_type,
        "created": order.create_time,
        "charging_mode": line.charging_mode,
        "period_type": line.period_type,
        "period_number": line.period_number,
        "product_id": product.get("productId"),
        "product_name": product.get("productName"),
        "sku_code": product.get("skuCode"),
        "quantity": product.get("linearValue"),
        "customer_id": buyer.customer_id,
        "customer_name": buyer.customer_name,
    }
    return OrderAnswer(
        details={name: value for name, value in details.items() if value is not None}, expires_at=expires_at
    )
