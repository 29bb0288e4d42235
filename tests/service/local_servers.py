"""What the tests of the embedded servers share."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from redis import Redis

ROOT = Path(__file__).parents[2]


@contextmanager
def short_folder():
    """A folder that the account of root's servers can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


async def ask(url, query, *values):
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(query, *values, timeout=10)
    finally:
        await connection.close()


def ping(url):
    with Redis.from_url(url, socket_timeout=2, retry=None) as client:
        return client.ping()


def run_child(code, data_dir, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        text=True,
        **options,
    )
