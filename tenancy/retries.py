"""When a failing event is tried again and when Tenon gives up: pure rules on counts, times and answers."""

from datetime import timedelta

# After the first failure of an event, the second, …; from the last one on always that long.
_DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
)
_LONGEST_PAUSE = timedelta(minutes=5)
_GONE = 410

# The share by which a delay is shortened or stretched at the most.
JITTER = 0.2
# From so many failures in a row on, whatever the tenants, an endpoint counts as failing.
FAILING_FROM = 5
# From so many on it has been away for minutes, and its streams wait longer than they need once it is back.
AWAY_FROM = 8
GIVE_UP_AFTER = timedelta(days=3)


def retry_delay(failures: int, *, jitter: float) -> timedelta:
    """How long an event waits that has failed so many times, at least once; `jitter` is from -1 to 1."""
    return _DELAYS[min(failures, len(_DELAYS)) - 1] * (1 + JITTER * jitter)


def pause_length(failures: int, *, jitter: float) -> timedelta:
    """How long an endpoint is left alone that has failed so many times in a row, `FAILING_FROM` at least."""
    return min(retry_delay(failures - FAILING_FROM + 1, jitter=jitter), _LONGEST_PAUSE)


def reason_to_disable(*, status: int | None, failing_for: timedelta) -> str | None:
    """Why an endpoint is not tried any more after a failure; None when it is."""
    if status == _GONE:
        return "The receiver has answered 410 Gone."
    if failing_for >= GIVE_UP_AFTER:
        return f"An event has not been accepted for {failing_for.days} days."
    return None
