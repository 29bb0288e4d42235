"""Bringing a database up to date: once, twice, at once, and not at all when a step fails."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from service.migrate import MigrationFailed, migrate, pending_migrations
from service.piccolo_app import APP_CONFIG
from service.wiring import NotFitToServe, open_runtime
from tenancy.database import close_database, inspect_role, open_database
from tenancy.errors import DatabaseUnavailable

HISTORY = [
    *(f"2026-11-22-{number:02}" for number in range(1, 5)),
    *(f"2026-11-23-{number:02}" for number in range(5, 9)),
    "2026-11-24-09",
]

_BROKEN = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "9999-01-01-01"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="tenon", description="")

    async def apply():
        await engine_finder().run_ddl("CREATE TABLE half (id int)")
        await engine_finder().run_ddl("ALTER TABLE nowhere ADD COLUMN nothing int")

    manager.add_raw(apply)
    return manager
"""


async def tenon(database, *arguments):
    """Run the command against the database: its exit code, its output, its complaints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENON_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service",
        *arguments,
        env=kept
        | {
            "TENON_DATABASE_URL": database.serving_url,
            "TENON_MIGRATION_DATABASE_URL": database.owner_url,
            "TENON_REDIS_URL": "redis://127.0.0.1:1",
            "TENON_ENCRYPTION_KEYS": "k:" + "A" * 43 + "=",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        output, complaints = await process.communicate()
    return process.returncode, output.decode(), complaints.decode()


async def test_an_empty_database_is_brought_up_to_date_and_may_then_be_served(engine_aside, empty_database):
    applied = await migrate(empty_database.owner_url, serving_url=empty_database.serving_url)
    assert applied == HISTORY
    await open_database(empty_database.serving_url, pool_size=2)
    assert await pending_migrations() == []
    assert await inspect_role() == []


async def test_migrating_twice_changes_nothing_the_second_time(engine_aside, empty_database):
    await migrate(empty_database.owner_url, serving_url=empty_database.serving_url)
    before = await empty_database.fetch("SELECT * FROM migration ORDER BY id")
    assert await migrate(empty_database.owner_url, serving_url=empty_database.serving_url) == []
    assert await empty_database.fetch("SELECT * FROM migration ORDER BY id") == before


async def test_what_is_pending_is_told_oldest_first(engine_aside, empty_database):
    await open_database(empty_database.owner_url, pool_size=2)
    assert await pending_migrations() == HISTORY
    assert await empty_database.tables() == set()


async def test_a_database_that_is_behind_is_not_served(engine_aside, migrated, empty_database):
    await migrate(empty_database.owner_url, serving_url=empty_database.serving_url)
    await empty_database.fetch("DELETE FROM migration WHERE name = $1", HISTORY[-1])
    await open_database(empty_database.serving_url, pool_size=2)
    assert await pending_migrations() == HISTORY[-1:]
    # Left open, it would look for its database for as long as the tests run.
    await close_database()
    settings = msgspec.structs.replace(migrated, database_url=empty_database.serving_url)
    with pytest.raises(NotFitToServe, match=HISTORY[-1]):
        async with open_runtime(settings):
            pytest.fail("it serves")


async def test_the_command_checks_migrates_and_checks_again(empty_database):
    code, _, complaint = await tenon(empty_database, "migrate", "--check")
    assert (code, await empty_database.tables()) == (1, set())
    assert HISTORY[0] in complaint
    assert "tenon migrate" in complaint
    code, output, _ = await tenon(empty_database, "migrate")
    assert (code, HISTORY[-1] in output) == (0, True)
    code, output, _ = await tenon(empty_database, "migrate", "--check")
    assert (code, "up to date" in output) == (0, True)


async def test_asking_again_and_again_what_is_pending_leaves_nothing_behind(migrated, app):
    await pending_migrations()
    before = list(sys.path)
    for _ in range(3):
        assert await pending_migrations() == []
    assert sys.path == before


async def test_a_migration_that_is_broken_off_is_not_taken_for_done(empty_database):
    holder = await asyncpg.connect(empty_database.owner_url)
    try:
        # As if another one were at it.
        await holder.execute(f"BEGIN; SELECT pg_advisory_xact_lock({0x7E404})")
        environ = {
            **os.environ,
            "TENON_DATABASE_URL": empty_database.serving_url,
            "TENON_MIGRATION_DATABASE_URL": empty_database.owner_url,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service", "migrate", env=environ, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(30):
            while not await empty_database.fetch(  # noqa: ASYNC110 - another process waits
                "SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
            ):
                await asyncio.sleep(0.02)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 143
    finally:
        await holder.close()
    assert await empty_database.tables() == set()


async def test_several_processes_may_migrate_an_empty_database_at_once(empty_database):
    done = await asyncio.gather(*(tenon(empty_database, "migrate") for _ in range(3)))
    assert [code for code, _, _ in done] == [0, 0, 0], done
    assert sorted(output.split()[0] for _, output, _ in done) == ["Applied", "The", "The"]
    rows = await empty_database.fetch("SELECT name FROM migration ORDER BY name")
    assert [row["name"] for row in rows] == HISTORY


@pytest.fixture
def broken_history(tmp_path, monkeypatch):
    """The history with one more step, which fails in the middle."""
    for path in Path(APP_CONFIG.resolved_migrations_folder_path).glob("*.py"):
        shutil.copy(path, tmp_path)
    (tmp_path / "9999_01_01_01_broken.py").write_text(_BROKEN)
    monkeypatch.setattr(APP_CONFIG, "migrations_folder_path", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


async def test_a_failing_step_leaves_nothing_behind(engine_aside, empty_database, broken_history):
    with pytest.raises(MigrationFailed, match="nowhere"):
        await migrate(empty_database.owner_url, serving_url=empty_database.serving_url)
    assert await empty_database.tables() == set()


async def test_a_failing_later_step_leaves_what_was_there(engine_aside, empty_database, broken_history):
    broken = broken_history / "9999_01_01_01_broken.py"
    text = broken.read_text()
    broken.unlink()
    await migrate(empty_database.owner_url, serving_url=empty_database.serving_url)
    tables = await empty_database.tables()
    broken.write_text(text)
    with pytest.raises(MigrationFailed, match="nowhere"):
        await migrate(empty_database.owner_url, serving_url=empty_database.serving_url)
    assert await empty_database.tables() == tables
    broken.unlink()
    assert await migrate(empty_database.owner_url, serving_url=empty_database.serving_url) == []


@pytest.mark.parametrize("serving", ["nobody_by_this_name", "tenon_owner"])
async def test_a_serving_role_that_cannot_be_is_refused_and_nothing_is_migrated(
    engine_aside, empty_database, serving
):
    address = urlsplit(empty_database.serving_url)
    url = address._replace(netloc=f"{serving}:x@{address.netloc.split('@')[1]}").geturl()
    with pytest.raises(MigrationFailed):
        await migrate(empty_database.owner_url, serving_url=url)
    assert await empty_database.tables() == set()


async def test_a_role_that_may_not_make_tables_cannot_migrate(engine_aside, empty_database):
    with pytest.raises(MigrationFailed, match="permission denied"):
        await migrate(empty_database.serving_url, serving_url=None)


async def test_a_server_that_is_away_is_an_outage(engine_aside):
    with pytest.raises(DatabaseUnavailable):
        await migrate("postgresql://tenon_owner:x@127.0.0.1:1/tenon", serving_url=None)
