"""Where identity providers send browsers back to: an address of its own for each connection.

A provider that sends a browser on to another provider cannot have that one's answer taken for its own, even
where that one does not say who it is (RFC 9700 4.4.2.2).
"""

from typing import Final
from uuid import UUID

from service.settings import Settings

CALLBACK_PATH: Final = "/sign-in/oidc/{tenant_id:uuid}/{connection:str}"


def callback_of(settings: Settings, tenant_id: UUID, connection: str) -> str:
    """The redirect URI of a connection, to be registered at its provider."""
    return f"{settings.public_url}/sign-in/oidc/{tenant_id}/{connection}"
