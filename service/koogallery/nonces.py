"""Nonces of verified pushes, remembered so that a recorded push cannot be sent again."""

import contextlib
import hashlib
import time

import structlog
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from service.metrics.definitions import count_unchecked_nonce
from sso.store import REDIS_AWAY

log = structlog.get_logger(__name__)

_KEPT_SECONDS = 240
_PAUSE_SECONDS = 1.0


class NonceStore:
    """Remembers nonces in Redis; while it is away, pushes go on, since every operation is idempotent.

    `gaps` counts the pushes that could not be checked.
    """

    def __init__(self, redis: Redis | RedisCluster) -> None:
        """Use a client with short time limits and no retries: a push must not wait for it."""
        self._redis = redis
        self._away_until = 0.0
        self.gaps = 0

    async def spend(self, product: str, key: str, nonce: str) -> bool:
        """Remember the nonce of a push whose signature was found valid; False when it was spent before."""
        if time.monotonic() < self._away_until:
            self._miss()
            return True
        name = hashlib.sha256(f"{product}\0{key}\0{nonce}".encode("utf-8", "surrogatepass")).hexdigest()
        try:
            return bool(await self._redis.set(f"tenon:nonce:{name}", b"1", nx=True, ex=_KEPT_SECONDS))
        except REDIS_AWAY as error:
            self._miss()
            self._away_until = time.monotonic() + _PAUSE_SECONDS
            log.warning("nonce_store_away", error=type(error).__name__, gaps=self.gaps)
            await self._drop_idle_connections()
            return True

    def _miss(self) -> None:
        self.gaps += 1
        count_unchecked_nonce()

    async def _drop_idle_connections(self) -> None:
        """Have the next checks connect anew: what broke with the server would fail, and pause, one by one."""
        # A cluster client does this by itself.
        if isinstance(self._redis, Redis):
            with contextlib.suppress(*REDIS_AWAY):
                await self._redis.connection_pool.disconnect(inuse_connections=False)
