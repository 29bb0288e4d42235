"""Upstreams: the services that sign people in for us, and what is kept of a sign-in there."""

from datetime import datetime, timedelta
from uuid import UUID

import httpx2
import msgspec

from sso.connection_rows import KOOGALLERY, KoogallerySettings
from sso.connection_secrets import open_secret
from sso.connections import find_connection
from sso.discovery import Discovery
from sso.discreet import Discreet
from sso.errors import ConnectionDisabled, WrongTenant
from sso.identities import Arrival, find_or_link
from sso.koogallery import UpstreamTokens, exchange_code, logout_link, read_userinfo
from sso.oidc import end_session_link, finish
from sso.oidc_settings import OidcSettings
from sso.sessions import Session, SessionStore, Upstream
from tenancy.acts import Act
from tenancy.secrets import Keyring
from tenancy.sign_in_places import SignInPlace, list_credentials

# Upstream tokens are renewed when this much of their life is left.
_RENEWED_BEFORE_END = 0.2


class Upstreams(msgspec.Struct, frozen=True, kw_only=True):
    """What calls to upstreams need; `transport` and `http` go only where `service/outgoing.py` lets them."""

    transport: httpx2.AsyncBaseTransport
    http: httpx2.AsyncClient
    discovery: Discovery
    keyring: Keyring
    sessions: SessionStore
    allow_http: bool


class KeptSignIn(Discreet, frozen=True, kw_only=True):
    """What is kept of a sign-in, sealed: what renews it at an auth centre, or ends it at a provider."""

    shown = ("app_id", "instance_id")

    app_id: str | None = None
    instance_id: str | None = None
    product: str | None = None
    refresh_token: str | None = None
    id_token: str | None = None


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """Who has signed in upstream, and what is kept of it."""

    member: Arrival
    connection: str
    upstream: Upstream
    authenticated_at: datetime | None = None


async def arrive_from_marketplace(
    upstreams: Upstreams, place: SignInPlace, product: str, code: str, *, act: Act
) -> Arrived:
    """Find out who has brought a code of the enterprise's auth centre.

    Only the domain of this very enterprise is asked, with its own credentials, and what it says must be about
    it: a code of another enterprise leads nowhere. Source: the marketplace's web login.

    Raises:
        ConnectionDisabled: an administrator has switched this way to sign in off.
        CodeRefused, UserinfoIncomplete, UpstreamUnreachable: as they say.
        WrongTenant: the account is of another enterprise.
        MemberNotKnown, MemberRemoved, IdentityTaken: the account is no member here.
    """
    connection = await find_connection(place.tenant_id, KOOGALLERY)
    assert connection is not None
    assert isinstance(connection.settings, KoogallerySettings)
    if not connection.settings.enabled:
        raise ConnectionDisabled
    credentials = await list_credentials(place.tenant_id, product, keyring=upstreams.keyring)
    credential, tokens = await exchange_code(
        upstreams.http, place.domain_name, credentials, code, allow_http=upstreams.allow_http
    )
    person = await read_userinfo(
        upstreams.http, place.domain_name, tokens.access_token, allow_http=upstreams.allow_http
    )
    if person.tenant != place.external_id:
        raise WrongTenant
    member = await find_or_link(
        place.tenant_id,
        KOOGALLERY,
        subject=person.user_name,
        user_name=person.user_name,
        name=person.name,
        creates_members=connection.settings.creates_members,
        act=act,
    )
    kept = KeptSignIn(
        app_id=credential.app_id,
        instance_id=credential.instance_id,
        product=product,
        refresh_token=tokens.refresh_token,
    )
    upstream = Upstream(
        sealed=seal_sign_in(upstreams.keyring, place.tenant_id, member.member_id, kept),
        renew_at=renewal_of(tokens, now=act.at),
    )
    return Arrived(member=member, connection=KOOGALLERY, upstream=upstream)


async def arrive_from_provider(
    upstreams: Upstreams,
    tenant_id: UUID,
    connection_name: str,
    *,
    code: str,
    iss: str | None,
    redirect_uri: str,
    nonce: str,
    verifier: str,
    act: Act,
) -> Arrived:
    """Find out who has brought a code of an identity provider.

    Raises:
        ConnectionDisabled: the connection has been removed meanwhile.
        ResponseIssuerRefused, CodeRefused, IdTokenRefused, UserinfoIncomplete, UpstreamUnreachable,
        UpstreamMisconfigured, UpstreamClientRefused: as they say.
        MemberNotKnown, MemberRemoved, IdentityTaken: the account is no member here.
    """
    connection = await find_connection(tenant_id, connection_name)
    if connection is None or not isinstance(connection.settings, OidcSettings):
        raise ConnectionDisabled
    person = await finish(
        upstreams.transport,
        connection.settings,
        open_secret(connection, upstreams.keyring),
        upstreams.discovery,
        code=code,
        iss=iss,
        redirect_uri=redirect_uri,
        nonce=nonce,
        verifier=verifier,
        now=act.at,
    )
    member = await find_or_link(
        tenant_id,
        connection_name,
        subject=person.subject,
        user_name=person.user_name,
        name=person.name,
        creates_members=connection.settings.creates_members,
        act=act,
    )
    kept = KeptSignIn(id_token=person.id_token_hint)
    sealed = seal_sign_in(upstreams.keyring, tenant_id, member.member_id, kept)
    return Arrived(
        member=member,
        connection=connection_name,
        upstream=Upstream(sealed=sealed),
        authenticated_at=person.authenticated_at,
    )


async def find_logout_link(
    upstreams: Upstreams,
    place: SignInPlace,
    session: Session,
    upstream: Upstream,
    *,
    back: str,
    state: str,
) -> str | None:
    """Where the browser is signed out upstream too and comes back from to `back`; None where it cannot be.

    Raises:
        UpstreamUnreachable, UpstreamMisconfigured: nobody can tell where.
    """
    if session.connection == KOOGALLERY:
        return logout_link(place.domain_name, f"{back}?state={state}", allow_http=upstreams.allow_http)
    connection = await find_connection(session.tenant_id, session.connection)
    kept = open_sign_in(upstreams.keyring, session.tenant_id, session.member_id, upstream)
    if connection is None or not isinstance(connection.settings, OidcSettings) or kept.id_token is None:
        return None
    metadata = await upstreams.discovery.metadata(connection.settings.issuer)
    return end_session_link(metadata, kept.id_token, back, state)


def renewal_of(tokens: UpstreamTokens, *, now: datetime) -> datetime | None:
    """When the tokens of an auth centre are to be renewed; never, when it gave nothing to renew them with."""
    if tokens.refresh_token is None:
        return None
    return now + timedelta(seconds=tokens.expires_in * (1 - _RENEWED_BEFORE_END))


def seal_sign_in(keyring: Keyring, tenant_id: UUID, member_id: UUID, kept: KeptSignIn) -> bytes:
    """Encrypt what is kept of a sign-in."""
    return keyring.seal(msgspec.msgpack.encode(kept), purpose=f"upstream:{tenant_id}:{member_id}")


def open_sign_in(keyring: Keyring, tenant_id: UUID, member_id: UUID, upstream: Upstream) -> KeptSignIn:
    """Decrypt what is kept of a sign-in.

    Raises:
        SecretUndecryptable: its key is not configured.
    """
    plain = keyring.open(upstream.sealed, purpose=f"upstream:{tenant_id}:{member_id}")
    return msgspec.msgpack.decode(plain, type=KeptSignIn)
