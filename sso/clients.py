"""Clients: the relying parties of our OpenID provider, each of one product."""

import re
from datetime import datetime
from typing import Any, Literal

import msgspec

from tenancy.client_facts import ClientFact
from tenancy.database import Db, system_scope
from tenancy.errors import NotFound
from tenancy.paging import Page, decode_cursor, page_of

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]

# A name in paths, so not one that means a place in them.
CLIENT_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,64}")


class ClientUnknown(NotFound):
    """There is no such client."""


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of a client, under the names of OpenID Connect Dynamic Client Registration 1.0.

    The addresses are compared character by character. `jwks` holds public keys, for `private_key_jwt` only.
    """

    name: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...] = ()
    initiate_login_uri: str | None = None
    backchannel_logout_uri: str | None = None
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"  # noqa: S105 - a method
    jwks: dict[str, Any] | None = None
    id_token_signed_response_alg: Literal["RS256", "ES256"] = "RS256"  # noqa: S105 - an algorithm
    require_pushed_authorization_requests: bool = False
    refresh_tokens: bool = True


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client as it is stored; `secrets` are SHA-256 digests in hex, the newest first."""

    client_id: str
    product: str
    settings: ClientSettings
    secrets: tuple[str, ...]
    revision: int
    created_at: datetime
    updated_at: datetime

    @property
    def fact(self) -> ClientFact:
        """What events say of it."""
        return ClientFact(product=self.product, settings=msgspec.to_builtins(self.settings))


_COLUMNS = "client_id, product, settings, secrets, revision, created_at, updated_at"

_WRITE = f"""
INSERT INTO client ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (client_id) DO UPDATE
SET settings = excluded.settings, secrets = excluded.secrets, revision = excluded.revision,
    updated_at = excluded.updated_at
"""


async def find_client(client_id: str) -> Client | None:
    """Read one client; None when there is none."""
    if CLIENT_ID.fullmatch(client_id) is None:
        return None
    async with system_scope() as db:
        row = await db.fetchrow(f"SELECT {_COLUMNS} FROM client WHERE client_id = $1", client_id)
    return None if row is None else _client_of(row)


async def read_client(client_id: str) -> Client:
    """Read one client.

    Raises:
        ClientUnknown: there is no such client.
    """
    client = await find_client(client_id)
    if client is None:
        raise ClientUnknown
    return client


async def list_clients(*, product: str | None, cursor: str | None, limit: int) -> Page[Client]:
    """List clients by id, perhaps those of one product only."""
    async with system_scope() as db:
        rows = await db.fetch(
            f"SELECT {_COLUMNS} FROM client WHERE client_id > $1 AND ($2::text IS NULL OR product = $2)"
            " ORDER BY client_id LIMIT $3",
            decode_cursor(cursor, str) or "",
            product,
            limit + 1,
        )
    return page_of([_client_of(row) for row in rows], limit, key=lambda client: client.client_id)


async def write_client(db: Db, client: Client) -> None:
    """Write all of a client."""
    await db.execute(
        _WRITE,
        client.client_id,
        client.product,
        msgspec.json.encode(client.settings).decode(),
        msgspec.json.encode(client.secrets).decode(),
        client.revision,
        client.created_at,
        client.updated_at,
    )


async def lock_client(db: Db, client_id: str) -> Client | None:
    """Read a client that is about to be changed, made or removed; None when there is none."""
    # Of the id, not the row: two who create it at once must not both find none.
    await db.execute("SELECT pg_advisory_xact_lock(hashtextextended('client:' || $1, 0))", client_id)
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM client WHERE client_id = $1", client_id)
    return None if row is None else _client_of(row)


def _client_of(row: Any) -> Client:
    return Client(
        client_id=row["client_id"],
        product=row["product"],
        settings=msgspec.json.decode(row["settings"], type=ClientSettings),
        secrets=msgspec.json.decode(row["secrets"], type=tuple[str, ...]),
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
