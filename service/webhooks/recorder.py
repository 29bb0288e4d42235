"""Records what receivers have accepted: the streams that wait for the database share one transaction."""

import asyncio

import structlog

from service.runtime import Clock
from tenancy.attempts import Standing, Step, record_steps
from tenancy.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 0.5
_MOST_STEPS = 256


class Recorder:
    """One transaction at a time, with the steps of all streams that have come meanwhile.

    So a worker needs one connection however many streams it tells, and pays for a transaction once for many.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[Step, asyncio.Future[Standing]]] = []
        self._has_work = asyncio.Event()

    async def record(self, step: Step) -> Standing:
        """Record a step; at most one of a stream at a time. Waits for a database that is away."""
        recorded: asyncio.Future[Standing] = asyncio.get_running_loop().create_future()
        self._waiting.append((step, recorded))
        self._has_work.set()
        return await recorded

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            await self._has_work.wait()
            batch, self._waiting = self._waiting[:_MOST_STEPS], self._waiting[_MOST_STEPS:]
            if not self._waiting:
                self._has_work.clear()
            await self._record(batch)

    async def _record(self, batch: list[tuple[Step, asyncio.Future[Standing]]]) -> None:
        while True:
            try:
                standings = await record_steps([step for step, _ in batch], now=self._clock())
            except DatabaseUnavailable as error:
                # The receivers have accepted: forgetting it would tell them twice.
                log.warning("webhooks_wait", code=error.code)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            except Exception as error:  # noqa: BLE001  # it belongs to those who wait
                for _, recorded in batch:
                    _settle(recorded, error)
            else:
                for (_, recorded), standing in zip(batch, standings, strict=True):
                    _settle(recorded, standing)
            return


def _settle(recorded: asyncio.Future[Standing], result: Standing | Exception) -> None:
    if recorded.done():
        return
    if isinstance(result, Exception):
        recorded.set_exception(result)
    else:
        recorded.set_result(result)
