"""The secrets of endpoints: a second one while the receiver changes over, and a new key for all of them."""

from uuid import UUID

from tenancy.acts import Act, record_act
from tenancy.database import system_scope
from tenancy.endpoint_rows import Endpoint, lock_endpoint, open_secrets, seal_secrets, write_endpoint
from tenancy.endpoints import moved_on
from tenancy.errors import Conflict, NotFound
from tenancy.events import Event
from tenancy.feed import lock_feed
from tenancy.secrets import Keyring


class RotationUnfinished(Conflict):
    """The endpoint already has two secrets; remove the old one first."""


class OldSecretUnknown(NotFound):
    """The endpoint has no old secret."""


async def rotate_secret(endpoint_id: UUID, *, secret: str, keyring: Keyring, act: Act) -> Endpoint:
    """Give an endpoint a new secret beside the one it has; both sign until the old one is removed.

    Raises:
        EndpointUnknown: there is no such endpoint.
        RotationUnfinished: it has two already.
    """
    async with system_scope() as db:
        await lock_feed(db)
        before = await lock_endpoint(db, endpoint_id)
        secrets = open_secrets(endpoint_id, before.sealed_secrets, keyring)
        if len(secrets) > 1:
            raise RotationUnfinished
        sealed = seal_secrets(endpoint_id, [secret, *secrets], keyring)
        after = moved_on(before, act.at, sealed_secrets=sealed)
        await write_endpoint(db, after)
        await record_act(db, act, [Event(type="endpoint.secret_added", subject=str(endpoint_id))])
    return after


async def remove_old_secret(endpoint_id: UUID, *, keyring: Keyring, act: Act) -> None:
    """Take away the older of two secrets.

    Raises:
        EndpointUnknown: there is no such endpoint.
        OldSecretUnknown: it has one secret only.
    """
    async with system_scope() as db:
        await lock_feed(db)
        before = await lock_endpoint(db, endpoint_id)
        newest, *old = open_secrets(endpoint_id, before.sealed_secrets, keyring)
        if not old:
            raise OldSecretUnknown
        sealed = seal_secrets(endpoint_id, [newest], keyring)
        await write_endpoint(db, moved_on(before, act.at, sealed_secrets=sealed))
        await record_act(db, act, [Event(type="endpoint.secret_removed", subject=str(endpoint_id))])


async def reseal_endpoints(*, keyring: Keyring) -> int:
    """Encrypt the secrets of all endpoints anew under the first key; returns how many there are."""
    async with system_scope() as db:
        rows = await db.fetch("SELECT id, secrets FROM endpoint ORDER BY id FOR UPDATE")
        for row in rows:
            secrets = open_secrets(row["id"], row["secrets"], keyring)
            sealed = seal_secrets(row["id"], secrets, keyring)
            await db.execute("UPDATE endpoint SET secrets = $2 WHERE id = $1", row["id"], sealed)
    return len(rows)
