"""The tables of signing in, columns only, as in `tenancy/tables.py`."""

from piccolo.columns import JSONB, BigInt, Bytea, Integer
from piccolo.table import Table

from tenancy.columns import maybe_text, maybe_time, text_column, time_column, uuid_column
from tenancy.database import DB


class Connection(Table, tablename="connection", db=DB):
    """A way to sign in; the marketplace's account login has a row only when its policy was changed."""

    tenant_id = uuid_column()
    name = text_column(key=True)
    kind = text_column()
    settings = JSONB(default=None, null=False)
    secret = Bytea(default=None, null=True)
    revision = Integer(default=None, null=False)
    created_at = time_column()
    updated_at = time_column()


class Identity(Table, tablename="identity", db=DB):
    """The link of an account at a connection to a member."""

    tenant_id = uuid_column()
    connection = text_column()
    subject = text_column(key=True)
    member_id = uuid_column()
    linked_at = time_column()


class Client(Table, tablename="client", db=DB):
    """A relying party of ours; `secrets` are SHA-256 digests, the newest first."""

    client_id = text_column(key=True)
    product = text_column()
    settings = JSONB(default=None, null=False)
    secrets = JSONB(default=None, null=False)
    revision = Integer(default=None, null=False)
    created_at = time_column()
    updated_at = time_column()


class SigningKey(Table, tablename="signing_key", db=DB):
    """A key that signs tokens from `active_at` on and is published until `retired_at`."""

    id = text_column(key=True)
    algorithm = text_column()
    private_key = Bytea(default=None, null=False)
    public_key = JSONB(default=None, null=False)
    created_at = time_column()
    active_at = time_column()
    retired_at = maybe_time()


class ClientSession(Table, tablename="client_session", db=DB):
    """A client's part in a session: whom to tell when it has ended, and what came of telling.

    Without `due_at` there is nothing to tell; a worker that tells holds it until `leased_until`.
    """

    tenant_id = uuid_column()
    session_id = uuid_column()
    connection = text_column()
    client_id = text_column(key=True)
    app_id = text_column()
    member_id = uuid_column()
    began_at = time_column()
    expires_at = time_column()
    ended_at = maybe_time()
    reason = maybe_text()
    due_at = maybe_time()
    leased_until = maybe_time()
    attempts = Integer(default=None, null=False)
    acknowledged_at = maybe_time()
    status = Integer(default=None, null=True)
    error = maybe_text()


class Follower(Table, tablename="follower", db=DB):
    """How far somebody of ours has read the order across tenants."""

    name = text_column(key=True)
    position = BigInt(default=None, null=False)
