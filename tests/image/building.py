"""The Dockerfile carried out in a folder instead of a container: the same steps, as the same user."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.image.dockerfiles import copies_of, is_ignored, read_stages, rest_of, variables_of
from tests.repository import ROOT

# A build that runs as root works as the image's user throughout, who may write to little.
IDS = {"user": 10001, "group": 10001, "extra_groups": []} if os.geteuid() == 0 else {}
_LEFT_OUT = shutil.ignore_patterns("test", "site-packages", "idlelib", "tkinter", "config-*")
_OURS = ("PIP_", "SSL_", "REQUESTS_")


class Image:
    """A stage of the Dockerfile as a folder: `/opt/tenon` is there below it, read-only."""

    def __init__(self, folder):
        self.folder = folder
        self.build_stage, self.last_stage = read_stages()
        self.environ = {}

    def moved(self, text):
        """A command or path of the Dockerfile, with its own places in this folder."""
        return re.sub(r"(?<![\w.])/(opt|app)(?=/|:|$|\s)", rf"{self.folder}/\1", text)

    def build(self):
        """Carry out the first stage, then what the last one sets."""
        libraries = _provide_python(self.folder)
        asked = {name: value for name, value in os.environ.items() if name.startswith(_OURS)}
        base = {**libraries, "PATH": f"{self.folder}/bin:/usr/bin:/bin", "HOME": f"{self.folder}/home"}
        for name in ("opt", "home"):
            _make_own(self.folder / name)
        self._source = Path(self.moved(rest_of(self.build_stage, "WORKDIR")))
        self._source.mkdir()
        for step in self.build_stage:
            if step.word == "COPY":
                self._copy(step)
            elif step.word == "RUN":
                environ = {**asked, **base, **variables_of(self.build_stage, "ENV")}
                self._run(step.rest, environ)
        make_read_only(self.folder / "opt")
        (self.folder / "app").mkdir(mode=0o555)
        told = {
            name: self.moved(value) if name == "PATH" else value
            for name, value in variables_of(self.last_stage, "ENV").items()
        }
        self.environ = {**libraries, **told}

    def _copy(self, step):
        for names, target in copies_of([step]):
            for name in names:
                assert not is_ignored(name), f".dockerignore keeps out {name}, which the Dockerfile copies"
                goal = self._source / target / (name if target.endswith("/") else "")
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, self._source / target, ignore=_leave_out)
                else:
                    shutil.copyfile(ROOT / name, goal)
        make_read_only(self._source)
        self._source.chmod(0o755)

    def _run(self, command, environ):
        done = subprocess.run(
            ["/bin/sh", "-c", self.moved(command)],
            cwd=self._source,
            env=environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            **IDS,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def start(self, command, environ, **options):
        """Start what a container of this image would, with nothing in its environment but this."""
        return subprocess.Popen(
            command, cwd=self.folder / "app", env={**self.environ, **environ}, text=True, **IDS, **options
        )

    def run(self, *command, environ=()):
        """Run a command to its end; what it says on both outputs is in `stdout`."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with self.start(command, dict(environ), **options) as process:
            output, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(command, process.returncode, output)


def _leave_out(folder, names):
    return [name for name in names if is_ignored((Path(folder) / name).relative_to(ROOT).as_posix())]


def _make_own(folder):
    folder.mkdir()
    if IDS:
        os.chown(folder, IDS["user"], IDS["group"])


def _provide_python(folder):
    """Put `python` into the folder `bin`: this Python, or a copy where the image's user cannot reach it."""
    python = Path(sys._base_executable).resolve()
    libraries = {}
    if not _can_run(python):
        prefix, name = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
        shutil.copytree(prefix / "lib" / name, folder / "python/lib" / name, symlinks=True, ignore=_LEFT_OUT)
        for library in (prefix / "lib").glob("libpython*.so*"):
            shutil.copy2(library, folder / "python/lib", follow_symlinks=False)
        (folder / "python/bin").mkdir()
        python = Path(shutil.copy2(python, folder / "python/bin"))
        libraries = {"LD_LIBRARY_PATH": f"{folder}/python/lib"}
    (folder / "bin").mkdir()
    wrapper = folder / "bin/python"
    wrapper.write_text(f'#!/bin/sh\nexec {python} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return libraries


def _can_run(python):
    try:
        command = [python, "-c", "import ensurepip, venv"]
        done = subprocess.run(command, check=False, capture_output=True, timeout=30, cwd="/", env={}, **IDS)
    except PermissionError:
        return False
    return done.returncode == 0


def make_read_only(folder):
    """Give a tree to whoever runs the tests, with no right to write for anybody."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            os.chown(path, os.geteuid(), os.getegid())
            path.chmod(path.stat().st_mode & 0o555)


def make_removable(folder):
    """Let a tree be removed again by an ordinary user; root may anyway."""
    if not IDS:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
