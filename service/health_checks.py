"""Looks at what a process needs in order to serve."""

import asyncio
import contextlib
import time

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from service.migrate import pending_migrations
from tenancy.database import inspect_role
from tenancy.errors import Unavailable
from tenancy.pool import is_pool_full

log = structlog.get_logger(__name__)

_KEPT_SECONDS = 1.0
_DATABASE_SECONDS = 3.0


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the database answers, has all migrations, and under a safe role; whether Redis answers."""

    database: bool = False
    migrations: bool = False
    role: bool = False
    redis: bool = False


class HealthChecks:
    """Looks once a second at most, however many ask."""

    def __init__(self, redis: Redis | RedisCluster) -> None:
        """Look at this Redis, and at the database that is open."""
        self._redis = redis
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._found: Findings | None = None

    @property
    def last_found(self) -> Findings:
        """What was found when somebody last looked, however long ago."""
        return self._found or Findings()

    async def look(self) -> Findings:
        """What is found now, or was within the last second."""
        async with self._looking:
            if self._found is None or time.monotonic() - self._looked_at > _KEPT_SECONDS:
                database, redis = await asyncio.gather(self._look_at_database(), self.reach_redis())
                found = msgspec.structs.replace(database, redis=redis)
                if self._found not in {None, found}:
                    log.warning("health_changed", **msgspec.structs.asdict(found))
                self._found, self._looked_at = found, time.monotonic()
            return self._found

    async def reach_redis(self) -> bool:
        """Whether Redis takes what is written."""
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            # A server that is full, or a replica, answers a PING too.
            await self._redis.set("tenon:health", b"1", ex=60)
            return True
        return False

    async def _look_at_database(self) -> Findings:
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                is_safe = not await inspect_role()
                return Findings(database=True, migrations=not await pending_migrations(), role=is_safe)
        except TimeoutError:
            # Who is busy is not away: were it taken out, the others would have its load too.
            return self.last_found if is_pool_full() else Findings()
        except Unavailable:
            return Findings()
