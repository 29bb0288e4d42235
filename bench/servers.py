"""The servers that everything is measured on: embedded PostgreSQL and Valkey, and the real `tenon serve`."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import msgspec

from bench.calls import OPERATOR_TOKEN, Connection, Marketplace
from service.embedded import Embedded, start_embedded

_START_SECONDS = 60
_STOP_SECONDS = 40
_MAX_BODY = 512 * 1024 * 1024
_TENON = str(Path(sys.executable).with_name("tenon"))


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A serving process with an empty product in it, and its database."""

    pid: int
    port: int
    database_url: str
    superuser_url: str
    marketplace: Marketplace
    environ: dict[str, str]
    folder: Path

    def peak_memory(self) -> int:
        """The largest resident size that the serving process has had, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

    def cpu_seconds(self) -> float:
        """The processor time that the serving process has used."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")

    async def settle(self) -> None:
        """Do what earlier work has left to the server, so that no measurement pays for another one's."""
        connection = await asyncpg.connect(self.superuser_url, timeout=10)
        try:
            await connection.execute("VACUUM ANALYZE", timeout=300)
            await connection.execute("CHECKPOINT", timeout=300)
        finally:
            await connection.close()


@contextmanager
def running_databases() -> Iterator[tuple[Path, Embedded]]:
    """Embedded servers in a folder of their own, which goes with them."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-bench-"))
    # PostgreSQL does not run as root: its account has to get through to its data.
    folder.chmod(0o711)
    try:
        with start_embedded(folder / "data") as embedded:
            yield folder, embedded
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(folder: Path, embedded: Embedded, settings: Mapping[str, str]) -> Iterator[Server]:
    """A fresh `tenon serve` on these databases, with its defaults but for the largest body and `settings`."""
    port = free_port()
    environ = bare_environ() | {
        "TENON_DATA_DIR": str(folder / "data"),
        "TENON_BIND": f"127.0.0.1:{port}",
        "TENON_OPERATOR_TOKEN": OPERATOR_TOKEN,
        "TENON_MAX_BODY_BYTES": str(_MAX_BODY),
        "TENON_LOG_FORMAT": "json",
        **settings,
    }
    assert embedded.postgres is not None
    with running([_TENON, "serve"], environ, folder / "serve.log") as process:
        wait_until_ready(process, port)
        yield Server(
            pid=process.pid,
            port=port,
            database_url=embedded.postgres.database_url,
            superuser_url=embedded.postgres.superuser_url.removesuffix("/postgres") + "/tenon",
            marketplace=Marketplace(port),
            environ=environ,
            folder=folder,
        )


@contextmanager
def working(server: Server) -> Iterator[None]:
    """A `tenon work` beside the server, with the same settings."""
    with running([_TENON, "work"], server.environ, server.folder / "work.log"):
        yield


@contextmanager
def running(command: list[str], environ: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is told to stop at the end; the last lines of its log go with what is raised inside."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    try:
        yield process
    except Exception as error:
        error.add_note(f"The last lines of the log of {Path(command[0]).name}:\n{_last_lines(log)}")
        raise
    finally:
        process.terminate()
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def bare_environ() -> dict[str, str]:
    """The environment without any settings of Tenon."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TENON_")}


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a serving process answers."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with Connection(port) as connection:
                connection.get("/health/ready")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not start.")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text("utf-8").splitlines()[-5:])
