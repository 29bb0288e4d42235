"""The tables of the event log, columns only, as in `tenancy/tables.py`."""

from piccolo.columns import BigInt
from piccolo.table import Table

from tenancy.columns import maybe_json, text_column, time_column, uuid_column
from tenancy.database import DB


class Event(Table, tablename="event", db=DB):
    """The fact that something changed; `change_set` is the number of the first event of its transaction."""

    tenant_id = uuid_column()
    number = BigInt(default=None, null=False, primary_key=True)
    change_set = BigInt(default=None, null=False)
    type = text_column()
    subject = text_column()
    data = maybe_json()
    previous = maybe_json()


class ChangeSet(Table, tablename="change_set", db=DB):
    """The events of one transaction, from `number` to `last`, and their cause: a push or an act."""

    tenant_id = uuid_column()
    number = BigInt(default=None, null=False, primary_key=True)
    last = BigInt(default=None, null=False)
    cause_id = uuid_column()
    by = text_column()
    at = time_column()


class EventCounter(Table, tablename="event_counter", db=DB):
    """The number of a tenant's newest event, and up to which they are in the feed and in the streams."""

    tenant_id = uuid_column(key=True)
    last = BigInt(default=None, null=False)
    fed = BigInt(default=None, null=False)


class Feed(Table, tablename="feed", db=DB):
    """The order across tenants: the events of one after `after`, up to `last`, come at `position`."""

    tenant_id = uuid_column()
    position = BigInt(default=None, null=False, primary_key=True)
    after = BigInt(default=None, null=False)
    last = BigInt(default=None, null=False)
    fed_at = time_column()
