"""Clients, remembered for a moment so that not every token asks the database who they are."""

import time
from collections import OrderedDict

from sso.clients import CLIENT_ID, Client, find_client

_MOST = 1000
_SECONDS = 2.0


class ClientCache:
    """A bounded cache; a changed client, or a removed secret, is known two seconds later at the latest."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[float, Client | None]] = OrderedDict()

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
        client = await find_client(client_id)
        self._entries[client_id] = (time.monotonic() + _SECONDS, client)
        self._entries.move_to_end(client_id)
        if len(self._entries) > _MOST:
            self._entries.popitem(last=False)
        return client

    def forget(self, client_id: str) -> None:
        """Read the client anew next time: it has been changed here."""
        self._entries.pop(client_id, None)
