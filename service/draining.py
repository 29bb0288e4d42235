"""Leaving without cutting anybody off: requests are still taken for a while, and all are sent elsewhere."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator

import structlog

log = structlog.get_logger(__name__)


class Draining:
    """Whether this process is leaving.

    A balancer learns it from readiness, and a client that keeps its connection from `Connection: close`:
    so that both have gone when the listener closes.
    """

    def __init__(self, seconds: float) -> None:
        """Take requests for so long after SIGTERM."""
        self._seconds = seconds
        self.is_under_way = False

    @contextlib.contextmanager
    def before_sigterm(self) -> Iterator[None]:
        """Have SIGTERM wait inside: what it did before, it does after the time of draining."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        leave = signal.getsignal(signal.SIGTERM)
        ending: list[asyncio.TimerHandle] = []

        def end() -> None:
            if callable(leave):
                leave(signal.SIGTERM, None)

        def begin() -> None:
            if not self.is_under_way:
                self.is_under_way = True
                log.info("draining", seconds=self._seconds)
                ending.append(loop.call_later(self._seconds, end))

        loop.add_signal_handler(signal.SIGTERM, begin)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, leave)
            for handle in ending:
                handle.cancel()
