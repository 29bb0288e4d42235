"""One turn of a stream: its next events are told one by one, each when the one before was accepted."""

import asyncio
from collections.abc import Callable
from functools import cached_property
from uuid import UUID

import msgspec
import structlog

from service.metrics.definitions import count_attempt
from service.runtime import Runtime
from service.traces.tracing import calling
from service.webhooks.messages import message_body, message_id
from service.webhooks.recorder import Recorder
from service.webhooks.sender import Sender
from service.webhooks.signing import webhook_headers
from tenancy.attempts import Attempt, Step, give_back
from tenancy.endpoint_rows import open_secrets
from tenancy.errors import SecretUndecryptable
from tenancy.event_pages import EncodedRecord
from tenancy.failures import record_failure, record_recovery
from tenancy.leases import Lease

log = structlog.get_logger(__name__)


class Teller(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn works with.

    `turn_seconds` is after how long others get their turn, `patience_seconds` how long one attempt may take
    with all waiting for a connection; a lease has to outlast both together.
    """

    runtime: Runtime
    sender: Sender
    recorder: Recorder
    jitter: Callable[[], float]
    # Failures take more than one statement; a burst of them must not use up the database's connections.
    failing: asyncio.Semaphore
    turn_seconds: float
    patience_seconds: float


class Turn:
    """The telling of what one lease holds."""

    def __init__(self, lease: Lease, teller: Teller) -> None:
        self.lease = lease
        self._teller = teller
        self._is_stopped = False

    def stop(self) -> None:
        """End after the attempt that is under way."""
        self._is_stopped = True

    async def take(self) -> None:
        """Tell the events until they are all told, one is not accepted, or the time is up."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._teller.turn_seconds
        for event, cause in zip(self.lease.events, self.lease.causes, strict=True):
            try:
                async with asyncio.timeout(self._teller.patience_seconds):
                    attempt = await self._tell(event, cause)
            except TimeoutError:
                break
            if attempt.error is not None:
                await self._fail(attempt)
                return
            is_last = event is self.lease.events[-1]
            is_end = is_last or self._is_stopped or loop.time() >= ends
            position = self.lease.ends_at if is_last else event.number
            standing = await self._teller.recorder.record(
                Step(lease=self.lease, position=position, is_end=is_end, attempt=attempt)
            )
            if standing.had_failures:
                async with self._teller.failing:
                    await record_recovery(self.lease.endpoint_id, now=self._teller.runtime.clock())
            if is_end:
                return
            if not standing.is_held:
                break
        await give_back([self.lease], now=self._teller.runtime.clock())

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return open_secrets(self.lease.endpoint_id, self.lease.sealed_secrets, self._teller.runtime.keyring)

    async def _tell(self, event: EncodedRecord, cause: UUID) -> Attempt:
        lease, teller = self.lease, self._teller
        at = teller.runtime.clock()
        try:
            secrets = self._secrets
        except SecretUndecryptable as error:
            return Attempt(
                number=event.number, at=at, duration_ms=0, status=None, answer="", error=error.message
            )
        body = message_body(lease, event)
        headers = webhook_headers(secrets, message_id=message_id(lease, event), at=at, body=body)
        told = {
            "endpoint_id": str(lease.endpoint_id),
            "tenant_id": str(lease.tenant_id),
            "event_type": event.type,
        }
        with calling(teller.runtime.traces, "webhook", cause=cause, attributes=told) as call:
            answer = await teller.sender.send(lease.url, headers={**headers, **call.headers}, body=body)
            call.answered(answer.status)
        count_attempt(answer.outcome, seconds=answer.duration_ms / 1000)
        return Attempt(
            number=event.number,
            at=at,
            duration_ms=answer.duration_ms,
            status=answer.status,
            answer=answer.start,
            error=answer.error,
        )

    async def _fail(self, attempt: Attempt) -> None:
        teller = self._teller
        async with teller.failing:
            reason = await record_failure(
                self.lease, attempt, now=teller.runtime.clock(), jitter=teller.jitter()
            )
        if reason is not None:
            log.warning("endpoint_disabled", endpoint=str(self.lease.endpoint_id), reason=reason)
