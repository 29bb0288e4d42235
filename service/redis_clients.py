"""Clients of Redis or Valkey, on one server or a cluster, that give up at once."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def make_redis(url: str, *, seconds: float) -> Redis | RedisCluster:
    """A client for a `TENON_REDIS_URL`; connecting and each answer take so long at the most, once."""
    options: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    if url.startswith("redis+cluster://"):
        return RedisCluster.from_url(url.replace("redis+cluster://", "redis://", 1), **options)
    return Redis.from_url(url, **options)
