"""Endpoints as they are written and shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from tenancy.endpoint_facts import EndpointSettings
from tenancy.endpoint_rows import Endpoint, open_secrets
from tenancy.secrets import Keyring

T = TypeVar("T", UUID, str)

_MOST_TENANTS = 1000
_MOST_TYPES = 100

Url = Annotated[str, msgspec.Meta(max_length=2048, description="Where events are posted to.")]
Description = Annotated[str, msgspec.Meta(max_length=1000)]
Tenants = Annotated[
    list[UUID],
    msgspec.Meta(
        min_length=1, max_length=_MOST_TENANTS, description="Null for all, and for what is of none."
    ),
]
Type = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z_]*\.([a-z][a-z_]*|\*)$",
        max_length=100,
        description="`member.added`, `member.*`.",
    ),
]
Types = Annotated[list[Type], msgspec.Meta(min_length=1, max_length=_MOST_TYPES, description="Null for all.")]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**62, description="0 for all events.")]


class EndpointInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new endpoint."""

    url: Url
    description: Description = ""
    tenants: Tenants | None = None
    types: Types | None = None
    enabled: bool = True

    def settings(self) -> EndpointSettings:
        """What it says."""
        return EndpointSettings(
            url=self.url,
            description=self.description,
            tenants=_set(self.tenants),
            types=_set(self.types),
            enabled=self.enabled,
        )


class EndpointChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed about an endpoint."""

    url: Url | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    tenants: Tenants | UnsetType | None = UNSET
    types: Types | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET

    def apply(self, settings: EndpointSettings) -> EndpointSettings:
        """The settings with the changes."""
        return EndpointSettings(
            url=settings.url if self.url is UNSET else self.url,
            description=settings.description if self.description is UNSET else self.description,
            tenants=settings.tenants if self.tenants is UNSET else _set(self.tenants),
            types=settings.types if self.types is UNSET else _set(self.types),
            enabled=settings.enabled if self.enabled is UNSET else self.enabled,
        )


class ReplayInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on the events of a tenant are told; null is for what belongs to none."""

    tenant_id: UUID | None
    after: Number


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as it is shown: `rotating` while it has two secrets.

    `failures` counts the attempts in a row that were not accepted; from five on it is left alone until
    `paused_until`, and then tried with one event at a time.
    """

    id: UUID
    url: str
    description: str
    tenants: list[UUID] | None
    types: list[str] | None
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    failures: int
    paused_until: datetime | None
    rotating: bool
    revision: int
    created_at: datetime
    updated_at: datetime


class MadeSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A new secret."""

    secret: str


class MadeEndpoint(EndpointView, frozen=True, kw_only=True):
    """A new endpoint with its secret."""

    secret: str


def view(endpoint: Endpoint, keyring: Keyring) -> EndpointView:
    """Show an endpoint without its secrets."""
    settings = endpoint.settings
    return EndpointView(
        id=endpoint.id,
        url=settings.url,
        description=settings.description,
        tenants=None if settings.tenants is None else list(settings.tenants),
        types=None if settings.types is None else list(settings.types),
        enabled=settings.enabled,
        disabled_at=endpoint.disabled_at,
        disabled_reason=endpoint.disabled_reason,
        failures=endpoint.failures,
        paused_until=endpoint.paused_until,
        rotating=len(open_secrets(endpoint.id, endpoint.sealed_secrets, keyring)) > 1,
        revision=endpoint.revision,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
    )


def _set(values: Sequence[T] | None) -> tuple[T, ...] | None:
    return None if values is None else tuple(sorted(set(values)))
