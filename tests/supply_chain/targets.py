"""Running targets of the Makefile with the tools of the environment that runs the tests."""

import subprocess
import sys
from pathlib import Path

from tests.repository import ROOT


def run_make(target, *variables, environ=None):
    """Run one target and nothing that it depends on; both outputs are in `stdout`."""
    return subprocess.run(
        ["make", "--old-file=.venv/dev", f"BIN={Path(sys.executable).parent}", target, *variables],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
