"""Signed calls of the marketplace as exact bytes, and a plain socket that sends them."""

import secrets
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import msgspec

from service.koogallery.canonical import canonical
from service.koogallery.signing import sign_base, sign_kit
from service.koogallery.times import CHINA
from sso.keys import encrypt_client_secret

OPERATOR_TOKEN = "operator-token-of-the-benchmarks-0123456789"
BASE_KEY = "benchBaseKey-3f9c1e7a2b4d"
KIT_KEY = "benchKitKey-8d21c0a5f6e7"
APP_ID = "app-1"

_SECONDS = 300


class Connection:
    """One kept-alive connection; a context manager. It blocks, and allocates little while it is timed."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer."""
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        length = content_length(head)
        while len(body) < length:
            body += self._receive()
        return body

    def get(self, path: str) -> bytes:
        """Send a GET request."""
        return self.send(http_request("GET", path))

    def _receive(self) -> bytes:
        chunk = self._socket.recv(65536)
        if not chunk:
            raise ConnectionError("The server closed the connection.")
        return chunk


def content_length(head: bytes) -> int:
    """The length of a body as its head tells it."""
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def http_request(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """A request as its exact bytes."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def wire_time(moment: datetime) -> str:
    """A time of a body: UTC+8, 17 digits."""
    return f"{moment.astimezone(CHINA):%Y%m%d%H%M%S}{moment.microsecond // 1000:03}"


def sign(path: str, body: bytes, payload: bytes, *, key: str = KIT_KEY) -> bytes:
    """A kit call, signed now: its timestamp is taken for a minute. `payload` is `canonical(body)`."""
    nonce, timestamp = secrets.token_hex(16), str(time.time_ns() // 1_000_000)
    signature = sign_kit(key, nonce=nonce, timestamp=timestamp, payload=payload)
    headers = {
        "content-type": "application/json;charset=utf8",
        "x-sign": signature,
        "x-timestamp": timestamp,
        "x-nonce": nonce,
    }
    return http_request("POST", path, body, headers)


class Enterprise(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise that is bound to an instance of a product and has the app's credentials."""

    product: str
    instance_id: str
    tenant_id: str

    def call(self, interface: str, at: datetime, **fields: Any) -> tuple[str, bytes]:
        """The path and the body of a kit call, in Jackson's compact form."""
        said = {"instanceId": self.instance_id, "tenantId": self.tenant_id, "testFlag": 0}
        body = msgspec.json.encode(said | fields | {"timeStamp": wire_time(at)})
        return f"/koogallery/{self.product}/produceAPI/v2/{interface}", body


class Marketplace:
    """Sets up what the measurements need: a product, and enterprises that have bought it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.product = f"bench-{secrets.token_hex(4)}"
        self._public_key = ""

    def open_product(self) -> None:
        """Put a product with our keys; the server makes its RSA key."""
        body = {"name": "Benchmark", "base_keys": [BASE_KEY], "kit_keys": [KIT_KEY]}
        headers = {"authorization": f"Bearer {OPERATOR_TOKEN}", "content-type": "application/json"}
        path = f"/v1/products/{self.product}"
        with Connection(self._port) as connection:
            raw = connection.send(http_request("PUT", path, msgspec.json.encode(body), headers))
        self._public_key = msgspec.json.decode(raw)["rsa_public_keys"][0]

    def open_enterprise(self) -> Enterprise:
        """Buy an instance, bind an enterprise to it and give the application its credentials."""
        if not self._public_key:
            self.open_product()
        order = f"CS{secrets.token_hex(6)}"
        bought = {"orderId": order, "orderLineId": f"{order}-000001", "businessId": str(uuid4())}
        with Connection(self._port) as connection:
            answer = connection.send(self._purchase({"activity": "newInstance"} | bought))
            enterprise = Enterprise(
                product=self.product, instance_id=accepted(answer)["instanceId"], tenant_id=uuid4().hex
            )
            before = datetime.now(UTC) - timedelta(seconds=1)
            secret = encrypt_client_secret("the-client-secret", self._public_key)
            for interface, fields in (
                (
                    "tenantSync",
                    {
                        "orderId": order,
                        "tenantCode": "bench.example",
                        "name": "星河制造有限公司",
                        "domainName": "https://bench.example",
                    },
                ),
                ("applicationSync", {"appId": APP_ID, "clientId": "client-1", "clientSecret": secret}),
            ):
                path, body = enterprise.call(interface, before, flag=1, **fields)
                accepted(connection.send(sign(path, body, canonical(body))))
        return enterprise

    def _purchase(self, fields: dict[str, str]) -> bytes:
        body = msgspec.json.encode(fields)
        nonce, timestamp = secrets.token_hex(16), str(time.time_ns() // 1_000_000)
        signed = sign_base(BASE_KEY, nonce=nonce, timestamp=timestamp, payload=canonical(body, base=True))
        query = f"signature={signed}&timestamp={timestamp}&nonce={nonce}"
        return http_request("POST", f"/koogallery/{self.product}?{query}", body)


def accepted(answer: bytes) -> dict[str, Any]:
    """The body of an answer that must report success."""
    decoded: dict[str, Any] = msgspec.json.decode(answer)
    if decoded["resultCode"] != "000000":
        raise RuntimeError(f"The server answered {decoded}.")
    return decoded
