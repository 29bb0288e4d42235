"""Redis or Valkey: reachable, new enough, and not inclined to throw sessions away."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from service.doctor.findings import Finding, Trouble, not_checked, ok
from service.redis_clients import make_redis
from sso.store import REDIS_AWAY

REACHABLE = "redis.reachable"
VERSION = "redis.version"
EVICTION = "redis.eviction"
CHECKS = (REACHABLE, VERSION, EVICTION)

_SECONDS = 3.0
# The oldest with GETDEL, which makes codes and flows usable once.
_OLDEST = (6, 2)

AWAY = Trouble(
    check=REACHABLE,
    level="error",
    cause="No server answers at the host and port, or it refuses the password or the database number.",
    remedy="Try TENON_REDIS_URL with redis-cli from the same machine or pod, and mend what it says.",
)
TOO_OLD = Trouble(
    check=VERSION,
    level="error",
    cause="Before Redis 6.2 there is no command that reads a value and removes it in one step.",
    remedy="Upgrade to Valkey, or to Redis 6.2 or newer.",
)
EVICTS_ALL = Trouble(
    check=EVICTION,
    level="warning",
    cause="When its memory is full the server removes any key, so that people are signed out at random.",
    remedy="Set maxmemory-policy to noeviction and leave Redis enough memory.",
)
EVICTS_VOLATILE = Trouble(
    check=EVICTION,
    level="hint",
    cause="When its memory is full the server removes keys that expire, and sessions do.",
    remedy="Set maxmemory-policy to noeviction, or watch that maxmemory is never reached.",
)


@contextlib.asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis | RedisCluster]:
    """A client with short time limits and no retries."""
    redis = make_redis(url, seconds=_SECONDS)
    try:
        yield redis
    finally:
        await redis.aclose()


async def check_redis(redis: Redis | RedisCluster) -> list[Finding]:
    """Ask the server for what it is and how it is set."""
    try:
        facts = await redis.info()
    except REDIS_AWAY as error:
        return [
            AWAY.found(f"It does not answer: {type(error).__name__}."),
            *not_checked((VERSION, EVICTION), "Redis is away"),
        ]
    return [ok(REACHABLE, "The server answers."), judge_version(facts), judge_eviction(facts)]


def judge_version(facts: dict[str, Any]) -> Finding:
    """Look at what the server says it is; Valkey names the Redis that it is compatible with too."""
    compatible = str(facts.get("redis_version", "0"))
    name = f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {compatible}"
    version = tuple(int(part) for part in compatible.split(".")[:2] if part.isdigit())
    return ok(VERSION, f"{name}.") if version >= _OLDEST else TOO_OLD.found(f"{name} is older than 6.2.")


def judge_eviction(facts: dict[str, Any]) -> Finding:
    """Look at what the server does when its memory is full."""
    policy = facts.get("maxmemory_policy")
    if policy is None:
        return not_checked([EVICTION], "the server does not say its maxmemory-policy")[0]
    message = f"maxmemory-policy is {policy}."
    if policy == "noeviction":
        return ok(EVICTION, message)
    return (EVICTS_VOLATILE if policy.startswith("volatile-") else EVICTS_ALL).found(message)
