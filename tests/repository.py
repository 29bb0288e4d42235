"""The repository's own files, for tests of its rules; found without git, which a fresh machine may lack."""

from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_SKIPPED_NAMES = {"__pycache__", "node_modules", "dist", "build", "results", "uv.lock"}
_KEPT_DOT_NAMES = {".ci", ".dockerignore", ".gitignore"}


@cache
def list_files():
    """Every file that belongs to the repository, sorted."""
    return tuple(sorted(_walk(ROOT)))


def _walk(folder):
    for path in folder.iterdir():
        if path.name in _SKIPPED_NAMES or (path.name.startswith(".") and path.name not in _KEPT_DOT_NAMES):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def list_modules(*packages):
    """The Python modules below these top-level folders."""
    return [
        path for path in list_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in packages
    ]


def name_of(path):
    """The path as people write it."""
    return path.relative_to(ROOT).as_posix()
