"""The registry of conformance cases and the running of one of them."""

import inspect
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec

from service.simulator.context import Context
from service.simulator.expectations import NotChecked, Unmet

Check = Callable[[Context], Awaitable[None]]


class Level(StrEnum):
    """Where the expectation comes from."""

    DOCUMENTED = "documented"
    SAMPLE = "sample"
    RECOMMENDED = "recommended"


class Outcome(StrEnum):
    """How a case ended."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SKIPPED = "skipped"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One conformance case; `unseen` is the part of it that only the vendor's own store would show."""

    number: int
    title: str
    level: Level
    check: Check
    unseen: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How one case ended; `expected` and `came` are filled for a failure, `reason` for a skipped case."""

    number: int
    title: str
    level: Level
    outcome: Outcome
    seconds: float
    expected: str = ""
    came: str = ""
    reason: str = ""
    unseen: str = ""


class Registry:
    """Collects the cases of one subject in the order they are written."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def case(self, number: int, level: Level, *, unseen: str = "") -> Callable[[Check], Check]:
        """Register the decorated function as the check of a case; its docstring is the case's title."""

        def register(check: Check) -> Check:
            title = inspect.getdoc(check)
            assert title, f"case {number} has no title"
            self.cases.append(
                Case(number=number, title=title.rstrip("."), level=level, check=check, unseen=unseen)
            )
            return check

        return register


async def run_case(case: Case, context: Context) -> Result:
    """Run one case."""
    started = time.monotonic()
    outcome, expected, came, reason = Outcome.PASS, "", "", ""
    try:
        await case.check(context)
    except Unmet as unmet:
        outcome, expected, came = Outcome.FAIL, unmet.expected, unmet.came
    except NotChecked as not_checked:
        outcome, reason = Outcome.SKIPPED, str(not_checked)
    return Result(
        number=case.number,
        title=case.title,
        level=case.level,
        outcome=outcome,
        seconds=time.monotonic() - started,
        expected=expected,
        came=came,
        reason=reason,
        unseen=case.unseen,
    )
