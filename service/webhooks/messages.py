"""The message of a webhook: one event as the log across tenants shows it."""

import msgspec

from tenancy.event_pages import EncodedRecord
from tenancy.leases import Lease


def message_body(lease: Lease, event: EncodedRecord) -> bytes:
    """What is sent for an event, the same at every attempt; without a tenant when it belongs to none."""
    return msgspec.json.encode(msgspec.structs.replace(event, tenant_id=lease.told_tenant))


def message_id(lease: Lease, event: EncodedRecord) -> str:
    """The `webhook-id`: the same at every attempt, so that a receiver can tell what it has had."""
    return f"evt_{lease.tenant_id.hex}_{event.number}"
