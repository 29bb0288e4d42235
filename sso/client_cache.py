"""Clients, remembered for a moment so that not every token asks the database who they are."""

import asyncio
import time
from collections import OrderedDict

from sso.clients import CLIENT_ID, Client, find_client

_MOST = 1000
_SECONDS = 2.0


class ClientCache:
    """A bounded cache; a changed client, or a removed secret, is known two seconds later at the latest."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[float, Client | None]] = OrderedDict()
        self._reading: dict[str, asyncio.Future[Client | None]] = {}

    async def find(self, client_id: str) -> Client | None:
        """The client, or None; that there is none is remembered too.

        Raises:
            DatabaseUnavailable: it would have to be read, and the database is away.
        """
        if CLIENT_ID.fullmatch(client_id) is None:
            return None
        entry = self._entries.get(client_id)
        if entry is not None and time.monotonic() < entry[0]:
            return entry[1]
        # Read once, however many ask at the same time; one who goes away must not take the others along.
        reading = self._reading.get(client_id)
        if reading is None:
            reading = self._reading[client_id] = asyncio.ensure_future(find_client(client_id))
            reading.add_done_callback(lambda done: self._keep(client_id, done))
        return await asyncio.shield(reading)

    def _keep(self, client_id: str, done: "asyncio.Future[Client | None]") -> None:
        is_failed = done.cancelled() or done.exception() is not None
        # What was forgotten meanwhile was read too early.
        if self._reading.get(client_id) is not done:
            return
        del self._reading[client_id]
        if is_failed:
            return
        self._entries[client_id] = (time.monotonic() + _SECONDS, done.result())
        self._entries.move_to_end(client_id)
        if len(self._entries) > _MOST:
            self._entries.popitem(last=False)

    def forget(self, client_id: str) -> None:
        """Read the client anew next time: it has been changed here."""
        self._entries.pop(client_id, None)
        self._reading.pop(client_id, None)
