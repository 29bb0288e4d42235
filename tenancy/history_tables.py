"""The tables of what happened and of who may ask, columns only, as in `tenancy/tables.py`."""

from piccolo.columns import JSONB, BigInt, Bytea, Integer
from piccolo.table import Table

from tenancy.columns import (
    flag_column,
    maybe_json,
    maybe_text,
    maybe_time,
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
    """A signed call as received, with what became of it."""

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


class Change(Table, tablename="change", db=DB):
    """One change; all changes with one cause, a push or an act in the audit, are its change set."""

    tenant_id = uuid_column()
    cause_id = uuid_column()
    number = BigInt(default=None, null=False, primary_key=True)
    action = text_column()
    subject = text_column()
    before = maybe_json()
    after = maybe_json()


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
