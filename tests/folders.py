"""Folders for servers that do not run as root."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_folder():
    """A folder that the account of root's servers can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
