"""The marketplace's sending half: signs every call of both editions and reads the vendor's answer."""

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import msgspec

from service.koogallery import signing
from service.simulator.calls import Answer, Call, SignedCall
from service.simulator.signatures import Keys, sign_call


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class Marketplace:
    """Makes the marketplace's calls to one vendor's production address.

    An async context manager: it owns its HTTP client. Nothing it does raises for what the vendor does; an
    unreachable or silent vendor is an Answer with status 0.
    """

    def __init__(
        self,
        address: str,
        *,
        base_key: str,
        kit_key: str,
        v1_key: str = "",
        public_key_line: str = "",
        clock: Callable[[], datetime] = utc_now,
        transport: httpx2.AsyncBaseTransport | None = None,
        time_limit: float = 20.0,
        kit_attempts: int = 1,
    ) -> None:
        """Prepare to call `address`.

        Args:
            address: the production address as registered in the seller center.
            base_key: signs the V2 base calls.
            kit_key: signs the V2 kit calls.
            v1_key: signs all V1 calls; only needed for those.
            public_key_line: the vendor's RSA public key, base64 on one line; only needed for applicationSync.
            clock: tells the present moment, with its time zone.
            transport: replaces the network, for tests.
            time_limit: seconds after which a call counts as unanswered (the marketplace's own default is 20).
            kit_attempts: how often a failing kit call is made; the marketplace makes up to 5.
        """
        self.address = address
        self.public_key_line = public_key_line
        self.keys = Keys(address=address, base=base_key, kit=kit_key, v1=v1_key)
        self._clock = clock
        self._last_moment = datetime.min.replace(tzinfo=UTC)
        self._time_limit = time_limit
        self._kit_attempts = kit_attempts
        # A proxy of the environment cannot reach a vendor on this machine.
        is_local = urlsplit(address).hostname in {"127.0.0.1", "::1", "localhost"}
        self._client = httpx2.AsyncClient(transport=transport, timeout=time_limit, trust_env=not is_local)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    def moment(self) -> datetime:
        """Tell the time for a message body; each answer is later than the one before by at least 1 ms."""
        now = self._clock()
        self._last_moment = max(now, self._last_moment + timedelta(milliseconds=1))
        return self._last_moment

    async def call(self, call: Call) -> Answer:
        """Sign and send, a failing kit call as often as `kit_attempts` says, each time with a fresh nonce."""
        attempts = self._kit_attempts if call.surface.is_kit else 1
        answer = await self.send(self.sign(call))
        for attempt in range(2, attempts + 1):
            if answer.as_expected:
                break
            answer = msgspec.structs.replace(await self.send(self.sign(call)), attempts=attempt)
        return answer

    def sign(self, call: Call) -> SignedCall:
        """Sign a call at the present moment (the body's bytes are signed and sent as they are)."""
        return sign_call(call, keys=self.keys, now=self.now())

    def now(self) -> datetime:
        """Tell the present moment."""
        return self._clock()

    async def send(self, signed: SignedCall) -> Answer:
        """Send one signed call as it is and read the answer; the time limit covers the whole exchange."""
        query = urlencode(signed.query, quote_via=quote)
        url = f"{signed.url}?{query}" if query else signed.url
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._time_limit):
                response = await self._client.request(
                    signed.method, url, headers=list(signed.headers), content=signed.content
                )
        except TimeoutError:
            return _silence(signed, f"nothing within {self._time_limit:g} s", time.monotonic() - started)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = f"{type(error).__name__} {error}".rstrip()
            return _silence(signed, reason, time.monotonic() - started)
        return _read(signed, response, time.monotonic() - started)


def _silence(signed: SignedCall, reason: str, seconds: float) -> Answer:
    return Answer(
        call=signed.call,
        status=0,
        result_code="",
        result_msg=reason,
        body=b"",
        members={},
        content_type="",
        seconds=seconds,
        body_sign_valid=None,
        body_sign_name="",
    )


def _read(signed: SignedCall, response: httpx2.Response, seconds: float) -> Answer:
    members = _members(response.content)
    body_sign = response.headers.get("Body-Sign")
    names = [name.decode("latin-1") for name, _ in response.headers.raw if name.lower() == b"body-sign"]
    expected = signing.body_sign(signed.key, response.content)
    return Answer(
        call=signed.call,
        status=response.status_code,
        result_code=str(members.get("resultCode", "")),
        result_msg=str(members.get("resultMsg", "")),
        body=response.content,
        members=members,
        content_type=response.headers.get("Content-Type", ""),
        seconds=seconds,
        body_sign_valid=hmac.compare_digest(expected.encode(), body_sign.encode()) if body_sign else None,
        body_sign_name=names[0] if names else "",
    )


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
