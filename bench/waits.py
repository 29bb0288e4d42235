"""How long another caller waits while the server is busy with something large."""

import threading
import time
from types import TracebackType
from typing import Self

from bench.calls import Connection

_PAUSE_SECONDS = 0.05


class Waits:
    """Asks for `/health/live` over and over in a thread; a context manager. `longest` is in seconds."""

    def __init__(self, port: int) -> None:
        self.longest = 0.0
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        with Connection(self._port) as connection:
            while not self._ended.wait(_PAUSE_SECONDS):
                started = time.perf_counter()
                connection.get("/health/live")
                self.longest = max(self.longest, time.perf_counter() - started)
