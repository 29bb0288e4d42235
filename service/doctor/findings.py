"""What the doctor says: findings, the troubles that they can be, and checks that could not be made."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Level = Literal["ok", "hint", "warning", "error"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found; `cause` and `remedy` are there unless it is `ok`. Never holds a secret."""

    check: str
    level: Level
    message: str
    cause: str | None = None
    remedy: str | None = None


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a check can find wrong; cause and remedy are as in `docs/doctor.md`."""

    check: str
    level: Level
    cause: str
    remedy: str

    def found(self, message: str) -> Finding:
        """The finding; `message` says what it is this time."""
        return Finding(
            check=self.check, level=self.level, message=message, cause=self.cause, remedy=self.remedy
        )


NOT_CHECKED = Trouble(
    check="*",
    level="warning",
    cause="What the check needs is not there; another finding says why.",
    remedy="Mend what was found first, and run the doctor again.",
)
UNFINISHED = Trouble(
    check="*",
    level="error",
    cause="The check itself failed or took too long, so that nothing is known.",
    remedy="Run the doctor again; if it stays so, look at the log of the server that was asked.",
)


def ok(check: str, message: str) -> Finding:
    """Nothing is wrong."""
    return Finding(check=check, level="ok", message=message)


def not_checked(checks: Iterable[str], reason: str) -> list[Finding]:
    """These could not be made, because something that they need was found wrong before."""
    return [
        msgspec.structs.replace(NOT_CHECKED.found(f"not checked: {reason}"), check=check) for check in checks
    ]


def unfinished(checks: Iterable[str], reason: str) -> list[Finding]:
    """These failed on the way."""
    return [
        msgspec.structs.replace(UNFINISHED.found(f"could not be finished: {reason}"), check=check)
        for check in checks
    ]


def found_or_ok(check: str, findings: list[Finding], message: str) -> list[Finding]:
    """The findings; one that all is well when there are none."""
    return findings or [ok(check, message)]
