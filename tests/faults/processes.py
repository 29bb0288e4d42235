"""`tenon serve` and `tenon work` as processes of their own, to be killed, stopped and starved."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from service.local_files import choose_port

ROOT = Path(__file__).parents[2]
TOKEN = "operator-token-for-fault-tests-0123456789"
PATIENCE = 30


class Server:
    """One serving process on a port that stays the same over restarts."""

    def __init__(self, embedded, folder, **environ):
        keys = ",".join(f"{key.id}:{b64encode(key.key).decode()}" for key in embedded.encryption_keys)
        self.port = choose_port(folder / "port")
        self.address = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "log"
        self.process = None
        self._environ = {
            "PATH": os.environ["PATH"],
            "TENON_DATABASE_URL": embedded.database_url,
            "TENON_REDIS_URL": embedded.redis_url,
            "TENON_ENCRYPTION_KEYS": keys,
            "TENON_OPERATOR_TOKEN": TOKEN,
            "TENON_BIND": f"127.0.0.1:{self.port}",
            "TENON_LOG_FORMAT": "json",
            "TENON_WORKER": "off",
            "TENON_DATABASE_POOL": "4",
            **environ,
        }

    async def start(self):
        self.launch()
        await self.wait_until_ready()

    def launch(self):
        self.process = self._run("serve")

    @asynccontextmanager
    async def working(self):
        """A `tenon work` process on the same servers; whatever is left of it at the end is killed."""
        process = self._run("work")
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                await asyncio.to_thread(process.wait, PATIENCE)

    def _run(self, command):
        with self.log_file.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "service", command],
                cwd=ROOT,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def wait_until_ready(self):
        async with httpx2.AsyncClient(base_url=self.address) as client:
            await eventually(lambda: _is_ready(client), f"serving; log: {self.log_file.read_text()[-2000:]}")

    def kill(self):
        """SIGKILL to the process and its workers, as the kernel does when memory runs out."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def events(self):
        """What the process logged, one dict an event."""
        lines = self.log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def resident(self):
        """Resident memory in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def serving(embedded, folder, **environ):
    """A ready server; whatever is left of it at the end is killed."""
    server = Server(embedded, folder, **environ)
    try:
        await server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


async def eventually(check, what, patience=PATIENCE):
    """Wait until the check holds; says what did not happen."""
    deadline = time.monotonic() + patience
    while not await check():
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        await asyncio.sleep(0.05)


async def _is_ready(client):
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx2.TransportError:
        return False
