import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from service.embedded import start_embedded
from service.local_files import port_is_free
from tests.folders import short_folder
from tests.service.local_servers import ask, ping, run_child

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def data_dir():
    with short_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def shared():
    """One pair of servers for the tests that leave them running as they were."""
    with short_folder() as folder, start_embedded(folder / "data") as embedded:
        yield embedded


def wait_for_log(data_dir, text):
    deadline = time.monotonic() + 30
    while text not in (data_dir / "postgres/log").read_text():
        assert time.monotonic() < deadline, f"{text!r} was never logged"
        time.sleep(0.05)


async def test_postgres_killed_and_started_again_has_its_port_and_all_that_was_committed(shared):
    postgres, owner = shared.postgres, shared.migration_database_url
    await ask(owner, "CREATE TABLE kept AS SELECT 42 AS answer")
    for _ in range(3):
        postgres.kill()
        with pytest.raises(OSError, match="onnect"):
            await ask(owner, "SELECT 1")
        postgres.start()
        assert shared.migration_database_url == owner
        assert await ask(owner, "SELECT answer FROM kept") == 42


def test_valkey_killed_and_started_again_has_its_port_and_password(shared):
    url = shared.redis_url
    shared.valkey.kill()
    with pytest.raises(RedisConnectionError):
        ping(url)
    shared.valkey.start()
    assert shared.redis_url == url
    assert ping(url)


async def test_servers_orphaned_by_a_killed_process_are_taken_over(data_dir):
    child = run_child(
        "import sys, time; from pathlib import Path; from service.embedded import start_embedded\n"
        "e = start_embedded(Path(sys.argv[1])); print(e.database_url, e.redis_url, flush=True)\n"
        "time.sleep(600)",
        data_dir,
    )
    with child:
        urls = child.stdout.readline().split()
        child.kill()
    with start_embedded(data_dir) as embedded:
        assert [embedded.database_url, embedded.redis_url] == urls
        assert await ask(embedded.database_url, "SELECT 1") == 1
        assert ping(embedded.redis_url)
    assert port_is_free(embedded.postgres.port)
    assert port_is_free(embedded.valkey.port)


def test_concurrent_first_starts_make_one_server(data_dir):
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(start_embedded, [data_dir] * 4))
    assert len({(each.database_url, each.redis_url) for each in started}) == 1
    for each in started[:3]:
        each.stop()
    assert asyncio.run(ask(started[3].database_url, "SELECT 1")) == 1
    started[3].stop()
    assert port_is_free(started[3].postgres.port)


async def test_a_stale_pid_file_with_a_strangers_number_does_not_hinder(data_dir):
    with start_embedded(data_dir, valkey=False) as embedded:
        embedded.postgres.kill()
        pid_file = data_dir / "postgres/data/postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]))
        embedded.postgres.start()
        assert await ask(embedded.database_url, "SELECT 1") == 1


async def test_a_killed_postmaster_whose_backends_live_on_is_replaced_when_they_have_ended(data_dir):
    with start_embedded(data_dir, valkey=False) as embedded:
        connection = await asyncpg.connect(embedded.database_url)
        backend = connection.get_server_pid()
        os.kill(backend, signal.SIGSTOP)
        os.kill(embedded.postgres._find_postmaster(), signal.SIGKILL)
        restart = asyncio.create_task(asyncio.to_thread(embedded.postgres.start))
        await asyncio.to_thread(wait_for_log, data_dir, "shared memory block")
        assert not restart.done()
        os.kill(backend, signal.SIGCONT)
        await restart
        assert await ask(embedded.database_url, "SELECT 1") == 1
        connection.terminate()


async def test_a_first_start_that_was_killed_half_way_is_done_again(data_dir):
    half = data_dir / "postgres/new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    if AS_ROOT:
        data_dir.chmod(0o711)
    with start_embedded(data_dir, valkey=False) as embedded:
        assert await ask(embedded.database_url, "SELECT 1") == 1
