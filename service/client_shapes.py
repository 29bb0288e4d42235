"""Clients as they are written and shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from sso.client_secrets import MOST_SECRETS
from sso.clients import AuthMethod, Client, ClientSettings

_MOST_ADDRESSES = 20

Product = Annotated[str, msgspec.Meta(max_length=63, description="Whose app people need access to.")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255, description="As people know it.")]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
RedirectUris = Annotated[
    list[Address],
    msgspec.Meta(
        min_length=1,
        max_length=_MOST_ADDRESSES,
        description="Where codes may go; compared character by character.",
    ),
]
LogoutUris = Annotated[
    list[Address],
    msgspec.Meta(max_length=_MOST_ADDRESSES, description="Where browsers may go after signing out."),
]
Keys = Annotated[
    dict[str, Any],
    msgspec.Meta(description="JWK Set of public keys, for `private_key_jwt`: RSA, P-256, P-384 or Ed25519."),
]


class ClientInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client as an operator puts it; what is left out is as the default says."""

    product: Product
    name: Name
    redirect_uris: RedirectUris
    post_logout_redirect_uris: LogoutUris = []
    initiate_login_uri: Address | None = None
    backchannel_logout_uri: Address | None = None
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"  # noqa: S105 - a method
    jwks: Keys | None = None
    id_token_signed_response_alg: Literal["RS256", "ES256"] = "RS256"  # noqa: S105 - an algorithm
    require_pushed_authorization_requests: bool = False
    refresh_tokens: bool = True

    def settings(self) -> ClientSettings:
        """What it says of the client."""
        said = {name: getattr(self, name) for name in ClientSettings.__struct_fields__}
        said["redirect_uris"] = _once(self.redirect_uris)
        said["post_logout_redirect_uris"] = _once(self.post_logout_redirect_uris)
        return ClientSettings(**said)


class ClientView(msgspec.Struct, frozen=True, kw_only=True):
    """A client as it is shown: `rotating` while it has two secrets."""

    client_id: str
    product: str
    name: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    initiate_login_uri: str | None
    backchannel_logout_uri: str | None
    token_endpoint_auth_method: AuthMethod
    jwks: dict[str, Any] | None
    id_token_signed_response_alg: str
    require_pushed_authorization_requests: bool
    refresh_tokens: bool
    rotating: bool
    revision: int
    created_at: datetime
    updated_at: datetime


class WrittenClient(ClientView, frozen=True, kw_only=True):
    """A client with its secret, if that was made just now."""

    secret: str | None


def view(client: Client) -> ClientView:
    """Show a client without its secrets."""
    settings = msgspec.structs.asdict(client.settings)
    settings["redirect_uris"] = list(client.settings.redirect_uris)
    settings["post_logout_redirect_uris"] = list(client.settings.post_logout_redirect_uris)
    return ClientView(
        client_id=client.client_id,
        product=client.product,
        rotating=len(client.secrets) == MOST_SECRETS,
        revision=client.revision,
        created_at=client.created_at,
        updated_at=client.updated_at,
        **settings,
    )


def _once(addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(addresses))
