"""The tables, columns only; composite keys, policies and indexes are SQL steps of the migrations.

A table that belongs to tenants declares as its key what is left of it inside one tenant's scope.
"""

from piccolo.columns import JSONB, UUID, BigInt, Boolean, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table

from tenancy.database import DB


def _text(*, key: bool = False) -> Text:
    return Text(default=None, null=False, primary_key=key)


def _maybe_text() -> Text:
    return Text(default=None, null=True)


def _time() -> Timestamptz:
    return Timestamptz(default=None, null=False)


def _maybe_time() -> Timestamptz:
    return Timestamptz(default=None, null=True)


def _flag() -> Boolean:
    return Boolean(default=None, null=False)


def _uuid(*, key: bool = False) -> UUID:
    return UUID(default=None, null=False, primary_key=key)


def _maybe_json() -> JSONB:
    return JSONB(default=None, null=True)


class Product(Table, tablename="product", db=DB):
    """What the vendor has listed in a marketplace."""

    slug = _text(key=True)
    name = _text()
    settings = JSONB(default=None, null=False)
    secrets = Bytea(default=None, null=False)
    revision = Integer(default=None, null=False)
    created_at = _time()
    updated_at = _time()


class Instance(Table, tablename="instance", db=DB):
    """One purchase of a product."""

    instance_id = _text(key=True)
    product = _text()
    order_id = _text()
    order_line_id = _text()
    state = _text()
    expires_at = _maybe_time()
    trial = _flag()
    front_end_url = _maybe_text()
    admin_url = _maybe_text()
    memo = _maybe_text()
    order_details = _maybe_json()
    contact = Bytea(default=None, null=True)
    opened_at = _time()
    changed_at = _time()


class OrderQuery(Table, tablename="order_query", db=DB):
    """An order whose details are still to be asked of the marketplace."""

    instance_id = _text(key=True)
    order_id = _text()
    order_line_id = _text()
    attempts = Integer(default=None, null=False)
    due_at = _time()
    last_error = _maybe_text()


class Tenant(Table, tablename="tenant", db=DB):
    """One enterprise; without a source time it is a placeholder that only holds tombstones."""

    id = _uuid(key=True)
    source = _text()
    external_id = _text()
    is_test = _flag()
    code = _text()
    name = _text()
    domain_name = _text()
    source_time = _maybe_time()
    departments_listed_at = _maybe_time()
    created_at = _time()
    unbound_at = _maybe_time()


class Binding(Table, tablename="binding", db=DB):
    """An instance used by a tenant; `ended_time` is the newest source time at which it was unbound."""

    tenant_id = _uuid()
    instance_id = _text(key=True)
    order_id = _text()
    ended = _flag()
    source_time = _time()
    ended_time = _maybe_time()


class Department(Table, tablename="department", db=DB):
    """A node of the organisation tree; `removed_at` makes it a tombstone."""

    tenant_id = _uuid()
    code = _text(key=True)
    name = _text()
    parent_code = _maybe_text()
    source_time = _time()
    removed_at = _maybe_time()


class Member(Table, tablename="member", db=DB):
    """A person in a tenant; without a source time only a cancellation or a removal is known of it."""

    tenant_id = _uuid()
    id = _uuid(key=True)
    user_name = _text()
    name = _text()
    role = _text()
    enabled = _flag()
    position = _maybe_text()
    employee_code = _maybe_text()
    employee_type = _maybe_text()
    mobile = _maybe_text()
    email = _maybe_text()
    work_place = _maybe_text()
    entry_date = _maybe_text()
    attribute_times = JSONB(default=None, null=False)
    source_time = _maybe_time()
    removed_at = _maybe_time()
    created_at = _time()


class Membership(Table, tablename="membership", db=DB):
    """A member in a department; the department may not have arrived yet."""

    tenant_id = _uuid()
    member_id = _uuid(key=True)
    department_code = _text()


class App(Table, tablename="app", db=DB):
    """The vendor's product inside one tenant, one row per binding."""

    tenant_id = _uuid()
    id = _text(key=True)
    instance_id = _text()
    client_id = _text()
    client_secret = Bytea(default=None, null=True)
    enabled = _flag()
    source_time = _time()
    removed_at = _maybe_time()
    created_at = _time()


class Authorisation(Table, tablename="authorisation", db=DB):
    """The marketplace's word on whether a member may use an app: granted, cancelled or removed.

    `described_time` is when a message last described the person for the app without giving a word.
    """

    tenant_id = _uuid()
    app_id = _text()
    instance_id = _text()
    member_id = _uuid(key=True)
    state = _text()
    source_time = _time()
    described_time = _maybe_time()
    push_id = _uuid()
    changed_at = _time()


class Push(Table, tablename="push", db=DB):
    """A signed call as received, with what became of it."""

    tenant_id = _uuid()
    id = _uuid(key=True)
    product = _text()
    edition = _text()
    interface = _text()
    flag = Integer(default=None, null=True)
    is_test = _flag()
    instance_id = _maybe_text()
    signed_as = _text()
    source_time = _maybe_time()
    received_at = _time()
    size = Integer(default=None, null=False)
    verdict = _text()
    result_code = _text()
    result_message = _text()
    counts = JSONB(default=None, null=False)
    duration_ms = Integer(default=None, null=False)


class Change(Table, tablename="change", db=DB):
    """One change that a push made; all changes of a push are its change set."""

    tenant_id = _uuid()
    push_id = _uuid()
    number = BigInt(default=None, null=False, primary_key=True)
    action = _text()
    subject = _text()
    before = _maybe_json()
    after = _maybe_json()


class Token(Table, tablename="token", db=DB):
    """A bearer token of our API, stored as its SHA-256; the nil tenant means all tenants."""

    tenant_id = _uuid()
    hash = Bytea(default=None, null=False, primary_key=True)
    role = _text()
    created_at = _time()
    expires_at = _maybe_time()


class Erasure(Table, tablename="erasure", db=DB):
    """The receipt that a tenant's data has been erased."""

    tenant_id = _uuid(key=True)
    source = _text()
    external_id = _text()
    erased_at = _time()
    counts = JSONB(default=None, null=False)
