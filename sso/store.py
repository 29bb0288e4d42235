"""What all short-lived state of signing in shares: one Redis, whose absence is one error."""

import contextlib
from collections.abc import AsyncIterator
from typing import TypeAlias

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from sso.errors import SessionsUnavailable

RedisClient: TypeAlias = Redis | RedisCluster


@contextlib.asynccontextmanager
async def reaching_redis(redis: RedisClient) -> AsyncIterator[None]:
    """Turn whatever Redis does wrong into one error.

    Idle connections are dropped then: those that broke with the server would fail one by one.

    Raises:
        SessionsUnavailable: it is away, too slow or refuses.
    """
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        # A cluster client does this by itself.
        if isinstance(redis, Redis):
            with contextlib.suppress(RedisError, OSError):
                await redis.connection_pool.disconnect(inuse_connections=False)
        raise SessionsUnavailable(f"{type(error).__name__}.") from error
