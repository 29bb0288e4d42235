"""What the tests of the embedded servers share."""

import subprocess
import sys
from pathlib import Path

import asyncpg
from redis import Redis

ROOT = Path(__file__).parents[2]


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
