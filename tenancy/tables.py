"""The tables, columns only; composite keys, policies and indexes are SQL steps of the migrations.

A table that belongs to tenants declares as its key what is left of it inside one tenant's scope.
"""

from piccolo.columns import JSONB, Boolean, Bytea, Integer
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


class Product(Table, tablename="product", db=DB):
    """What the vendor has listed in a marketplace."""

    slug = text_column(key=True)
    name = text_column()
    settings = JSONB(default=None, null=False)
    secrets = Bytea(default=None, null=False)
    revision = Integer(default=None, null=False)
    created_at = time_column()
    updated_at = time_column()


class Instance(Table, tablename="instance", db=DB):
    """One purchase of a product."""

    instance_id = text_column(key=True)
    product = text_column()
    order_id = text_column()
    order_line_id = text_column()
    state = text_column()
    expires_at = maybe_time()
    trial = flag_column()
    front_end_url = maybe_text()
    admin_url = maybe_text()
    memo = maybe_text()
    order_details = maybe_json()
    contact = Bytea(default=None, null=True)
    opened_at = time_column()
    changed_at = time_column()
    state_at = maybe_time()
    state_by = maybe_text()
    expires_by = maybe_text()


class OrderQuery(Table, tablename="order_query", db=DB):
    """An order whose details are still to be asked of the marketplace."""

    instance_id = text_column(key=True)
    order_id = text_column()
    order_line_id = text_column()
    attempts = Integer(default=None, null=False)
    due_at = time_column()
    last_error = maybe_text()


class Tenant(Table, tablename="tenant", db=DB):
    """One enterprise; without a source time it is a placeholder that only holds tombstones."""

    id = uuid_column(key=True)
    source = text_column()
    external_id = text_column()
    is_test = flag_column()
    code = text_column()
    name = text_column()
    domain_name = text_column()
    source_time = maybe_time()
    departments_listed_at = maybe_time()
    created_at = time_column()
    unbound_at = maybe_time()


class Binding(Table, tablename="binding", db=DB):
    """An instance used by a tenant; `ended_time` is the newest source time at which it was unbound.

    `open` is whether it was usable when the tenant's change sets last told so.
    """

    tenant_id = uuid_column()
    instance_id = text_column(key=True)
    order_id = text_column()
    ended = flag_column()
    source_time = time_column()
    ended_time = maybe_time()
    ended_at = maybe_time()
    ended_by = maybe_text()
    open = Boolean(default=False, null=False)


class Department(Table, tablename="department", db=DB):
    """A node of the organisation tree; `removed_at` makes it a tombstone."""

    tenant_id = uuid_column()
    code = text_column(key=True)
    name = text_column()
    parent_code = maybe_text()
    source_time = time_column()
    removed_at = maybe_time()


class Member(Table, tablename="member", db=DB):
    """A person in a tenant; without a source time only a cancellation or a removal is known of it."""

    tenant_id = uuid_column()
    id = uuid_column(key=True)
    user_name = text_column()
    name = text_column()
    role = text_column()
    enabled = flag_column()
    position = maybe_text()
    employee_code = maybe_text()
    employee_type = maybe_text()
    mobile = maybe_text()
    email = maybe_text()
    work_place = maybe_text()
    entry_date = maybe_text()
    attribute_times = JSONB(default=None, null=False)
    source_time = maybe_time()
    enabled_at = maybe_time()
    enabled_by = maybe_text()
    removed_at = maybe_time()
    removed_by = maybe_text()
    created_at = time_column()


class Membership(Table, tablename="membership", db=DB):
    """A member in a department; the department may not have arrived yet."""

    tenant_id = uuid_column()
    member_id = uuid_column(key=True)
    department_code = text_column()


class App(Table, tablename="app", db=DB):
    """The vendor's product inside one tenant, one row per binding."""

    tenant_id = uuid_column()
    id = text_column(key=True)
    instance_id = text_column()
    client_id = text_column()
    client_secret = Bytea(default=None, null=True)
    source_time = time_column()
    removed_at = maybe_time()
    removed_by = maybe_text()
    created_at = time_column()


class Authorisation(Table, tablename="authorisation", db=DB):
    """The marketplace's word on whether a member may use an app: granted, cancelled or removed.

    `described_time` is when a message last described the person for the app without giving a word.
    """

    tenant_id = uuid_column()
    app_id = text_column()
    instance_id = text_column()
    member_id = uuid_column(key=True)
    state = text_column()
    source_time = time_column()
    described_time = maybe_time()
    push_id = uuid_column()
    changed_at = time_column()


class StoppedApp(Table, tablename="stopped_app", db=DB):
    """An app that an administrator has stopped; whether it is bound at the moment does not matter."""

    tenant_id = uuid_column()
    app_id = text_column(key=True)
    stopped_at = time_column()
    stopped_by = text_column()


class Group(Table, tablename="group_", db=DB):
    """A named set of members, departments and other groups."""

    tenant_id = uuid_column()
    id = text_column(key=True)
    name = text_column()
    revision = Integer(default=None, null=False)
    created_at = time_column()
    updated_at = time_column()


class GroupMember(Table, tablename="group_member", db=DB):
    """What a group contains: a member's user name, a department's code or the id of a group."""

    tenant_id = uuid_column()
    group_id = text_column()
    subject_type = text_column()
    subject = text_column(key=True)
    added_at = time_column()
    added_by = text_column()


class Grant(Table, tablename="grant_", db=DB):
    """A permission to use an app that an administrator gave; it outlives bindings and its subject."""

    tenant_id = uuid_column()
    app_id = text_column()
    subject_type = text_column()
    subject = text_column(key=True)
    granted_at = time_column()
    granted_by = text_column()


class Access(Table, tablename="access", db=DB):
    """Derived: who may use an app through a binding, as far as it depends on the person.

    Whether the app is started and the instance usable is asked at reading.
    """

    tenant_id = uuid_column()
    member_id = uuid_column(key=True)
    app_id = text_column()
    instance_id = text_column()
    since = time_column()


class SyncPolicy(Table, tablename="sync_policy", db=DB):
    """When a full list is held: departments removed, their share in percent, people who lose access."""

    tenant_id = uuid_column(key=True)
    max_removed = Integer(default=None, null=False)
    max_removed_percent = Integer(default=None, null=False)
    max_losing = Integer(default=None, null=False)
    updated_at = time_column()
    updated_by = text_column()
