"""Test processes that need the same thing made once: the second finds what the first has made."""

import fcntl
from contextlib import contextmanager


@contextmanager
def one_at_a_time(path):
    """Only one process on this machine is inside with this file, which is made if it is not there."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
