"""Delivery of events to endpoints: feeds, claims what is due, and gives every stream its turns."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from service.metrics.heartbeats import Heart
from service.runtime import Runtime
from service.webhooks.recorder import Recorder
from service.webhooks.sender import Sender, open_sender
from service.webhooks.turns import Teller, Turn
from tenancy.attempts import give_back
from tenancy.claims import claim_streams
from tenancy.errors import DomainError
from tenancy.feed import feed_events

log = structlog.get_logger(__name__)

_random = random.SystemRandom()


def _draw_jitter() -> float:
    return _random.uniform(-1, 1)


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one worker; times in seconds.

    Attributes:
        poll: between two looks for new events when there are none.
        outage: between two looks while the database is away.
        lease: after which the streams of a killed worker are taken up by others.
        turn: of a stream, after which the others of its endpoint come first.
        patience: of one attempt, the waiting for a connection included.
        drain: for attempts that are under way when the worker stops.
        per_endpoint: streams told at once to an endpoint that is not failing; of one that is, it is one.
        healthy: streams told at once to endpoints that are not failing.
        failing: streams told at once to others; so the healthy ones never wait for them.
        claimed_at_once: streams taken by one claim, which bounds what is read into memory by it.
    """

    poll: float = 0.05
    outage: float = 1.0
    lease: float = 60.0
    turn: float = 20.0
    patience: float = 30.0
    drain: float = 5.0
    per_endpoint: int = 8
    healthy: int = 256
    failing: int = 64
    claimed_at_once: int = 128


async def deliver_events(
    runtime: Runtime, *, bounds: Bounds | None = None, jitter: Callable[[], float] = _draw_jitter
) -> None:
    """Deliver until cancelled; several workers share the work, and an outage only delays it.

    Once cancelled, attempts that are under way are finished, within bounds, and what was held is given back.
    """
    settings = runtime.settings
    async with open_sender(
        allow_http=settings.webhook_http, allow_private=settings.webhook_private
    ) as sender:
        delivery = Delivery(runtime, sender, bounds or Bounds(), jitter)
        async with delivery.running():
            await delivery.work()


class Delivery:
    """The turns that are under way in one worker."""

    def __init__(self, runtime: Runtime, sender: Sender, bounds: Bounds, jitter: Callable[[], float]) -> None:
        self._runtime = runtime
        self._bounds = bounds
        self._recorder = Recorder(runtime.clock)
        self._teller = Teller(
            runtime=runtime,
            sender=sender,
            recorder=self._recorder,
            jitter=jitter,
            failing=asyncio.Semaphore(1),
            turn_seconds=bounds.turn,
            patience_seconds=bounds.patience,
        )
        self._turns: dict[asyncio.Task[None], Turn] = {}
        self._held: Counter[UUID] = Counter()
        self._probes = 0
        self._has_room = asyncio.Event()
        self._next_feed = 0.0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Record inside; at the end finish what can be finished and give the rest back."""
        recording = asyncio.create_task(self._recorder.run())
        try:
            yield
        finally:
            await asyncio.shield(self._drain())
            recording.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await recording

    async def work(self) -> None:
        """Feed, claim and begin turns until cancelled."""
        with Heart("delivery") as heart:
            while True:
                heart.beat()
                # A turn that ends makes room, and its stream may have more to tell.
                self._has_room.clear()
                pause = await self._work_once()
                if pause:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self._has_room.wait()

    async def _work_once(self) -> float:
        """Feed and begin turns; for how long there is nothing to do unless a turn ends."""
        now = asyncio.get_running_loop().time()
        try:
            if now >= self._next_feed:
                await feed_events(now=self._runtime.clock())
                self._next_feed = asyncio.get_running_loop().time() + self._bounds.poll
            is_more = await self._begin_turns()
        except DomainError as error:
            log.warning("webhooks_wait", code=error.code)
            return self._bounds.outage
        except Exception:
            log.exception("webhooks_failed")
            return self._bounds.outage
        return 0.0 if is_more else self._bounds.poll

    async def _begin_turns(self) -> bool:
        bounds = self._bounds
        claim = await claim_streams(
            held=self._held,
            most_per_endpoint=bounds.per_endpoint,
            most_healthy=min(bounds.healthy - (len(self._turns) - self._probes), bounds.claimed_at_once),
            most_failing=min(bounds.failing - self._probes, bounds.claimed_at_once),
            now=self._runtime.clock(),
            duration=timedelta(seconds=bounds.lease),
        )
        for lease in claim.leases:
            turn = Turn(lease, self._teller)
            task = asyncio.create_task(self._take(turn))
            self._turns[task] = turn
            self._held[lease.endpoint_id] += 1
            self._probes += lease.is_probe
            task.add_done_callback(self._end)
        return claim.is_more

    async def _take(self, turn: Turn) -> None:
        try:
            await turn.take()
        except DomainError as error:
            # The lease runs out, and the event is told again.
            log.warning("webhook_unfinished", endpoint=str(turn.lease.endpoint_id), code=error.code)
        except Exception:
            log.exception("webhook_failed", endpoint=str(turn.lease.endpoint_id))

    def _end(self, task: asyncio.Task[None]) -> None:
        lease = self._turns.pop(task).lease
        self._held[lease.endpoint_id] -= 1
        if not self._held[lease.endpoint_id]:
            del self._held[lease.endpoint_id]
        self._probes -= lease.is_probe
        self._has_room.set()

    async def _drain(self) -> None:
        for turn in self._turns.values():
            turn.stop()
        if self._turns:
            await asyncio.wait(self._turns, timeout=self._bounds.drain)
        unfinished = dict(self._turns)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
            with contextlib.suppress(DomainError):
                await give_back([turn.lease for turn in unfinished.values()], now=self._runtime.clock())
