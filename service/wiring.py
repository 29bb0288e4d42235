"""Opens and closes what a process holds: the database pool, the Redis client, keys and clock."""

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.metadata import version

from service.draining import Draining
from service.event_waits import EventWaits
from service.health_checks import HealthChecks
from service.koogallery.nonces import NonceStore
from service.koogallery.product_cache import ProductCache
from service.metrics.state import StateReader
from service.migrate import pending_migrations
from service.outgoing import make_client, open_transport
from service.redis_clients import make_redis
from service.runtime import Clock, Runtime, system_clock
from service.settings import Settings
from service.spools import Spools
from service.traces.starting import start_traces
from sso.client_cache import ClientCache
from sso.discovery import Discovery
from sso.flows import FlowStore
from sso.replays import AssertionReplays
from sso.sessions import Lifetimes, SessionStore
from sso.signing_key_cache import SigningKeyCache
from sso.signing_keys import ensure_signing_keys
from sso.upstreams import Upstreams
from tenancy.database import close_database, inspect_role, open_database
from tenancy.errors import DomainError, SecretUndecryptable
from tenancy.secrets import Keyring

# Whoever waits for Redis answers a push within seconds.
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
    traces = start_traces(os.environ, version=version("tenon"))
    await open_database(
        settings.database_url,
        pool_size=settings.database_pool,
        command_seconds=_COMMAND_SECONDS,
        query_logger=None if traces is None else traces.log_query,
    )
    redis, waits = make_redis(settings.redis_url, seconds=_REDIS_SECONDS), EventWaits()
    try:
        findings = await inspect_role()
        if findings:
            raise NotFitToServe(" ".join(f"{finding.problem} {finding.remedy}" for finding in findings))
        pending = await pending_migrations()
        if pending:
            raise NotFitToServe(f"The database lacks {', '.join(pending)}; run `tenon migrate`.")
        keyring = Keyring([(key.id, key.key) for key in settings.encryption_keys])
        signing_keys = SigningKeyCache(keyring)
        await ensure_signing_keys(keyring=keyring, now=clock())
        await signing_keys.load()
        await _demand_keys(signing_keys, clock)
        sessions = SessionStore(redis, _lifetimes(settings))
        health = HealthChecks(redis)
        async with _open_upstreams(settings, keyring, sessions) as upstreams:
            yield Runtime(
                settings=settings,
                clock=clock,
                keyring=keyring,
                nonces=NonceStore(redis),
                products=ProductCache(keyring),
                waits=waits,
                spools=Spools(),
                sessions=sessions,
                flows=FlowStore(redis),
                signing_keys=signing_keys,
                clients=ClientCache(),
                replays=AssertionReplays(redis, clock),
                upstreams=upstreams,
                traces=traces,
                health=health,
                draining=Draining(settings.drain_seconds),
                metrics=StateReader(clock, health.reach_redis),
            )
    finally:
        await waits.close()
        await redis.aclose()
        await close_database()
        if traces is not None:
            await traces.shutdown()


async def _demand_keys(signing_keys: SigningKeyCache, clock: Clock) -> None:
    """Whoever cannot open the signing key has other encryption keys than whoever has stored the secrets."""
    try:
        await signing_keys.signer("ES256", clock())
    except SecretUndecryptable as error:
        raise NotFitToServe(f"TENON_ENCRYPTION_KEYS does not open what is stored: {error}") from error


@contextlib.asynccontextmanager
async def _open_upstreams(
    settings: Settings, keyring: Keyring, sessions: SessionStore
) -> AsyncIterator[Upstreams]:
    allow_http = settings.sign_in_http
    async with (
        open_transport(allow_http=allow_http, allow_private=settings.sign_in_private) as transport,
        make_client(transport) as http,
    ):
        yield Upstreams(
            transport=transport,
            http=http,
            discovery=Discovery(transport, allow_http=allow_http),
            keyring=keyring,
            sessions=sessions,
            allow_http=allow_http,
        )


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(
        idle=timedelta(minutes=settings.session_idle_minutes), most=timedelta(hours=settings.session_hours)
    )
