"""Readiness: what is needed to serve, looked at once a second, and what is shown without being needed."""

import asyncio

import msgspec
import pytest
from redis.asyncio import Redis

from service import health_checks
from service.health_checks import HealthChecks
from service.koogallery.nonces import NonceStore
from service.redis_clients import make_redis
from tenancy.database import RoleFinding
from tests.ports import free_port


@pytest.fixture
async def checked(app):
    """Readiness with checks of its own, so that nothing that was found before is kept."""
    runtime = app.state.runtime
    redis = Redis.from_url(runtime.settings.redis_url)
    app.state.runtime = msgspec.structs.replace(runtime, health=HealthChecks(redis))
    yield
    app.state.runtime = runtime
    await redis.aclose()


async def ready(http):
    answer = await http.get("/health/ready")
    return answer.status_code, answer.json()


async def test_a_process_that_has_all_it_needs_is_ready(http, checked):
    status, told = await ready(http)
    told.pop("unchecked_nonces")
    assert status == 200
    assert told == dict.fromkeys(("database", "migrations", "role", "redis"), True) | {"draining": False}


async def test_without_redis_it_is_ready_and_says_so(app, http):
    runtime = app.state.runtime
    away = Redis(host="127.0.0.1", port=free_port(), socket_connect_timeout=0.25)
    app.state.runtime = msgspec.structs.replace(runtime, health=HealthChecks(away))
    try:
        status, told = await ready(http)
    finally:
        app.state.runtime = runtime
        await away.aclose()
    assert (status, told["redis"], told["database"]) == (200, False, True)


async def test_a_database_that_is_behind_is_not_served(http, checked, monkeypatch):
    async def one_more():
        return ["2099_01_01_01_later"]

    monkeypatch.setattr(health_checks, "pending_migrations", one_more)
    status, told = await ready(http)
    assert (status, told["migrations"], told["database"]) == (503, False, True)


async def test_under_a_role_that_could_get_past_isolation_nothing_is_served(http, checked, monkeypatch):
    async def unsafe():
        return [RoleFinding("It is a superuser.", "Connect as an ordinary role.")]

    monkeypatch.setattr(health_checks, "inspect_role", unsafe)
    status, told = await ready(http)
    assert (status, told["role"], told["database"]) == (503, False, True)


async def test_a_database_that_does_not_answer_is_not_waited_for(http, checked, monkeypatch):
    async def hang():
        await asyncio.Event().wait()

    monkeypatch.setattr(health_checks, "inspect_role", hang)
    monkeypatch.setattr(health_checks, "_DATABASE_SECONDS", 0.05)
    status, told = await ready(http)
    assert (status, told["database"]) == (503, False)


async def test_however_many_ask_it_looks_once(http, checked, monkeypatch):
    looks = []

    async def count():
        looks.append(1)
        return []

    monkeypatch.setattr(health_checks, "inspect_role", count)
    answers = await asyncio.gather(*(ready(http) for _ in range(50)))
    assert {status for status, _ in answers} == {200}
    assert len(looks) == 1


async def test_a_look_that_was_given_up_does_not_keep_the_next_one_waiting(app, http, checked, monkeypatch):
    runtime = app.state.runtime
    checks = HealthChecks(runtime.health._redis, kept_seconds=0.0)
    app.state.runtime = msgspec.structs.replace(runtime, health=checks)
    looks = []

    async def hang_at_first():
        looks.append(1)
        if len(looks) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                # As a connection to a silent server, which nobody can give back.
                await asyncio.sleep(30)
        return []

    monkeypatch.setattr(health_checks, "inspect_role", hang_at_first)
    monkeypatch.setattr(health_checks, "_DATABASE_SECONDS", 0.05)
    assert (await ready(http))[0] == 503
    monkeypatch.setattr(health_checks, "_DATABASE_SECONDS", 3.0)
    assert (await ready(http))[0] == 200


async def test_a_cluster_of_redis_that_is_away_is_not_fatal_either(app, http):
    runtime = app.state.runtime
    away = make_redis(f"redis+cluster://127.0.0.1:{free_port()}", seconds=0.25)
    nonces = NonceStore(away)
    app.state.runtime = msgspec.structs.replace(runtime, health=HealthChecks(away), nonces=nonces)
    try:
        status, told = await ready(http)
        assert await nonces.spend("p", "key", "nonce")
    finally:
        app.state.runtime = runtime
        await away.aclose()
    assert (status, told["redis"], nonces.gaps) == (200, False, 1)
