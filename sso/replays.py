"""Assertions that clients have proven themselves by, remembered so that a recorded one is refused."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from sso.store import RedisClient, reaching_redis


class AssertionReplays:
    """Remembers each assertion in Redis for as long as it is valid (RFC 7523 section 3, `jti`)."""

    def __init__(self, redis: RedisClient, clock: Callable[[], datetime]) -> None:
        """How long is told by this clock, whatever Redis' own says."""
        self._redis = redis
        self._clock = clock

    async def is_new_jti(self, client_id: str, jti: str, until: datetime) -> bool:
        """Remember the id of a client's assertion that is valid until then; False when it was seen before.

        Raises:
            SessionsUnavailable: Redis is away; without it nobody can tell.
        """
        name = hashlib.sha256(f"{client_id}\0{jti}".encode("utf-8", "surrogatepass")).hexdigest()
        seconds = max(1, int((until - self._clock()).total_seconds()) + 1)
        async with reaching_redis(self._redis):
            return bool(await self._redis.set(f"tenon:assertion:{name}", b"1", nx=True, ex=seconds))
