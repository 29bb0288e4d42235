"""The tables of what happened and of who may ask, columns only, as in `tenancy/tables.py`."""

from piccolo.columns import JSONB, Bytea, Integer
from piccolo.table import Table

from tenancy.columns import (
    flag_column,
    maybe_json,
    maybe_text,
    maybe_time,
    maybe_uuid,
    text_column,
    time_column,
    uuid_column,
)
from tenancy.database import DB


class Audit(Table, tablename="audit", db=DB):
    """One act of somebody: who did what to what, from where; its differences are in the change set."""

    tenant_id = uuid_column()
    id = uuid_column(key=True)
    at = time_column()
    actor = text_column()
    address = maybe_text()
    action = text_column()
    subject = text_column()
    before = maybe_json()
    after = maybe_json()
    counts = JSONB(default=None, null=False)


class Push(Table, tablename="push", db=DB):
    """A signed call as received, with what became of it; `body` is compressed, sealed and kept for a time.

    `retry_of` is the failed push that this one carries out again.
    """

    tenant_id = uuid_column()
    id = uuid_column(key=True)
    product = text_column()
    edition = text_column()
    interface = text_column()
    flag = Integer(default=None, null=True)
    is_test = flag_column()
    instance_id = maybe_text()
    signed_as = text_column()
    address = maybe_text()
    source_time = maybe_time()
    received_at = time_column()
    size = Integer(default=None, null=False)
    verdict = text_column()
    result_code = text_column()
    result_message = text_column()
    counts = JSONB(default=None, null=False)
    duration_ms = Integer(default=None, null=False)
    body = Bytea(default=None, null=True)
    retry_of = maybe_uuid()


class HeldPush(Table, tablename="held_push", db=DB):
    """A full list that waits for an administrator, or has waited; `departments` is what it says, compressed.

    `plan` is the digest of what it would have changed when it came, `counts` how many of each type.
    """

    tenant_id = uuid_column()
    push_id = uuid_column(key=True)
    product = text_column()
    instance_id = text_column()
    source_time = time_column()
    departments = Bytea(default=None, null=False)
    reason = text_column()
    plan = text_column()
    counts = JSONB(default=None, null=False)
    state = text_column()
    held_at = time_column()
    decided_at = maybe_time()
    decided_by = maybe_text()


class Token(Table, tablename="token", db=DB):
    """A bearer token of our API, stored as its SHA-256; the nil tenant means all tenants."""

    tenant_id = uuid_column()
    hash = Bytea(default=None, null=False, primary_key=True)
    role = text_column()
    created_at = time_column()
    expires_at = maybe_time()


class Erasure(Table, tablename="erasure", db=DB):
    """The receipt that a tenant's data has been erased."""

    tenant_id = uuid_column(key=True)
    source = text_column()
    external_id = text_column()
    erased_at = time_column()
    counts = JSONB(default=None, null=False)
