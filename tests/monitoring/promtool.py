"""Finds a promtool for the tests, Prometheus' own judge of rules, and fetches one when the machine has none.

It stands in no package of Python or Node. Debian's package `prometheus` is fetched and unpacked into a folder
of the user's cache, which needs no root and leaves the machine as it is.
"""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.taking_turns import one_at_a_time

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenon-tests" / "promtool"
_MOST_SECONDS = 200


class NoPromtool(Exception):
    """Why there is none, and what to do."""


@cache
def find_promtool():
    """The path of a promtool that runs; NoPromtool when there is none to be had."""
    if found := shutil.which("promtool"):
        return found
    unpacked = _CACHE / "usr" / "bin" / "promtool"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(_CACHE / "lock"):
        if not unpacked.exists():
            _fetch(unpacked)
    return str(unpacked)


def _fetch(unpacked):
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NoPromtool("There is no promtool on the path; install Prometheus, which brings it.")
    folder = _CACHE / "fetching"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _download(folder)
        [package] = folder.glob("prometheus_*.deb")
        _run(["dpkg-deb", "-x", str(package), str(folder)])
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        (folder / "usr" / "bin" / "promtool").replace(unpacked)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download(folder):
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    # Lists of its own: the machine's may be missing, or old, or another's to write.
    own = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    # Root's apt would fetch as another user, who cannot enter this folder.
    as_is = [] if os.getuid() else ["-o", "APT::Sandbox::User=root"]
    try:
        _run(["apt-get", "download", "prometheus", *as_is], cwd=folder)
    except NoPromtool:
        _run(["apt-get", "update", "-qq", *own, *as_is])
        _run(["apt-get", "download", "prometheus", *own, *as_is], cwd=folder)


def _run(command, **how):
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False, **how
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPromtool(
            f"{command[0]} failed: {error}. Install Prometheus, which brings promtool."
        ) from error
    if done.returncode:
        problem = done.stderr.strip()[-300:]
        raise NoPromtool(f"{command[0]} failed: {problem}. Install Prometheus, which brings promtool.")
