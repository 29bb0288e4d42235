"""What the embedded servers keep in the data directory: locks, ports, private files."""

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.local_account import EmbeddedUnavailable

LOCK_SECONDS = 180
LOCK_STEP_SECONDS = 0.05
# Below every system's range for outgoing connections: a client that retries a port of that range while the
# server is down may connect to itself and so take the port away.
FIRST_PORT, LAST_PORT = 15_000, 32_000
PORT_ATTEMPTS = 200


def prepare_data_dir(data_dir: Path) -> Path:
    """Make the data directory if there is none and return its real path.

    Raises:
        EmbeddedUnavailable: If it cannot be made, or this user may not write to it.
    """
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir()
        # Root's servers run as another user, who must get through; secrets inside have their own mode.
        data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise EmbeddedUnavailable(f"The data directory {data_dir} cannot be made: {error}.") from error
    if not data_dir.is_dir() or not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise EmbeddedUnavailable(
            f"This user may not write to the data directory {data_dir.resolve()}; "
            "set TENON_DATA_DIR to another one, or start Tenon as the user who owns it."
        )
    return data_dir.resolve()


@contextmanager
def exclusive_start(data_dir: Path) -> Iterator[None]:
    """Let one process at a time make, start or stop servers in `data_dir`.

    Raises:
        EmbeddedUnavailable: If another process holds the lock for three minutes.
    """
    handle = os.open(data_dir, os.O_RDONLY)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _lock(handle, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise EmbeddedUnavailable(
                    f"Another process has been starting or stopping the servers in {data_dir} for "
                    f"{LOCK_SECONDS} seconds; end it and try again."
                )
            time.sleep(LOCK_STEP_SECONDS)
        yield
    finally:
        os.close(handle)


class Users:
    """The processes that use one server, as shared locks: the kernel takes a dead process off the list.

    So the last user stops the server, and a server that outlived its killed starter is not left for ever.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def join(self) -> None:
        """Count this process in; once is enough."""
        if self._handle is None:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            _give_to_owner(self._handle, self._path.parent)
            fcntl.flock(self._handle, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def leave(self) -> bool:
        """Count this process out and say whether it was the last one; call it under `exclusive_start`."""
        if self._handle is None:
            return False
        last = _lock(self._handle, fcntl.LOCK_EX)
        os.close(self._handle)
        self._handle = None
        return last


def _lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def choose_port(path: Path) -> int:
    """Return the loopback port kept in `path` if it is free, else keep another one there.

    Raises:
        EmbeddedUnavailable: If no free port was found.
    """
    kept = read_port(path)
    if kept and port_is_free(kept):
        return kept
    for _ in range(PORT_ATTEMPTS):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        if port_is_free(port):
            write_private(path, str(port))
            return port
    raise EmbeddedUnavailable(f"No free port between {FIRST_PORT} and {LAST_PORT} was found on 127.0.0.1.")


def read_port(path: Path) -> int | None:
    """Return the port kept in `path`, if any."""
    text = path.read_text("ascii", errors="replace").strip() if path.exists() else ""
    return int(text) if text.isascii() and text.isdigit() and int(text) <= LAST_PORT else None


def port_is_free(port: int) -> bool:
    """Say whether a server could listen on a loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a former server that linger in TIME_WAIT do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read: whole or not at all, even if the machine stops."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        _give_to_owner(handle, path.parent)
        file.write(text)
        file.flush()
        os.fsync(handle)
    partial.replace(path)


def _give_to_owner(handle: int, folder: Path) -> None:
    """Let root's files in an ordinary user's data directory be that user's, who may start Tenon next time."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
