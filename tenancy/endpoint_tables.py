"""The tables of webhooks, columns only, as in `tenancy/tables.py`."""

from piccolo.columns import UUID, Array, BigInt, Bytea, Integer, Text
from piccolo.table import Table

from tenancy.columns import flag_column, maybe_text, maybe_time, text_column, time_column, uuid_column
from tenancy.database import DB


class Endpoint(Table, tablename="endpoint", db=DB):
    """A receiver of the vendor; without `tenants` it is told of all, without `types` of everything.

    `failures` counts the attempts since one was accepted, whatever the tenant.
    """

    id = uuid_column(key=True)
    url = text_column()
    description = text_column()
    tenants = Array(base_column=UUID(), default=None, null=True)
    types = Array(base_column=Text(), default=None, null=True)
    secrets = Bytea(default=None, null=False)
    enabled = flag_column()
    disabled_at = maybe_time()
    disabled_reason = maybe_text()
    failures = Integer(default=None, null=False)
    paused_until = maybe_time()
    revision = Integer(default=None, null=False)
    created_at = time_column()
    updated_at = time_column()


class Stream(Table, tablename="stream", db=DB):
    """One tenant's events on their way to one endpoint: told up to `position`, to be told up to `target`.

    Without `due_at` there is nothing to tell; a worker that tells holds it until `leased_until`.
    """

    tenant_id = uuid_column()
    endpoint_id = uuid_column(key=True)
    position = BigInt(default=None, null=False)
    target = BigInt(default=None, null=False)
    due_at = maybe_time()
    lease = UUID(default=None, null=True)
    leased_until = maybe_time()
    failures = Integer(default=None, null=False)
    failing_since = maybe_time()


class Attempt(Table, tablename="attempt", db=DB):
    """One try to tell an endpoint of one event; `answer` is how its answer begins."""

    tenant_id = uuid_column()
    id = uuid_column(key=True)
    endpoint_id = uuid_column()
    number = BigInt(default=None, null=False)
    at = time_column()
    duration_ms = Integer(default=None, null=False)
    status = Integer(default=None, null=True)
    answer = maybe_text()
    error = maybe_text()
