"""Conformance cases about signing in with the marketplace's account; named, but not checked yet."""

from service.simulator.cases import Case, Level, Registry
from service.simulator.context import Context
from service.simulator.expectations import NotChecked

TITLES = (
    (74, Level.DOCUMENTED, "The callback signs in with the credential of the enterprise it names"),
    (75, Level.RECOMMENDED, "A callback of an unknown enterprise calls nobody and shows an error"),
    (76, Level.DOCUMENTED, "A refused code opens no session"),
    (77, Level.RECOMMENDED, "A user of another enterprise than the callback names is refused"),
    (78, Level.RECOMMENDED, "A member whose authorisation was cancelled is refused"),
    (79, Level.DOCUMENTED, "An old access token is renewed with the refresh token"),
    (80, Level.DOCUMENTED, "Signing out ends the session and leads to the enterprise's own logout"),
)

registry = Registry()


async def not_yet(context: Context) -> None:  # noqa: ARG001 - every check has this shape
    """Skip: a black box at the production address cannot act as the enterprise's auth centre."""
    raise NotChecked("sign-in is not checked yet")


registry.cases.extend(
    Case(number=number, title=title, level=level, check=not_yet) for number, level, title in TITLES
)
