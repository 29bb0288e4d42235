"""Answers that are written to a file first and sent from there, a bounded number at once."""

import tempfile
from collections.abc import AsyncIterator

from tenancy.errors import Unavailable

_CHUNK = 128 * 1024
_IN_MEMORY = 1024 * 1024


class SpoolsBusy(Unavailable):
    """Too many large answers are being made and sent at the moment; try again."""


class Spool:
    """An answer in a file that is gone once it has been sent, or is not needed any more."""

    def __init__(self, spools: "Spools") -> None:
        self._spools: Spools | None = spools
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add some bytes."""
        self._file.write(data)
        self.size += len(data)

    async def read(self) -> AsyncIterator[bytes]:
        """Everything that was written, piece by piece; then the file is gone."""
        try:
            self._file.seek(0)
            while chunk := self._file.read(_CHUNK):
                yield chunk
        finally:
            self.close()

    def close(self) -> None:
        """Give the place and the file back; repeating does nothing."""
        if self._spools is not None:
            self._spools.taken -= 1
            self._spools = None
            self._file.close()

    def __del__(self) -> None:
        # A client may go before the first piece is asked for.
        self.close()


class Spools:
    """The answers of a process that are being made or sent; `taken` is how many."""

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self.taken = 0

    def open(self) -> Spool:
        """Begin an answer.

        Raises:
            SpoolsBusy: there are as many as there may be.
        """
        if self.taken >= self.most:
            raise SpoolsBusy
        self.taken += 1
        return Spool(self)
