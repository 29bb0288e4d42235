"""Every sealed value that is stored: under which key it is, and whether the keys at hand open it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec

from tenancy.apps import secret_purpose
from tenancy.database import Db, system_scope, tenant_scope
from tenancy.endpoint_rows import open_secrets
from tenancy.errors import SecretUndecryptable
from tenancy.inspection import looking
from tenancy.instance_rows import contact_purpose
from tenancy.products import find_product
from tenancy.push_bodies import open_body
from tenancy.secrets import Keyring

_PAGE: Final = 500

# The bodies are many and large: only their heads are read, day by day, and of each key the newest is opened.
_BODY_DAYS = """
SELECT generate_series(min(received_at), max(received_at) + interval '1 day', interval '1 day') AS day
FROM push WHERE body IS NOT NULL
"""
_BODY_KEYS = """
SELECT encode(substring(body FROM 2 FOR get_byte(body, 0)), 'escape') AS key_id, count(*) AS count,
       max(received_at) AS newest
FROM push WHERE octet_length(body) > 0 AND received_at >= $1 AND received_at < $1 + interval '1 day'
GROUP BY 1
"""
_BODIES_AT = "SELECT id, body FROM push WHERE octet_length(body) > 0 AND received_at = $1"


class SealedValues(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one kind: how many are under each key id, and how many of those do not open."""

    kind: str
    counts: dict[str, int]
    broken: dict[str, int]


class SealedTally:
    """Counts the sealed values of one kind."""

    def __init__(self, kind: str) -> None:
        """Begin with none."""
        self._kind = kind
        self._counts: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()

    def add(self, sealed: bytes, opening: Callable[[], object]) -> None:
        """Count a value; `opening` decrypts it."""
        self.count(key_id_of(sealed), opens=opens(opening))

    def count(self, key_id: str, *, opens: bool, number: int = 1) -> None:
        """Count values under a key."""
        self._counts[key_id] += number
        if not opens:
            self._broken[key_id] += 1

    def total(self) -> SealedValues:
        """What has been counted."""
        return SealedValues(kind=self._kind, counts=dict(self._counts), broken=dict(self._broken))


def key_id_of(sealed: bytes) -> str:
    """The id of the key that a value was sealed under; see `Keyring`."""
    return sealed[1 : 1 + sealed[0]].decode(errors="replace") if sealed else ""


def opens(opening: Callable[[], object]) -> bool:
    """Whether a value can be decrypted."""
    try:
        opening()
    except (SecretUndecryptable, IndexError, ValueError):
        return False
    return True


async def inspect_sealed_values(*, keyring: Keyring) -> list[SealedValues]:
    """Try all values that are sealed in the tables of the domain; of the bodies of pushes, one for each key.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: a table is missing, or the role may not read it.
    """
    async with looking():
        return [
            await _products(keyring),
            await _endpoints(keyring),
            await _contacts(keyring),
            await _apps(keyring),
            await _bodies(keyring),
        ]


async def list_product_slugs() -> list[str]:
    """The names of all products in addresses, whether or not their keys can be read.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    async with looking(), system_scope() as db:
        return [row["slug"] for row in await db.fetch("SELECT slug FROM product ORDER BY slug")]


async def _products(keyring: Keyring) -> SealedValues:
    tally = SealedTally("products")
    async with system_scope() as db:
        rows = await db.fetch("SELECT slug, secrets FROM product ORDER BY slug")
    for row in rows:
        try:
            is_open = await find_product(row["slug"], keyring=keyring) is not None
        except SecretUndecryptable:
            is_open = False
        tally.count(key_id_of(row["secrets"]), opens=is_open)
    return tally.total()


async def _endpoints(keyring: Keyring) -> SealedValues:
    tally = SealedTally("endpoints")
    async with system_scope() as db:
        for row in await db.fetch("SELECT id, secrets FROM endpoint"):
            tally.add(row["secrets"], partial(open_secrets, row["id"], row["secrets"], keyring))
    return tally.total()


async def _contacts(keyring: Keyring) -> SealedValues:
    tally, after = SealedTally("contacts"), ""
    while True:
        async with system_scope() as db:
            rows = await db.fetch(
                "SELECT instance_id, contact FROM instance WHERE contact IS NOT NULL AND instance_id > $1"
                " ORDER BY instance_id LIMIT $2",
                after,
                _PAGE,
            )
        for row in rows:
            _try(tally, keyring, row["contact"], contact_purpose(row["instance_id"]))
        if len(rows) < _PAGE:
            return tally.total()
        after = rows[-1]["instance_id"]


async def _apps(keyring: Keyring) -> SealedValues:
    tally = SealedTally("apps")
    async with system_scope() as db:
        tenants = [row["id"] for row in await db.fetch("SELECT id FROM tenant ORDER BY id")]
    for tenant_id in tenants:
        async with tenant_scope(tenant_id) as db:
            for row in await _apps_of(db, tenant_id):
                purpose = secret_purpose(tenant_id, row["id"], row["instance_id"])
                _try(tally, keyring, row["client_secret"], purpose)
    return tally.total()


async def _apps_of(db: Db, tenant_id: UUID) -> list[Any]:
    return await db.fetch(
        "SELECT id, instance_id, client_secret FROM app WHERE tenant_id = $1 AND client_secret IS NOT NULL",
        tenant_id,
    )


async def _bodies(keyring: Keyring) -> SealedValues:
    tally, newest = SealedTally("bodies"), dict[str, datetime]()
    async with system_scope() as db:
        days = [row["day"] for row in await db.fetch(_BODY_DAYS) if row["day"] is not None]
    for day in days:
        async with system_scope() as db:
            rows = await db.fetch(_BODY_KEYS, day)
        for row in rows:
            tally.count(row["key_id"], opens=True, number=row["count"])
            newest[row["key_id"]] = max(row["newest"], newest.get(row["key_id"], row["newest"]))
    for key_id, received_at in newest.items():
        async with system_scope() as db:
            rows = await db.fetch(_BODIES_AT, received_at)
        of_key = [row for row in rows if key_id_of(row["body"]) == key_id]
        if not await asyncio.to_thread(_open_bodies, of_key, keyring):
            tally.count(key_id, opens=False, number=0)
    return tally.total()


def _open_bodies(rows: list[Any], keyring: Keyring) -> bool:
    return all(opens(partial(open_body, row["id"], row["body"], keyring=keyring)) for row in rows)


def _try(tally: SealedTally, keyring: Keyring, sealed: bytes, purpose: str) -> None:
    tally.add(sealed, partial(keyring.open, sealed, purpose=purpose))
