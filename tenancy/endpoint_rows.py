"""Endpoints as the domain works with them: their rows and their secrets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import Db
from tenancy.endpoint_facts import EndpointFact, EndpointSettings
from tenancy.errors import NotFound
from tenancy.secrets import Keyring


class EndpointUnknown(NotFound):
    """There is no such endpoint."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as it is stored; never sent anywhere as a whole.

    `failures` counts the attempts in a row that were not accepted, whatever the tenant.
    """

    id: UUID
    settings: EndpointSettings
    sealed_secrets: bytes
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    failures: int = 0
    paused_until: datetime | None = None
    revision: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def fact(self) -> EndpointFact:
        """What events say of it."""
        return EndpointFact(**msgspec.structs.asdict(self.settings), disabled_reason=self.disabled_reason)


COLUMNS = (
    "id, url, description, tenants, types, secrets, enabled, disabled_at, disabled_reason, failures,"
    " paused_until, revision, created_at, updated_at"
)

_WRITE = f"""
INSERT INTO endpoint AS e ({COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO UPDATE
SET url = excluded.url, description = excluded.description, tenants = excluded.tenants,
    types = excluded.types, secrets = excluded.secrets, enabled = excluded.enabled,
    disabled_at = excluded.disabled_at, disabled_reason = excluded.disabled_reason,
    failures = excluded.failures, paused_until = excluded.paused_until, revision = excluded.revision,
    updated_at = excluded.updated_at
"""


async def write_endpoint(db: Db, endpoint: Endpoint) -> None:
    """Write all of an endpoint."""
    settings = endpoint.settings
    await db.execute(
        _WRITE,
        endpoint.id,
        settings.url,
        settings.description,
        settings.tenants,
        settings.types,
        endpoint.sealed_secrets,
        settings.enabled,
        endpoint.disabled_at,
        endpoint.disabled_reason,
        endpoint.failures,
        endpoint.paused_until,
        endpoint.revision,
        endpoint.created_at,
        endpoint.updated_at,
    )


async def lock_endpoint(db: Db, endpoint_id: UUID) -> Endpoint:
    """Read an endpoint that is about to be changed; before any of its streams.

    Raises:
        EndpointUnknown: there is no such endpoint.
    """
    row = await db.fetchrow(f"SELECT {COLUMNS} FROM endpoint WHERE id = $1 FOR UPDATE", endpoint_id)
    if row is None:
        raise EndpointUnknown
    return endpoint_of(row)


def endpoint_of(row: Any) -> Endpoint:
    """An endpoint from its row."""
    columns = dict(row)
    settings = EndpointSettings(
        url=columns.pop("url"),
        description=columns.pop("description"),
        tenants=_tuple(columns.pop("tenants")),
        types=_tuple(columns.pop("types")),
        enabled=columns.pop("enabled"),
    )
    return Endpoint(settings=settings, sealed_secrets=columns.pop("secrets"), **columns)


def seal_secrets(endpoint_id: UUID, secrets: Sequence[str], keyring: Keyring) -> bytes:
    """Encrypt the secrets of an endpoint, the newest first."""
    return keyring.seal(msgspec.json.encode(secrets), purpose=_purpose(endpoint_id))


def open_secrets(endpoint_id: UUID, sealed: bytes, keyring: Keyring) -> tuple[str, ...]:
    """The secrets that an endpoint's messages are signed with, the newest first.

    Raises:
        SecretUndecryptable: their key is not configured.
    """
    return msgspec.json.decode(keyring.open(sealed, purpose=_purpose(endpoint_id)), type=tuple[str, ...])


def _purpose(endpoint_id: UUID) -> str:
    return f"endpoint:{endpoint_id}"


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)
