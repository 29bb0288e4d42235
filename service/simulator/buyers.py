"""The ids under which one purchase and one enterprise appear on the wire."""

import random
import string
import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from service.simulator.calls import Edition

ALPHABET = string.ascii_uppercase + string.digits


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer of the marketplace: the order, the enterprise, and the application's credential in it.

    `instance_id` is the vendor's and empty before the purchase. `client_secret` is plain here; calls carry it
    encrypted.
    """

    order_id: str
    order_line_id: str
    tenant_id: str
    tenant_code: str
    name: str
    domain_name: str
    app_id: str
    client_id: str
    client_secret: str
    instance_id: str = ""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What all calls of one conversation share; `tick` gives the time for each body, always later."""

    buyer: Buyer
    edition: Edition
    is_debug: bool
    tick: Callable[[], datetime]


def make_buyer(seed: str, *, name: str, short_name: str) -> Buyer:
    """Make a buyer whose ids follow from the seed alone: a later run can speak about the same ones."""
    dice = random.Random(seed)
    order_id = "CS" + "".join(dice.choices(string.digits, k=10)) + "".join(dice.choices(ALPHABET, k=8))
    host = f"{short_name}-{order_id[-8:].lower()}"
    return Buyer(
        order_id=order_id,
        order_line_id=f"{order_id}-000001",
        tenant_id=f"{dice.getrandbits(128):032x}",
        tenant_code=f"{host}.example",
        name=name,
        domain_name=f"https://{host}.tenantaccount.example",
        app_id=str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        client_id=f"{dice.getrandbits(128):032x}",
        client_secret=f"{dice.getrandbits(256):064x}",
    )
