"""Opens and closes what a process holds: the database pool, the Redis client, keys and clock."""

import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from service.event_waits import EventWaits
from service.koogallery.nonces import NonceStore
from service.koogallery.product_cache import ProductCache
from service.migrate import pending_migrations
from service.runtime import Clock, Runtime, system_clock
from service.settings import Settings
from service.spools import Spools
from tenancy.database import close_database, inspect_role, open_database
from tenancy.errors import DomainError
from tenancy.secrets import Keyring

_REDIS_SECONDS = 0.25
_COMMAND_SECONDS = 150


class NotFitToServe(DomainError):
    """The process cannot serve as it is configured."""


@contextlib.asynccontextmanager
async def open_runtime(settings: Settings, *, clock: Clock = system_clock) -> AsyncIterator[Runtime]:
    """Open everything for serving, and close it at the end.

    Raises:
        NotFitToServe: the database role could get past row-level security, or the database is behind.
        DatabaseUnavailable: nothing answers at the database's address.
    """
    assert settings.database_url is not None
    assert settings.redis_url is not None
    await open_database(
        settings.database_url, pool_size=settings.database_pool, command_seconds=_COMMAND_SECONDS
    )
    redis, waits = _redis(settings.redis_url), EventWaits()
    try:
        findings = await inspect_role()
        if findings:
            raise NotFitToServe(" ".join(f"{finding.problem} {finding.remedy}" for finding in findings))
        pending = await pending_migrations()
        if pending:
            raise NotFitToServe(f"The database lacks {', '.join(pending)}; run `tenon migrate`.")
        keyring = Keyring([(key.id, key.key) for key in settings.encryption_keys])
        yield Runtime(
            settings=settings,
            clock=clock,
            keyring=keyring,
            nonces=NonceStore(redis),
            products=ProductCache(keyring),
            waits=waits,
            spools=Spools(),
        )
    finally:
        await waits.close()
        await redis.aclose()
        await close_database()


def _redis(url: str) -> Redis | RedisCluster:
    """A client that gives up at once: whoever waits for it answers a push within seconds."""
    if url.startswith("redis+cluster://"):
        return RedisCluster.from_url(
            url.replace("redis+cluster://", "redis://", 1),
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    return Redis.from_url(
        url,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
