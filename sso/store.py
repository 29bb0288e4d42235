"""What all short-lived state of signing in shares: one Redis, whose absence is one error."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from sso.errors import SessionsUnavailable

RedisClient: TypeAlias = Redis | RedisCluster

# Whatever says that Redis is away, too slow or refuses; a cluster without nodes has a kind of its own.
REDIS_AWAY: Final = (RedisError, RedisClusterException, OSError, TimeoutError)


@contextlib.asynccontextmanager
async def reaching_redis(redis: RedisClient) -> AsyncIterator[None]:
    """Turn whatever Redis does wrong into one error.

    Idle connections are dropped then: those that broke with the server would fail one by one.

    Raises:
        SessionsUnavailable: it is away, too slow or refuses.
    """
    try:
        yield
    except REDIS_AWAY as error:
        # A cluster client does this by itself.
        if isinstance(redis, Redis):
            with contextlib.suppress(*REDIS_AWAY):
                await redis.connection_pool.disconnect(inuse_connections=False)
        raise SessionsUnavailable(f"{type(error).__name__}.") from error
