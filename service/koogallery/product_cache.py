"""Products with their keys, remembered for a moment so that not every push reads and decrypts them."""

import time
from collections import OrderedDict

from tenancy.errors import Unavailable
from tenancy.products import SLUG, Product, find_product
from tenancy.secrets import Keyring

_MOST = 1000
_SECONDS = 2.0


class ProductCache:
    """A bounded cache; a removed key is refused two seconds later at the latest."""

    def __init__(self, keyring: Keyring) -> None:
        """Decrypt with this keyring."""
        self._keyring = keyring
        self._entries: OrderedDict[str, tuple[float, Product | None]] = OrderedDict()

    async def find(self, slug: str) -> Product | None:
        """The product, or None; that there is none is remembered too."""
        if SLUG.fullmatch(slug) is None:
            return None
        entry = self._entries.get(slug)
        if entry is not None and time.monotonic() < entry[0]:
            return entry[1]
        try:
            product = await find_product(slug, keyring=self._keyring)
        except Unavailable:
            # The answer that says so must be signed too.
            if entry is None:
                raise
            return entry[1]
        self._entries[slug] = (time.monotonic() + _SECONDS, product)
        self._entries.move_to_end(slug)
        if len(self._entries) > _MOST:
            self._entries.popitem(last=False)
        return product

    def forget(self, slug: str) -> None:
        """Read the product anew next time: it has been changed here."""
        self._entries.pop(slug, None)
