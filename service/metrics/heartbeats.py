"""Heartbeats of the worker's loops: each says that it still turns, so that a stuck worker is noticed."""

import asyncio
import time
from types import TracebackType
from typing import Final, Literal, Self

Loop = Literal["delivery", "departures", "settling"]
# Departures are followed in one loop and told in another; the later of the two counts for both.
Part = Literal["delivery", "following", "telling", "settling"]

_LOOPS: Final[dict[Part, Loop]] = {
    "delivery": "delivery",
    "following": "departures",
    "telling": "departures",
    "settling": "settling",
}
_APART_SECONDS = 5.0
# A pass may wait for a database that has fallen silent, or erase all of a large tenant.
_LONGEST_PASS_SECONDS = 900.0

_beats: dict[Part, tuple[float, float]] = {}


class Heart:
    """Beats inside its block: at every pass, and in between as long as a pass takes no longer than it may.

    A loop that has ended by an error, or makes no passes, is found by its last beat getting old; one that was
    told to stop is forgotten.
    """

    def __init__(self, part: Part, *, longest_pass: float = _LONGEST_PASS_SECONDS) -> None:
        """Beat for a part of the work; `longest_pass` in seconds."""
        self._part = part
        self._longest_pass = longest_pass
        self._passed_at = 0.0
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self.beat()
        self._go_on()
        return self

    def beat(self) -> None:
        """Say that a pass begins.

        Raises:
            CancelledError: the task was told to stop, and a library has kept that to itself. The Redis client
                does at times: it sends by `asyncio.wait_for`, which is so before Python 3.12.
        """
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        self._passed_at = time.monotonic()
        _beats[self._part] = self._passed_at, time.time()

    def _go_on(self) -> None:
        now = time.monotonic()
        if now - self._passed_at < self._longest_pass:
            _beats[self._part] = now, time.time()
        self._next = asyncio.get_running_loop().call_later(_APART_SECONDS, self._go_on)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()
        if kind is None or issubclass(kind, asyncio.CancelledError):
            _beats.pop(self._part, None)


def oldest_beat() -> float | None:
    """Seconds since the loop that has been silent longest has beaten; None without a worker."""
    if not _beats:
        return None
    return time.monotonic() - min(monotonic for monotonic, _ in _beats.values())


def last_beats() -> dict[Loop, float]:
    """When each loop has beaten last, in Unix time; nothing without a worker."""
    found: dict[Loop, float] = {}
    for part, (_, at) in _beats.items():
        loop = _LOOPS[part]
        found[loop] = min(at, found.get(loop, at))
    return found
