"""What is counted of signing in and out."""

from typing import Final, get_args

from prometheus_client import Counter

from sso.client_sessions import Reason
from sso.connection_rows import KOOGALLERY

_BEGUN: Final = Counter(
    "tenon_sessions_begun", "Sessions that began, by what kind of connection.", ["connection"]
)
_ENDED: Final = Counter(
    "tenon_sessions_ended", "Sessions that were ended, by reason; not those that ran out.", ["reason"]
)


# Whatever may come begins at zero, so that the first time is seen as a rise.
for _kind in ("koogallery", "oidc"):
    _BEGUN.labels(_kind)
for _reason in get_args(Reason):
    _ENDED.labels(_reason)


def count_begun(connection: str) -> None:
    """Count a session that began by the connection of that name."""
    _BEGUN.labels("koogallery" if connection == KOOGALLERY else "oidc").inc()


def count_ended(reason: Reason, sessions: int = 1) -> None:
    """Count sessions that were ended."""
    _ENDED.labels(reason).inc(sessions)
