"""Looking at something once for all who ask at about the same time."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedLook(Generic[T]):
    """A look whose finding is kept for a while; however many ask meanwhile, there is one."""

    def __init__(self, look: Callable[[], Coroutine[Any, Any, T]], *, kept_seconds: float) -> None:
        """Look in this way, and keep what was found for so long; what is raised is not kept."""
        self._look = look
        self._kept_seconds = kept_seconds
        self._kept_until = float("-inf")
        self._looking: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """What is found now, or was a moment ago."""
        if self._looking is None or (self._looking.done() and time.monotonic() >= self._kept_until):
            # For all who ask, so in the name of none of their requests.
            self._looking = asyncio.create_task(self._look_and_keep(), context=contextvars.Context())
        # Whoever asked first may go away while others wait.
        return await asyncio.shield(self._looking)

    async def _look_and_keep(self) -> T:
        found = await self._look()
        self._kept_until = time.monotonic() + self._kept_seconds
        return found
