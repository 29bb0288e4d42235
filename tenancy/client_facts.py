"""What is said of a client in events."""

from typing import Any

import msgspec


class ClientFact(msgspec.Struct, frozen=True, kw_only=True):
    """A relying party of a product without its secrets; its settings hold public keys only."""

    product: str
    settings: dict[str, Any]
