"""Clients registered, changed and removed by operators, and their secrets replaced one by one."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sso.client_keys import clean_keys
from sso.client_rules import ClientSettingsInvalid, check_addresses, check_page
from sso.client_secrets import MOST_SECRETS, digest_secret
from sso.clients import (
    CLIENT_ID,
    AuthMethod,
    Client,
    ClientSettings,
    ClientUnknown,
    lock_client,
    write_client,
)
from tenancy.acts import Act, record_act
from tenancy.database import Db, system_scope
from tenancy.errors import Conflict, Invalid, NotFound
from tenancy.events import Event
from tenancy.names import demand_name

_SECRET_METHODS: Final[frozenset[AuthMethod]] = frozenset({"client_secret_basic", "client_secret_post"})


class ClientChanged(Conflict):
    """The client has been changed meanwhile; read it again."""


class ClientProductFixed(Conflict):
    """A client stays with its product; register another client."""


class ClientProductUnknown(Invalid):
    """The product of the client does not exist; register it first."""


class ClientIdInvalid(Invalid):
    """The id of a client has 1 to 64 letters, digits, dots, underscores and hyphens."""


class ClientWithoutSecrets(Conflict):
    """The client does not prove itself by a secret."""


class ClientRotationUnfinished(Conflict):
    """The client already has two secrets; remove the old one first."""


class OldClientSecretUnknown(NotFound):
    """The client has no old secret."""


async def put_client(
    client_id: str,
    product: str,
    settings: ClientSettings,
    *,
    secret: str | None,
    act: Act,
    expected_revision: int | None = None,
) -> Client:
    """Create or replace a client; repeating it changes nothing.

    `secret` becomes its secret when it proves itself by one and has none yet; secrets of a client that proves
    itself otherwise are forgotten. `backchannel_logout_uri` is checked by whoever knows where Tenon may go.

    Raises:
        ClientIdInvalid: the id is not one.
        ClientSettingsInvalid: says what cannot be.
        ClientProductUnknown: there is no such product.
        ClientProductFixed: the client is another product's.
        ClientChanged: it is not at the expected revision (0: it must not exist).
    """
    if CLIENT_ID.fullmatch(client_id) is None:
        raise ClientIdInvalid
    settings = _checked(settings)
    async with system_scope() as db:
        before = await lock_client(db, client_id)
        if expected_revision is not None and expected_revision != (before.revision if before else 0):
            raise ClientChanged
        if before is None:
            await _demand_product(db, product)
        elif before.product != product:
            raise ClientProductFixed
        secrets = _secrets(before, settings, secret)
        if before is not None and (before.settings, before.secrets) == (settings, secrets):
            return before
        after = Client(
            client_id=client_id,
            product=product,
            settings=settings,
            secrets=secrets,
            revision=before.revision + 1 if before else 1,
            created_at=before.created_at if before else act.at,
            updated_at=act.at,
        )
        await write_client(db, after)
        verb, previous = ("changed", before.fact) if before else ("added", None)
        told = Event(type=f"client.{verb}", subject=client_id, data=after.fact, previous=previous)
        await record_act(db, act, [told])
    return after


async def remove_client(client_id: str, *, act: Act, expected_revision: int | None = None) -> None:
    """Remove a client; it cannot prove itself any more, so its tokens are of no use to it.

    Raises:
        ClientUnknown: there is no such client.
        ClientChanged: it is not at the expected revision.
    """
    async with system_scope() as db:
        before = await _demand(db, client_id)
        if expected_revision is not None and expected_revision != before.revision:
            raise ClientChanged
        await db.execute("DELETE FROM client WHERE client_id = $1", client_id)
        gone = Event(type="client.removed", subject=client_id, previous=before.fact)
        await record_act(db, act, [gone])


async def add_secret(client_id: str, *, secret: str, act: Act) -> Client:
    """Give a client a new secret beside the one it has; both are its own until the old one is removed.

    Raises:
        ClientUnknown: there is no such client.
        ClientWithoutSecrets: it does not prove itself by a secret.
        ClientRotationUnfinished: it has two already.
    """
    async with system_scope() as db:
        before = await _demand(db, client_id)
        if before.settings.token_endpoint_auth_method not in _SECRET_METHODS:
            raise ClientWithoutSecrets
        if len(before.secrets) >= MOST_SECRETS:
            raise ClientRotationUnfinished
        after = await _write_secrets(db, before, [digest_secret(secret), *before.secrets], act)
        await record_act(db, act, [Event(type="client.secret_added", subject=client_id)])
    return after


async def remove_old_secret(client_id: str, *, act: Act) -> Client:
    """Take away the older of two secrets.

    Raises:
        ClientUnknown: there is no such client.
        OldClientSecretUnknown: it has one secret at most.
    """
    async with system_scope() as db:
        before = await _demand(db, client_id)
        if len(before.secrets) < MOST_SECRETS:
            raise OldClientSecretUnknown
        after = await _write_secrets(db, before, before.secrets[:1], act)
        await record_act(db, act, [Event(type="client.secret_removed", subject=client_id)])
    return after


async def _write_secrets(db: Db, before: Client, secrets: Sequence[str], act: Act) -> Client:
    after = msgspec.structs.replace(
        before, secrets=tuple(secrets), revision=before.revision + 1, updated_at=act.at
    )
    await write_client(db, after)
    return after


async def _demand(db: Db, client_id: str) -> Client:
    client = await lock_client(db, client_id)
    if client is None:
        raise ClientUnknown
    return client


async def _demand_product(db: Db, product: str) -> None:
    # Held until the client is written, so that the product is not removed meanwhile.
    if not await db.fetchval("SELECT true FROM product WHERE slug = $1 FOR KEY SHARE", product):
        raise ClientProductUnknown


def _secrets(before: Client | None, settings: ClientSettings, secret: str | None) -> tuple[str, ...]:
    if settings.token_endpoint_auth_method not in _SECRET_METHODS:
        return ()
    if before is not None and before.secrets:
        return before.secrets
    return () if secret is None else (digest_secret(secret),)


def _checked(settings: ClientSettings) -> ClientSettings:
    check_addresses("redirect_uris", settings.redirect_uris, fewest=1)
    check_addresses("post_logout_redirect_uris", settings.post_logout_redirect_uris, fewest=0)
    if settings.initiate_login_uri is not None:
        check_page("initiate_login_uri", settings.initiate_login_uri)
    method = settings.token_endpoint_auth_method
    if (settings.jwks is not None) != (method == "private_key_jwt"):
        raise ClientSettingsInvalid("jwks: private_key_jwt needs it, and nothing else does.")
    jwks = None if settings.jwks is None else clean_keys(settings.jwks)
    return msgspec.structs.replace(settings, name=demand_name(settings.name), jwks=jwks)
