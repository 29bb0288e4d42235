import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.image.building import Image, make_removable

MEMORY = Path("/dev/shm")
BYTES_NEEDED = 2**30


@pytest.fixture(scope="session")
def image():
    """The image, built once."""
    with quick_folder() as folder:
        image = Image(folder)
        image.build()
        yield image


@contextmanager
def quick_folder():
    """A folder that every user may enter, in memory where programs may lie there: an image is many files."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-", dir=MEMORY if is_fit(MEMORY) else None))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        make_removable(folder)
        shutil.rmtree(folder)


def is_fit(place):
    if not os.access(place, os.W_OK) or os.statvfs(place).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(place).free > BYTES_NEEDED
