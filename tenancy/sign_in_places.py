"""Where people sign in: enterprises as a browser or the marketplace names them, and their credentials."""

from uuid import UUID

import msgspec

from tenancy.apps import secret_purpose
from tenancy.bindings import KOOGALLERY
from tenancy.database import system_scope, tenant_scope
from tenancy.secrets import Keyring

_MOST_CREDENTIALS = 5


class SignInPlace(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise whose people sign in."""

    tenant_id: UUID
    external_id: str
    code: str
    name: str
    domain_name: str


class AppCredential(msgspec.Struct, frozen=True, kw_only=True):
    """What an app proves itself with at the enterprise's auth centre."""

    app_id: str
    instance_id: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"AppCredential(app_id={self.app_id!r}, instance_id={self.instance_id!r})"

    # What pretty printers ask; msgspec's own would give all fields.
    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("app_id", self.app_id), ("instance_id", self.instance_id)]


_COLUMNS = "id AS tenant_id, external_id, code, name, domain_name"
# Shadow tenants have nobody who could sign in.
_REAL = "source_time IS NOT NULL AND NOT is_test"

_CREDENTIALS = """
SELECT p.id AS app_id, p.instance_id, p.client_id, p.client_secret
FROM app p
JOIN binding b ON b.tenant_id = $1 AND b.instance_id = p.instance_id AND NOT b.ended
JOIN instance i ON i.instance_id = p.instance_id AND i.product = $2
WHERE p.tenant_id = $1 AND p.removed_at IS NULL AND p.client_secret IS NOT NULL
ORDER BY p.source_time DESC, p.id LIMIT $3
"""


async def find_places(code: str, *, limit: int = 10) -> list[SignInPlace]:
    """The enterprises with this code; the marketplace does not promise that there is one only."""
    async with system_scope() as db:
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM tenant WHERE code = $1 AND {_REAL} ORDER BY id LIMIT $2", code, limit
        )
    return [SignInPlace(**row) for row in rows]


async def list_places(tenant_ids: list[UUID]) -> list[SignInPlace]:
    """Those of these enterprises that are there, by name."""
    async with system_scope() as db:
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM tenant WHERE id = ANY ($1) AND {_REAL} ORDER BY name, id", tenant_ids
        )
    return [SignInPlace(**row) for row in rows]


async def find_place_of_marketplace(external_id: str) -> SignInPlace | None:
    """The enterprise that the marketplace names so."""
    async with system_scope() as db:
        row = await db.fetchrow(
            f"SELECT {_COLUMNS} FROM tenant"
            f" WHERE source = $1 AND external_id = $2 AND NOT is_test AND {_REAL}",
            KOOGALLERY,
            external_id,
        )
    return None if row is None else SignInPlace(**row)


async def list_credentials(tenant_id: UUID, product: str, *, keyring: Keyring) -> list[AppCredential]:
    """The credentials of the product's apps in the tenant, the newest first and a few at most."""
    async with tenant_scope(tenant_id) as db:
        rows = await db.fetch(_CREDENTIALS, tenant_id, product, _MOST_CREDENTIALS)
    return [
        AppCredential(
            app_id=row["app_id"],
            instance_id=row["instance_id"],
            client_id=row["client_id"],
            client_secret=keyring.open(
                row["client_secret"], purpose=secret_purpose(tenant_id, row["app_id"], row["instance_id"])
            ).decode(),
        )
        for row in rows
    ]


_APP_IDS = """
SELECT DISTINCT p.id FROM app p
JOIN instance i ON i.instance_id = p.instance_id AND ($2::text IS NULL OR i.product = $2)
WHERE p.tenant_id = $1 ORDER BY p.id
"""

_PRODUCTS = """
SELECT DISTINCT i.product FROM app p
JOIN binding b ON b.tenant_id = $1 AND b.instance_id = p.instance_id AND NOT b.ended
JOIN instance i ON i.instance_id = p.instance_id
WHERE p.tenant_id = $1 AND p.removed_at IS NULL ORDER BY i.product
"""


async def list_app_ids(tenant_id: UUID, product: str | None) -> list[str]:
    """The ids of the apps that the tenant has or had, those of one product or all."""
    async with tenant_scope(tenant_id) as db:
        return [row["id"] for row in await db.fetch(_APP_IDS, tenant_id, product)]


async def list_products_of(tenant_id: UUID) -> list[str]:
    """The products whose apps the tenant has."""
    async with tenant_scope(tenant_id) as db:
        return [row["product"] for row in await db.fetch(_PRODUCTS, tenant_id)]
