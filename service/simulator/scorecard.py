"""The score card: all conformance cases against any vendor's production address."""

from collections.abc import Callable, Collection

from service.simulator import (
    cases_departments,
    cases_enterprise,
    cases_lifetime,
    cases_members,
    cases_purchase,
    cases_sign_in,
    cases_signature,
    cases_v1,
)
from service.simulator.cases import Case, Level, Outcome, Result, run_case
from service.simulator.context import Context
from service.simulator.expectations import NotChecked
from service.simulator.marketplace import Marketplace
from service.simulator.sign_ins import WITHOUT_SIGN_INS, SignIns

SUBJECTS = (
    cases_purchase,
    cases_signature,
    cases_lifetime,
    cases_enterprise,
    cases_members,
    cases_departments,
    cases_v1,
    cases_sign_in,
)
CASES: tuple[Case, ...] = tuple(
    sorted((case for subject in SUBJECTS for case in subject.registry.cases), key=lambda case: case.number)
)


def ignore(result: Result) -> None:
    """Listen to nothing."""


async def run_scorecard(
    marketplace: Marketplace,
    *,
    only: Collection[int] = (),
    listen: Callable[[Result], None] = ignore,
    sign_ins: SignIns | NotChecked = WITHOUT_SIGN_INS,
) -> list[Result]:
    """Run the cases one after the other (all, or those numbered in `only`); `listen` hears each result.

    Signing in is checked with `sign_ins`, or skipped for the reason given instead.
    """
    results = []
    for case in CASES:
        if not only or case.number in only:
            results.append(await run_case(case, Context(marketplace, sign_ins=sign_ins)))
            listen(results[-1])
    return results


def fails_documented(results: Collection[Result]) -> bool:
    """Whether a case of documented behaviour failed."""
    return any(result.outcome is Outcome.FAIL and result.level is Level.DOCUMENTED for result in results)
