"""The clock of this machine, against those of the servers: the marketplace refuses to be a minute apart."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from service.doctor.findings import Finding, Trouble, ok
from service.runtime import Clock
from tenancy.inspection import read_server_time

DATABASE = "clock.database"
REDIS = "clock.redis"
CHECKS = (DATABASE, REDIS)

_NOTABLE_SECONDS, _GRAVE_SECONDS = 5, 30

_CAUSE = "The clocks of the two machines are not kept right; one of them is fast or slow."
_REMEDY = "Run a time service (NTP) on both: the marketplace's calls are refused at 60 s apart."

APART_FROM_DATABASE = Trouble(check=DATABASE, level="warning", cause=_CAUSE, remedy=_REMEDY)
FAR_FROM_DATABASE = Trouble(check=DATABASE, level="error", cause=_CAUSE, remedy=_REMEDY)
APART_FROM_REDIS = Trouble(check=REDIS, level="warning", cause=_CAUSE, remedy=_REMEDY)
FAR_FROM_REDIS = Trouble(check=REDIS, level="error", cause=_CAUSE, remedy=_REMEDY)


async def check_database_clock(clock: Clock) -> list[Finding]:
    """Compare our clock with the database server's.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    apart = await _apart(clock, read_server_time)
    return [_judge(DATABASE, apart, "the database server", APART_FROM_DATABASE, FAR_FROM_DATABASE)]


async def check_redis_clock(clock: Clock, redis: Redis | RedisCluster) -> list[Finding]:
    """Compare our clock with Redis'.

    Raises:
        RedisError: it is away.
    """

    async def ask() -> datetime:
        seconds, microseconds = await redis.time()
        return datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)

    return [_judge(REDIS, await _apart(clock, ask), "Redis", APART_FROM_REDIS, FAR_FROM_REDIS)]


async def _apart(clock: Clock, ask: Callable[[], Awaitable[datetime]]) -> float:
    """By how many seconds we are ahead; half of the way there and back is the answer's age."""
    before = clock()
    theirs = await ask()
    after = clock()
    return (before + (after - before) / 2 - theirs).total_seconds()


def _judge(check: str, apart: float, whose: str, notable: Trouble, grave: Trouble) -> Finding:
    message = f"This machine is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} {whose}."
    if abs(apart) <= _NOTABLE_SECONDS:
        return ok(check, message)
    return (grave if abs(apart) > _GRAVE_SECONDS else notable).found(message)
