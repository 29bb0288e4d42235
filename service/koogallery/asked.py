"""A base message as its readers see it: fields as text, checked when taken."""

from collections.abc import Mapping

import msgspec

from service.koogallery.results import INVALID, Refusal
from service.runtime import Runtime
from tenancy.products import Product
from tenancy.pushes import Push

LONGEST_ID = 64


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A base message: its fields as text, and what is needed to carry it out."""

    fields: Mapping[str, str]
    product: Product
    is_v1: bool
    push: Push
    runtime: Runtime
    access_key: str

    def text(self, name: str, longest: int = LONGEST_ID) -> str:
        """A field that may be absent."""
        value = self.fields.get(name, "").strip()
        if len(value) > longest:
            raise Refusal(INVALID, f"Parameter invalid: {name} is longer than {longest} characters.")
        return value

    def required(self, name: str, longest: int = LONGEST_ID) -> str:
        """A field that must be there."""
        value = self.text(name, longest)
        if not value:
            raise Refusal(INVALID, f"Parameter invalid: {name} is missing.")
        return value

    @property
    def asks_orders(self) -> bool:
        """Whether order details can be asked of the marketplace."""
        secrets = self.product.secrets
        return bool(secrets.order_access_key and secrets.order_secret_key)
