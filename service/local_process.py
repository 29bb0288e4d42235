"""Running the embedded servers' programs with a time limit, and telling which of them live."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from service.local_account import Account, EmbeddedUnavailable

LOG_LINES = 15
LISTING_SECONDS = 10
WAIT_STEP_SECONDS = 0.02


def run_program(
    command: Sequence[str | Path],
    *,
    account: Account | None,
    timeout: float,
    stdin: str = "",
    env: dict[str, str] | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Its environment is `env` and little more: a server must not inherit libpq's variables or our secrets.
    Its session is its own: Ctrl-C in the terminal shall reach Tenon, which then stops the servers in order.

    Raises:
        EmbeddedUnavailable: If it fails or takes longer than `timeout` seconds.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603 - our own programs and arguments
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"} | (env or {}),
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except subprocess.TimeoutExpired:
        raise EmbeddedUnavailable(f"{name} did not end within {timeout:.0f} seconds.") from None
    except OSError as error:
        raise EmbeddedUnavailable(f"{name} could not be run: {error}.") from error
    if done.returncode != 0:
        raise EmbeddedUnavailable(f"{name} failed:\n{last_lines(done.stdout)}")
    return done.stdout


def last_lines(text: str) -> str:
    """Cut a program's output down to what an error message can hold."""
    return "\n".join(text.strip().splitlines()[-LOG_LINES:])


def read_log(path: Path) -> str:
    """Return the last lines of a log, or nothing if there is none."""
    try:
        return last_lines(path.read_text("utf-8", errors="replace"))
    except OSError:
        return ""


def read_command(pid: int) -> list[str]:
    """Return a live process's command line, or an empty list if it ended (also if nobody reaped it yet)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text("utf-8", errors="replace").split("\0")
    except OSError:
        if Path("/proc/self").exists():
            return []
        words = next((command.split() for found, _, command in _list_processes() if found == pid), [])
    return [word for word in words if word]


def kill_family(pid: int, *, timeout: float) -> None:
    """Kill a process and its children with SIGKILL and wait until they are gone.

    Raises:
        EmbeddedUnavailable: If one survives for `timeout` seconds.
    """
    signal_process(pid, signal.SIGSTOP)  # so that it makes no child meanwhile
    family = [pid, *(child for child, parent, _ in _list_processes() if parent == pid)]
    for member in family:
        signal_process(member, signal.SIGKILL)
    deadline = time.monotonic() + timeout
    while any(read_command(member) for member in family):
        if time.monotonic() > deadline:
            raise EmbeddedUnavailable(f"Process {pid} is still there {timeout:.0f} seconds after SIGKILL.")
        time.sleep(WAIT_STEP_SECONDS)


def signal_process(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _list_processes() -> list[tuple[int, int, str]]:
    """List (pid, parent's pid, command) of all live processes; Linux may lack `ps`, others lack /proc."""
    if not Path("/proc/self/stat").exists():
        listing = run_program(
            [shutil.which("ps") or "/bin/ps", "-A", "-ww", "-o", "pid=,ppid=,command="],
            account=None,
            timeout=LISTING_SECONDS,
        )
        rows = [line.split(maxsplit=2) for line in listing.splitlines()]
        return [(int(row[0]), int(row[1]), row[-1]) for row in rows]
    processes = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = entry.read_text("utf-8", errors="replace").rpartition(")")
        except OSError:
            continue
        processes.append((int(entry.parent.name), int(rest.split()[1]), name))
    return processes
