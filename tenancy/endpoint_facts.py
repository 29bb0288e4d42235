"""What is said of an endpoint, by administrators and in events."""

from uuid import UUID

import msgspec


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator says of an endpoint.

    Without `tenants` it is told of all but shadow tenants, and of what belongs to none; without `types` of
    everything. Shadow tenants, which debug calls of the marketplace fill, have to be named.
    A type is exact, such as `member.added`, or all of a subject, such as `member.*`.
    """

    url: str
    description: str = ""
    tenants: tuple[UUID, ...] | None = None
    types: tuple[str, ...] | None = None
    enabled: bool = True


class EndpointFact(EndpointSettings, frozen=True, kw_only=True):
    """An endpoint without its secrets; the reason tells why it is not enabled."""

    disabled_reason: str | None = None


class ReplayFact(msgspec.Struct, frozen=True, kw_only=True):
    """From where on an endpoint is told the events of a tenant, or of no tenant, again."""

    tenant_id: UUID | None
    after: int
