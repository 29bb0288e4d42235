"""Looks at what a process needs in order to serve."""

import asyncio
import contextlib

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from service.migrate import pending_migrations
from service.shared_looks import SharedLook
from sso.store import REDIS_AWAY
from tenancy.database import inspect_role
from tenancy.errors import Unavailable
from tenancy.pool import is_pool_full

log = structlog.get_logger(__name__)

_DATABASE_SECONDS = 3.0
_MOST_GIVEN_UP = 3


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the database answers, has all migrations, and under a safe role; whether Redis answers."""

    database: bool = False
    migrations: bool = False
    role: bool = False
    redis: bool = False


class HealthChecks:
    """Looks once a second at most, however many ask."""

    def __init__(self, redis: Redis | RedisCluster, *, kept_seconds: float = 1.0) -> None:
        """Look at this Redis, and at the database that is open; what was found is kept for so long."""
        self._redis = redis
        self.look = SharedLook(self._look, kept_seconds=kept_seconds)
        self._given_up: set[asyncio.Task[Findings]] = set()
        self._found: Findings | None = None

    @property
    def last_found(self) -> Findings:
        """What was found when somebody last looked, however long ago."""
        return self._found or Findings()

    async def _look(self) -> Findings:
        database, redis = await asyncio.gather(self._look_at_database(), self.reach_redis())
        found = msgspec.structs.replace(database, redis=redis)
        if self._found not in {None, found}:
            log.warning("health_changed", **msgspec.structs.asdict(found))
        self._found = found
        return found

    async def reach_redis(self) -> bool:
        """Whether Redis takes what is written."""
        with contextlib.suppress(*REDIS_AWAY):
            # A server that is full, or a replica, answers a PING too.
            await self._redis.set("tenon:health", b"1", ex=60)
            return True
        return False

    async def _look_at_database(self) -> Findings:
        if len(self._given_up) >= _MOST_GIVEN_UP:
            return Findings()
        reading = asyncio.create_task(_read_database())
        await asyncio.wait({reading}, timeout=_DATABASE_SECONDS)
        if reading.done():
            return reading.result()
        # A server that has fallen silent keeps its connection even from being given back; the next look takes
        # another one, which may have been made after a failover.
        reading.cancel()
        self._given_up.add(reading)
        reading.add_done_callback(self._given_up.discard)
        # Who is busy is not away: were it taken out, the others would have its load too.
        return self.last_found if is_pool_full() else Findings()


async def _read_database() -> Findings:
    try:
        is_safe = not await inspect_role()
        return Findings(database=True, migrations=not await pending_migrations(), role=is_safe)
    except Unavailable:
        return Findings()
