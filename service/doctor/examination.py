"""The whole examination: every check once, in its order, also those that cannot be made."""

import asyncio
import ssl
from collections.abc import Awaitable, Collection, Sequence
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from service.doctor import address, clock, database, keys, products, redis, settings, tables
from service.doctor.findings import Finding, not_checked, unfinished
from service.runtime import Clock
from service.settings import Settings
from sso.sealed_values import read_signing_keys
from tenancy.errors import DomainError
from tenancy.inspection import inspect_server, open_for_inspection
from tenancy.secrets import Keyring

CHECKS: Final = (
    *settings.CHECKS,
    *database.CHECKS,
    *tables.CHECKS,
    *redis.CHECKS,
    *keys.CHECKS,
    *clock.CHECKS,
    *address.CHECKS,
    *products.CHECKS,
)
_OF_TABLES: Final = (tables.ISOLATION, *keys.CHECKS, *products.CHECKS)

_USUAL_SECONDS, _KEYS_SECONDS = 60.0, 300.0


async def examine(given: Settings, complete: Settings, *, now: Clock, trust: ssl.SSLContext) -> list[Finding]:
    """Make every check; nothing is written anywhere.

    `given` are the settings as the environment has them, `complete` those with addresses and keys of embedded
    servers; `trust` verifies the certificate of the public address.
    """
    findings = settings.check_settings(given)
    of_database, key_ids = await _examine_database(complete, now)
    findings += of_database
    findings += await _examine_redis(complete, now)
    findings += await _attempt(
        address.CHECKS,
        address.check_address(complete.public_url, trust=trust, now=now(), key_ids=key_ids),
    )
    return in_order(findings)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The findings in the order in which the checks are documented."""
    return sorted(findings, key=lambda finding: CHECKS.index(finding.check))


def unable(findings: Sequence[Finding], reason: str) -> list[Finding]:
    """The findings, and for every check that made none that it could not be made."""
    made = {finding.check for finding in findings}
    return in_order([*findings, *not_checked([check for check in CHECKS if check not in made], reason)])


async def _examine_database(complete: Settings, now: Clock) -> tuple[list[Finding], Collection[str] | None]:
    """What is found in the database, and the ids of the keys in it that sign tokens."""
    assert complete.database_url is not None
    of_server = [check for check in database.CHECKS if check != database.REACHABLE]
    others = [*of_server, tables.MIGRATIONS, clock.DATABASE, *_OF_TABLES]
    try:
        async with open_for_inspection(complete.database_url):
            facts = await inspect_server()
            findings = database.check_server(facts, pool=complete.database_pool, processes=complete.workers)
            findings += await _attempt([clock.DATABASE], clock.check_database_clock(now))
            if not database.is_new_enough(facts):
                left = [database.ROLE, tables.MIGRATIONS, *_OF_TABLES]
                return findings + not_checked(left, "PostgreSQL is too old"), None
            findings += await _attempt([database.ROLE], database.check_role())
            migrations = await _attempt([tables.MIGRATIONS], tables.check_migrations())
            findings += migrations
            if any(finding.level == "error" for finding in migrations):
                is_behind = migrations[0].cause == tables.BEHIND.cause
                reason = "the database is behind" if is_behind else "its migrations could not be read"
                return findings + not_checked(_OF_TABLES, reason), None
            return findings + await _examine_tables(complete, now), await _key_ids()
    except DomainError as error:
        away = database.AWAY.found(str(error))
        return [away, *not_checked(others, "the database is away")], None


async def _examine_tables(complete: Settings, now: Clock) -> list[Finding]:
    key_ids = [key.id for key in complete.encryption_keys]
    keyring = Keyring([(key.id, key.key) for key in complete.encryption_keys])
    return [
        *await _attempt([tables.ISOLATION], tables.check_isolation()),
        *await _attempt(keys.OF_ENCRYPTION, keys.check_keys(keyring, key_ids), seconds=_KEYS_SECONDS),
        *await _attempt([keys.SIGNING], keys.check_signing_keys(now())),
        *await _attempt(products.CHECKS, products.check_products(keyring, public_url=complete.public_url)),
    ]


async def _key_ids() -> Collection[str] | None:
    try:
        return [key.id for key in await read_signing_keys()]
    except DomainError:
        return None


async def _examine_redis(complete: Settings, now: Clock) -> list[Finding]:
    assert complete.redis_url is not None
    async with redis.open_redis(complete.redis_url) as client:
        findings = await _attempt(redis.CHECKS, redis.check_redis(client))
        return findings + await _redis_clock(findings, client, now)


async def _redis_clock(
    findings: Sequence[Finding], client: Redis | RedisCluster, now: Clock
) -> list[Finding]:
    if findings[0].level == "error":
        return not_checked([clock.REDIS], "Redis is away")
    return await _attempt([clock.REDIS], clock.check_redis_clock(now, client))


async def _attempt(
    checks: Sequence[str], checking: Awaitable[list[Finding]], *, seconds: float = _USUAL_SECONDS
) -> list[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await checking
    except TimeoutError:
        return unfinished(checks, f"no answer within {seconds:g} s.")
    except DomainError as error:
        return unfinished(checks, str(error))
    except Exception as error:  # noqa: BLE001  # whatever one check meets, the others are made
        return unfinished(checks, f"{type(error).__name__}.")
