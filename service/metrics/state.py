"""What is looked up for a scrape: how much waits in the database, and whether it and Redis are there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
import structlog

from service.metrics.definitions import count_scrape_failure
from service.shared_looks import SharedLook
from tenancy.backlog import Backlog, read_backlog
from tenancy.errors import Unavailable
from tenancy.pool import is_pool_full

log = structlog.get_logger(__name__)

# The server gives up before the scrape does, which can then tell a slow answer from none.
_SERVER_SHARE = 0.75


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; without a backlog it could not be read, and nothing is said about it."""

    is_database_up: bool
    is_redis_up: bool
    backlog: Backlog | None


class StateReader:
    """Looks once for all who ask at about the same time."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        reach_redis: Callable[[], Awaitable[bool]],
        *,
        kept_seconds: float = 5.0,
        time_limit: float = 2.0,
    ) -> None:
        """Read the database that is open; `reach_redis` says whether Redis answers.

        What was found, a failure too, is kept for `kept_seconds`; a look takes `time_limit` at the most.
        """
        self._clock = clock
        self._reach_redis = reach_redis
        self._time_limit = time_limit
        # Raises nothing.
        self.read = SharedLook(self._look, kept_seconds=kept_seconds)
        self._reading: asyncio.Task[Backlog | None] | None = None

    async def _look(self) -> Found:
        (is_up, backlog), is_redis_up = await asyncio.gather(self._look_at_database(), self._look_at_redis())
        if backlog is None:
            count_scrape_failure()
        return Found(is_database_up=is_up, is_redis_up=is_redis_up, backlog=backlog)

    async def _look_at_database(self) -> tuple[bool, Backlog | None]:
        # One that was given up may still be waiting for a silent server, with its connection: no second one.
        if self._reading is None or self._reading.done():
            limit = self._time_limit * _SERVER_SHARE
            self._reading = asyncio.create_task(read_backlog(now=self._clock(), time_limit=limit))
        reading = self._reading
        await asyncio.wait({reading}, timeout=self._time_limit)
        if not reading.done():
            # Once: a second time would end the task before its connection is given back.
            if not reading.cancelling():
                reading.cancel()
            log.warning("scrape_incomplete", cause="no answer in time")
            # Where all connections are in use, nobody has asked it.
            return is_pool_full(), None
        if reading.cancelled():
            return False, None
        error = reading.exception()
        if isinstance(error, Unavailable):
            log.warning("scrape_incomplete", cause=str(error))
            return False, None
        if error is not None:
            log.error("scrape_failed", exc_info=error)
            return False, None
        backlog = reading.result()
        if backlog is None:
            log.warning("scrape_incomplete", cause="counting what waits took too long")
        return True, backlog

    async def _look_at_redis(self) -> bool:
        try:
            async with asyncio.timeout(self._time_limit):
                return await self._reach_redis()
        except TimeoutError:
            return False
