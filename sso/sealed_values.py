"""The sealed values of signing in: under which key each is, and whether the keys at hand open it."""

from functools import partial

from sso.connection_rows import COLUMNS, connection_of
from sso.connection_secrets import open_secret
from sso.signing_keys import StoredSigningKey, list_signing_keys, open_private_key
from tenancy.database import system_scope
from tenancy.inspection import looking
from tenancy.sealed_values import SealedTally, SealedValues
from tenancy.secrets import Keyring


async def inspect_sealed_credentials(*, keyring: Keyring) -> list[SealedValues]:
    """Try the client secrets of all connections, and the private halves of the keys that sign tokens.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: a table is missing, or the role may not read it.
    """
    connections, keys = SealedTally("connections"), SealedTally("signing_keys")
    async with looking(), system_scope() as db:
        rows = await db.fetch(f"SELECT {COLUMNS} FROM connection WHERE secret IS NOT NULL")
    for row in rows:
        connection = connection_of(row)
        connections.add(row["secret"], partial(open_secret, connection, keyring))
    for stored in await read_signing_keys():
        keys.add(stored.private_key, partial(open_private_key, stored, keyring=keyring))
    return [connections.total(), keys.total()]


async def read_signing_keys() -> list[StoredSigningKey]:
    """All keys that sign tokens, the newest first.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: the table is missing, or the role may not read it.
    """
    async with looking():
        return await list_signing_keys()
