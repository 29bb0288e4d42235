"""Products: what the vendor has listed, with its keys sealed at rest."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from tenancy.acts import Act, record_act
from tenancy.database import Db, system_scope
from tenancy.errors import ProductChanged, ProductInUse, ProductUnknown
from tenancy.event_objects import ProductFact
from tenancy.events import Event
from tenancy.paging import Page, decode_cursor, page_of
from tenancy.secrets import Keyring


class ProductSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is not secret about a product.

    `provisioning` says whether an instance is usable at once or waits until the vendor confirms it.
    `v1_utc_offset_hours` is the time zone of the V1 interface's expiry times. `portal_url` is where sign-ins
    with the marketplace's account start, if not at its usual portal.
    """

    front_end_url: str | None = None
    admin_url: str | None = None
    memo: str | None = None
    provisioning: Literal["immediate", "confirmed"] = "immediate"
    v1_utc_offset_hours: int = 8
    order_query_url: str | None = None
    portal_url: str | None = None


class ProductSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a product: several of a type are valid at once, so that they can be rotated."""

    base_keys: tuple[str, ...] = ()
    kit_keys: tuple[str, ...] = ()
    v1_keys: tuple[str, ...] = ()
    rsa_private_keys: tuple[str, ...] = ()
    order_access_key: str | None = None
    order_secret_key: str | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product as the service works with it; never sent anywhere as a whole."""

    slug: str
    name: str
    settings: ProductSettings
    secrets: ProductSecrets
    revision: int
    created_at: datetime
    updated_at: datetime


# A product's name in addresses.
SLUG = re.compile("[a-z0-9][a-z0-9-]{0,62}")

_COLUMNS = "slug, name, settings, secrets, revision, created_at, updated_at"

_PUT = f"""
INSERT INTO product AS p ({_COLUMNS}) VALUES ($1, $2, $3, $4, 1, $5, $5)
ON CONFLICT (slug) DO UPDATE
SET name = excluded.name, settings = excluded.settings, secrets = excluded.secrets,
    revision = p.revision + 1, updated_at = excluded.updated_at
RETURNING {_COLUMNS}
"""


_HAS_INSTANCES = "SELECT EXISTS (SELECT FROM instance WHERE product = $1 AND state <> 'released')"


async def put_product(
    slug: str,
    *,
    name: str,
    settings: ProductSettings,
    merge: Callable[[ProductSecrets], ProductSecrets],
    keyring: Keyring,
    act: Act,
    expected_revision: int | None = None,
) -> Product:
    """Create or replace a product; repeating it changes nothing.

    `merge` says what becomes of the secrets that are there; it is called under the product's lock.

    Raises:
        ProductChanged: it is not at the expected revision (0: it must not exist).
    """
    async with system_scope() as db:
        await db.execute("SELECT pg_advisory_xact_lock(hashtextextended('product:' || $1, 0))", slug)
        before = await _find(db, slug, keyring)
        if expected_revision is not None and expected_revision != (before.revision if before else 0):
            raise ProductChanged
        merged = merge(before.secrets if before else ProductSecrets())
        if before is not None and (before.name, before.settings, before.secrets) == (name, settings, merged):
            return before
        sealed = keyring.seal(msgspec.json.encode(merged), purpose=_purpose(slug))
        row = await db.fetchrow(_PUT, slug, name, msgspec.json.encode(settings).decode(), sealed, act.at)
        product = _product(row, keyring)
        await record_act(db, act, [_tell(before, product)])
    return product


def _tell(before: Product | None, after: Product) -> Event:
    """Keys are told as changed or not, never shown."""
    keys_changed = before is not None and before.secrets != after.secrets
    data = ProductFact(
        name=after.name, settings=msgspec.to_builtins(after.settings), keys_changed=keys_changed
    )
    if before is None:
        return Event(type="product.added", subject=after.slug, data=data)
    previous = ProductFact(name=before.name, settings=msgspec.to_builtins(before.settings))
    return Event(type="product.changed", subject=after.slug, data=data, previous=previous)


async def find_product(slug: str, *, keyring: Keyring) -> Product | None:
    """Read one product with its keys; None when there is none."""
    async with system_scope() as db:
        return await _find(db, slug, keyring)


async def read_product(slug: str, *, keyring: Keyring) -> Product:
    """Read one product with its keys.

    Raises:
        ProductUnknown: there is no such product.
    """
    product = await find_product(slug, keyring=keyring)
    if product is None:
        raise ProductUnknown
    return product


async def list_products(*, keyring: Keyring, cursor: str | None, limit: int) -> Page[Product]:
    """List products by slug."""
    async with system_scope() as db:
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM product WHERE slug > $1 ORDER BY slug LIMIT $2",
            decode_cursor(cursor, str) or "",
            limit + 1,
        )
    return page_of([_product(row, keyring) for row in rows], limit, key=lambda product: product.slug)


async def remove_product(slug: str, *, act: Act) -> None:
    """Remove a product that nobody uses any more.

    Raises:
        ProductUnknown: there is no such product.
        ProductInUse: it has instances that are not released, or clients.
    """
    async with system_scope() as db:
        # Locked before looking, so that nobody begins to use it meanwhile.
        if await db.fetchval("SELECT true FROM product WHERE slug = $1 FOR UPDATE", slug) is None:
            raise ProductUnknown
        if await db.fetchval(_HAS_INSTANCES, slug):
            raise ProductInUse("It has instances that are not released.")
        clients = await db.fetchval("SELECT count(*) FROM client WHERE product = $1", slug)
        if clients:
            raise ProductInUse(f"Clients that have to be removed first: {clients}.")
        await db.execute("DELETE FROM product WHERE slug = $1", slug)
        await record_act(db, act, [Event(type="product.removed", subject=slug)])


async def reseal_products(*, keyring: Keyring) -> int:
    """Encrypt the secrets of all products anew under the first key; returns how many there are."""
    async with system_scope() as db:
        rows = await db.fetch(f"SELECT {_COLUMNS} FROM product ORDER BY slug FOR UPDATE")
        for row in rows:
            plain = keyring.open(row["secrets"], purpose=_purpose(row["slug"]))
            sealed = keyring.seal(plain, purpose=_purpose(row["slug"]))
            await db.execute("UPDATE product SET secrets = $2 WHERE slug = $1", row["slug"], sealed)
    return len(rows)


def _purpose(slug: str) -> str:
    return f"product:{slug}"


async def _find(db: Db, slug: str, keyring: Keyring) -> Product | None:
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM product WHERE slug = $1", slug)
    return None if row is None else _product(row, keyring)


def _product(row: Any, keyring: Keyring) -> Product:
    plain = keyring.open(row["secrets"], purpose=_purpose(row["slug"]))
    return Product(
        slug=row["slug"],
        name=row["name"],
        settings=msgspec.json.decode(row["settings"], type=ProductSettings),
        secrets=msgspec.json.decode(plain, type=ProductSecrets),
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
