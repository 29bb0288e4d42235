"""Tells clients that a session has ended: whoever lost access is looked for, and what is due is told.

Source: OpenID Connect Back-Channel Logout 1.0 (2.5 to 2.8).
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
import structlog

from service.metrics.definitions import count_logout
from service.metrics.heartbeats import Heart
from service.runtime import Runtime
from service.traces.tracing import calling
from service.webhooks.pool import Limits
from service.webhooks.sender import Sender, open_sender
from sso.client_parts import take_back
from sso.clients import Client
from sso.departures import follow_departures
from sso.issued_tokens import sign_logout_token
from sso.logout_rows import (
    Duty,
    Outcome,
    acknowledged,
    claim_duties,
    failed,
    nothing_to_tell,
    put_off,
    record_outcomes,
)
from tenancy.errors import DomainError, Unavailable

log = structlog.get_logger(__name__)

_HEADERS = {
    "content-type": "application/x-www-form-urlencoded",
    "cache-control": "no-store",
    "user-agent": "Tenon",
}
# Whoever waits for one of these places does so for less than a lease, however slow a client is.
_LIMITS = Limits(total=5.0, connect=3.0, busy=64, busy_per_origin=8, idle=64)
_UNEXPECTED = "Telling failed in Tenon itself; its log says why."


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one worker; times in seconds.

    Attributes:
        poll: between two looks for losses of access, and for what is due.
        outage: between two looks while the database or Redis is away.
        lease: after which what a killed worker was about to tell is taken up by others.
        drain: for what is under way when the worker stops.
        held: duties in hand at once, of which the sender tells some and the others wait.
        per_client: of these, of one client.
    """

    poll: float = 0.05
    outage: float = 1.0
    lease: float = 60.0
    drain: float = 2.0
    held: int = 512
    per_client: int = 64


async def tell_departures(runtime: Runtime, *, bounds: Bounds | None = None) -> None:
    """Work until cancelled; several workers share the work, and an outage only delays it.

    Once cancelled, what is under way is finished within bounds, and the rest is left to others.
    """
    settings = runtime.settings
    async with (
        open_sender(
            allow_http=settings.sign_in_http, allow_private=settings.sign_in_private, limits=_LIMITS
        ) as sender,
        Telling(runtime, sender, bounds or Bounds()).running() as telling,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(telling.follow())
        group.create_task(telling.tell())


class Telling:
    """What one worker has in hand."""

    def __init__(self, runtime: Runtime, sender: Sender, bounds: Bounds) -> None:
        self._runtime = runtime
        self._sender = sender
        self._bounds = bounds
        self._tasks: dict[asyncio.Task[None], Duty] = {}
        self._held: Counter[str] = Counter()
        self._outcomes: list[Outcome] = []
        self._has_news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Telling"]:
        """Work inside; at the end finish what can be finished and give the rest back."""
        try:
            yield self
        finally:
            await asyncio.shield(self._drain())

    async def follow(self) -> None:
        """Take out whoever loses access, until cancelled."""
        with Heart("following") as heart:
            while True:
                heart.beat()
                await asyncio.sleep(await self._follow_once())

    async def _follow_once(self) -> float:
        try:
            if await follow_departures(self._runtime.sessions, now=self._runtime.clock()):
                self._has_news.set()
        except DomainError as error:
            log.warning("departures_wait", code=error.code)
            return self._bounds.outage
        except Exception:
            log.exception("departures_failed")
            return self._bounds.outage
        return self._bounds.poll

    async def tell(self) -> None:
        """Record what came of the last duties and begin the next, until cancelled."""
        with Heart("telling") as heart:
            while True:
                heart.beat()
                self._has_news.clear()
                pause = await self._tell_once()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._has_news.wait()

    async def _tell_once(self) -> float:
        try:
            await self._record()
            await self._begin()
        except DomainError as error:
            log.warning("logouts_wait", code=error.code)
            return self._bounds.outage
        except Exception:
            log.exception("logouts_failed")
            return self._bounds.outage
        return self._bounds.poll

    async def _record(self) -> None:
        # What cannot be recorded now is recorded next time: the clients have been told.
        outcomes = list(self._outcomes)
        if outcomes:
            await record_outcomes(outcomes)
            del self._outcomes[: len(outcomes)]

    async def _begin(self) -> None:
        runtime, bounds = self._runtime, self._bounds
        duties = await claim_duties(
            held=self._held,
            most=bounds.held - len(self._tasks),
            most_per_client=bounds.per_client,
            now=runtime.clock(),
            duration=timedelta(seconds=bounds.lease),
        )
        try:
            left = await runtime.sessions.find_kept({duty.session_id for duty in duties})
            clients = {one: await runtime.clients.find(one) for one in {duty.client_id for duty in duties}}
        except Unavailable:
            self._outcomes += [put_off(duty, until=self._soon()) for duty in duties]
            raise
        for duty in duties:
            task = asyncio.create_task(
                self._do(duty, clients[duty.client_id], is_left=duty.session_id in left)
            )
            self._tasks[task] = duty
            self._held[duty.client_id] += 1
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        client_id = self._tasks.pop(task).client_id
        self._held[client_id] -= 1
        if not self._held[client_id]:
            del self._held[client_id]
        # Until all are done, what came of them is recorded together.
        if not self._tasks:
            self._has_news.set()

    def _soon(self) -> datetime:
        return self._runtime.clock() + timedelta(seconds=self._bounds.outage)

    async def _do(self, duty: Duty, client: Client | None, *, is_left: bool) -> None:
        now = self._runtime.clock()
        try:
            if is_left:
                await take_back(self._runtime.sessions, duty, now=now)
            outcome = await self._tell(duty, client)
        except Unavailable as error:
            log.warning("logout_waits", client=duty.client_id, code=error.code)
            outcome = put_off(duty, until=self._soon())
        except DomainError as error:
            outcome = failed(duty, error.message, now=now)
        except Exception:
            log.exception("logout_failed", client=duty.client_id)
            outcome = failed(duty, _UNEXPECTED, now=now)
        if outcome.error is not None and outcome.due_at is None:
            log.warning("logout_given_up", client=duty.client_id, session=str(duty.session_id))
        self._outcomes.append(outcome)

    async def _tell(self, duty: Duty, client: Client | None) -> Outcome:
        if client is None:
            return nothing_to_tell(duty, reason="client_removed")
        address = client.settings.backchannel_logout_uri
        if address is None:
            return nothing_to_tell(duty)
        runtime = self._runtime
        now = runtime.clock()
        signer = await runtime.signing_keys.signer(client.settings.id_token_signed_response_alg, now)
        token = sign_logout_token(
            signer,
            issuer=runtime.settings.public_url,
            audience=client.client_id,
            subject=str(duty.member_id),
            sid=str(duty.session_id),
            now=now,
        )
        body = urlencode({"logout_token": token}).encode()
        told = {"tenant_id": str(duty.tenant_id), "client_id": duty.client_id}
        with calling(runtime.traces, "logout", attributes=told) as call:
            answer = await self._sender.send(address, headers={**_HEADERS, **call.headers}, body=body)
            call.answered(answer.status)
        count_logout(answer.outcome)
        if answer.error is None and answer.status is not None:
            return acknowledged(duty, answer.status, now=runtime.clock())
        return failed(duty, answer.error or _UNEXPECTED, status=answer.status, now=runtime.clock())

    async def _drain(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._bounds.drain)
        unfinished = dict(self._tasks)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
        self._outcomes += [put_off(duty, until=self._runtime.clock()) for duty in unfinished.values()]
        with contextlib.suppress(DomainError):
            await self._record()
