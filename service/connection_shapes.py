"""Connections as they are written and shown."""

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec
from msgspec import structs

from sso.connection_rows import Connection, KoogallerySettings
from sso.connection_secrets import fingerprint_of
from sso.findings import Finding
from sso.oidc_settings import OidcSettings
from tenancy.secrets import Keyring

Secret = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=1024,
        description="Of Tenon at the provider; left out, the present one stays.",
    ),
]


class OidcInput(
    OidcSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="oidc", tag_field="kind"
):
    """A connection to an identity provider as it is written."""

    secret: Secret | None = None

    def settings(self) -> OidcSettings:
        """What it says, but for the secret; what a list names twice counts once."""
        said = {name: getattr(self, name) for name in OidcSettings.__struct_fields__}
        for name in ("scopes", "algorithms"):
            said[name] = tuple(dict.fromkeys(said[name]))
        return OidcSettings(**said)


class KoogalleryInput(
    KoogallerySettings,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="koogallery",
    tag_field="kind",
):
    """The marketplace's account login as it is written."""

    def settings(self) -> KoogallerySettings:
        """What it says."""
        return KoogallerySettings(**structs.asdict(self))


ConnectionInput: TypeAlias = OidcInput | KoogalleryInput


class OidcView(OidcSettings, frozen=True, kw_only=True, tag="oidc", tag_field="kind"):
    """A connection to an identity provider, where `redirect_uri` has to be registered."""

    name: str
    secret_fingerprint: str | None
    redirect_uri: str
    revision: int
    created_at: datetime | None
    updated_at: datetime | None


class KoogalleryView(KoogallerySettings, frozen=True, kw_only=True, tag="koogallery", tag_field="kind"):
    """The marketplace's account login; revision 0 until somebody changes it."""

    name: str
    revision: int
    created_at: datetime | None
    updated_at: datetime | None


ConnectionView: TypeAlias = OidcView | KoogalleryView


class ConnectionTest(msgspec.Struct, frozen=True, kw_only=True):
    """What trying a connection came to; a step that is neither right nor wrong has something to tell."""

    ok: bool
    steps: list[Finding]


def view(connection: Connection, keyring: Keyring, *, redirect_uri: str) -> ConnectionView:
    """Show a connection without its secret."""
    if isinstance(connection.settings, KoogallerySettings):
        return KoogalleryView(
            **structs.asdict(connection.settings),
            name=connection.name,
            revision=connection.revision,
            created_at=connection.created_at,
            updated_at=connection.updated_at,
        )
    return OidcView(
        **structs.asdict(connection.settings),
        name=connection.name,
        secret_fingerprint=fingerprint_of(connection, keyring),
        redirect_uri=redirect_uri,
        revision=connection.revision,
        created_at=connection.created_at,
        updated_at=connection.updated_at,
    )
