"""What the embedded PostgreSQL and Valkey have in common: a folder, a port, users, start and stop."""

import os
from abc import ABC, abstractmethod
from pathlib import Path

from service.local_account import EmbeddedUnavailable, check_reachable, choose_account
from service.local_files import Users, exclusive_start, prepare_data_dir, read_port


class LocalServer(ABC):
    """One server on loopback with its data and log in `data_dir/<name>`; several processes may share it."""

    name: str

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = prepare_data_dir(data_dir)
        self.account = choose_account(self.data_dir)
        remedy = "set TENON_DATA_DIR to a directory such as /var/lib/tenon"
        check_reachable(self.data_dir, self.account, remedy=remedy)
        self.folder = self.data_dir / self.name
        self.port_file = self.data_dir / f"{self.name}.port"
        self.log_file = self.folder / "log"
        self._users = Users(self.data_dir / f"{self.name}.users")

    @property
    def port(self) -> int:
        """The port on 127.0.0.1; it stays the same over restarts if nobody else took it meanwhile.

        Raises:
            EmbeddedUnavailable: If the server was never started.
        """
        port = read_port(self.port_file)
        if port is None:
            raise EmbeddedUnavailable(f"The embedded {self.name} was never started in {self.data_dir}.")
        return port

    def start(self) -> None:
        """Start the server, or attach to it where it already runs.

        Raises:
            EmbeddedUnavailable: With the last lines of the server's log.
        """
        with exclusive_start(self.data_dir):
            self._users.join()
            try:
                self._make_folder()
                self._start()
            except BaseException:
                if self._users.leave():
                    self._stop()
                raise

    def stop(self) -> None:
        """Stop using the server; the last user stops it, in bounded time."""
        with exclusive_start(self.data_dir):
            if self._users.leave():
                self._stop()

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            os.chown(self.folder, self.account.uid, self.account.gid)

    @abstractmethod
    def _start(self) -> None: ...

    @abstractmethod
    def _stop(self) -> None: ...

    @abstractmethod
    def kill(self) -> None:
        """Kill all of the server's processes with SIGKILL, as a crash would; `start` brings it back."""
