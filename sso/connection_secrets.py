"""The client secrets of connections: written, kept, compared by their fingerprints, never read back."""

import hashlib
from uuid import UUID

from sso.connection_rows import Connection, KoogallerySettings
from sso.oidc_settings import OidcSettings
from tenancy.database import system_scope, tenant_scope
from tenancy.errors import Invalid
from tenancy.secrets import Keyring


class ConnectionSecretInvalid(Invalid):
    """The secret does not fit the settings of the connection."""


def seal_secret(tenant_id: UUID, name: str, secret: str | None, keyring: Keyring) -> bytes | None:
    """Encrypt the client secret of a connection."""
    return None if secret is None else keyring.seal(secret.encode(), purpose=_purpose(tenant_id, name))


def open_secret(connection: Connection, keyring: Keyring) -> str | None:
    """The client secret at the identity provider; None without one.

    Raises:
        SecretUndecryptable: its key is not configured.
    """
    if connection.sealed_secret is None:
        return None
    purpose = _purpose(connection.tenant_id, connection.name)
    return keyring.open(connection.sealed_secret, purpose=purpose).decode()


def fingerprint_of(connection: Connection, keyring: Keyring) -> str | None:
    """The first 16 hex digits of the secret's SHA-256, to tell secrets apart by eye.

    Raises:
        SecretUndecryptable: its key is not configured.
    """
    secret = open_secret(connection, keyring)
    return None if secret is None else hashlib.sha256(secret.encode()).hexdigest()[:16]


def choose_secret(
    before: Connection | None,
    settings: OidcSettings | KoogallerySettings,
    *,
    given: str | None,
    kept: str | None,
) -> str | None:
    """The secret that a connection has from now on: the one `given`, else the one `kept`.

    A kept one is known to the provider it was given for, and is shown to no other.

    Raises:
        ConnectionSecretInvalid: the settings need one and there is none, or they have no use for one.
    """
    if isinstance(settings, KoogallerySettings) or settings.auth_method == "none":
        if given is not None:
            raise ConnectionSecretInvalid("It is a public client, which has none; leave it out.")
        return None
    if given is not None:
        return given
    if kept is None or before is None:
        raise ConnectionSecretInvalid("The provider's secret for this client is missing.")
    if not _is_same_client(before, settings):
        raise ConnectionSecretInvalid("It belongs to another issuer or client; give the secret of this one.")
    return kept


def _is_same_client(before: Connection, settings: OidcSettings) -> bool:
    was = before.settings
    return isinstance(was, OidcSettings) and (was.issuer, was.client_id) == (
        settings.issuer,
        settings.client_id,
    )


async def reseal_connections(*, keyring: Keyring) -> int:
    """Encrypt the secrets of all connections anew under the first key; returns how many there are."""
    async with system_scope() as db:
        rows = await db.fetch(
            "SELECT DISTINCT tenant_id FROM connection WHERE secret IS NOT NULL ORDER BY tenant_id"
        )
    return sum([await _reseal(row["tenant_id"], keyring) for row in rows])


async def _reseal(tenant_id: UUID, keyring: Keyring) -> int:
    async with tenant_scope(tenant_id, changing=True) as db:
        rows = await db.fetch(
            "SELECT name, secret FROM connection WHERE tenant_id = $1 AND secret IS NOT NULL", tenant_id
        )
        for row in rows:
            purpose = _purpose(tenant_id, row["name"])
            sealed = keyring.seal(keyring.open(row["secret"], purpose=purpose), purpose=purpose)
            await db.execute(
                "UPDATE connection SET secret = $3 WHERE tenant_id = $1 AND name = $2",
                tenant_id,
                row["name"],
                sealed,
            )
    return len(rows)


def _purpose(tenant_id: UUID, name: str) -> str:
    return f"connection:{tenant_id}:{name}"
