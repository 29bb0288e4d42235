"""Carrying a push out again that failed by a fault of ours: what of it was kept, and whether it may."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from tenancy.acts import Act, note_act
from tenancy.database import NO_TENANT, system_scope, tenant_of, tenant_scope
from tenancy.errors import (
    DatabaseUnavailable,
    PushBodyRemoved,
    PushNotFailed,
    PushOvertaken,
    PushUnknown,
)
from tenancy.push_bodies import open_body
from tenancy.push_pages import PUSH_COLUMNS, PushRecord, show_push
from tenancy.secrets import Keyring
from tenancy.tenants import demand_tenant


class FailedPush(msgspec.Struct, frozen=True, kw_only=True):
    """A push that failed, as it came; `plain` is what was sealed then."""

    id: UUID
    product: str
    edition: str
    interface: str
    signed_as: str
    received_at: datetime
    address: str | None
    size: int
    plain: bytes


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a push that was carried out again; a call about no single tenant has no tenant."""

    tenant_id: UUID | None
    push: PushRecord


_FAILED = """
SELECT id, product, edition, interface, signed_as, received_at, address, size, verdict, body
FROM push WHERE tenant_id = $1 AND id = $2
"""


async def read_failed_push(tenant_id: UUID | None, push_id: UUID, *, keyring: Keyring) -> FailedPush:
    """Read a push that is to be carried out again.

    Raises:
        PushUnknown: there is no such push.
        PushNotFailed: it has been carried out or refused.
        PushBodyRemoved: what came in it is not kept, or not any more.
    """
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        if tenant_id is not None:
            await demand_tenant(db, tenant_id)
        row = await db.fetchrow(_FAILED, tenant_id or NO_TENANT, push_id)
    if row is None:
        raise PushUnknown
    if row["verdict"] != "failed":
        raise PushNotFailed
    if row["body"] is None:
        raise PushBodyRemoved
    plain = await asyncio.to_thread(open_body, push_id, row["body"], keyring=keyring)
    fields = {name: row[name] for name in FailedPush.__struct_fields__ if name != "plain"}
    return FailedPush(plain=plain, **fields)


class RetryNote(msgspec.Struct, frozen=True, kw_only=True):
    """Under which id a push is carried out again."""

    retry: UUID


async def note_retry(tenant_id: UUID | None, push_id: UUID, *, retry_id: UUID, act: Act) -> None:
    """Note in the audit who carries a push out again, before it is done."""
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        await note_act(
            db,
            act,
            "push.retried",
            str(push_id),
            data=RetryNote(retry=retry_id),
            tenant_id=tenant_id or NO_TENANT,
        )


async def demand_newest(product: str, instance_id: str, *, since: datetime, reading: Collection[str]) -> None:
    """Refuse to repeat a call about a purchase when a later one has come: such calls carry no source time.

    `reading` are the interfaces that change nothing.

    Raises:
        PushOvertaken: a later call about the same purchase has been carried out.
    """
    async with tenant_scope(NO_TENANT) as db:
        overtaken = await db.fetchval(
            "SELECT EXISTS (SELECT FROM push WHERE tenant_id = $1 AND instance_id = $2 AND received_at > $3"
            " AND product = $4 AND verdict IN ('applied', 'unchanged') AND interface <> ALL ($5))",
            NO_TENANT,
            instance_id,
            since,
            product,
            list(reading),
        )
    if overtaken:
        raise PushOvertaken


async def read_retry(retry_id: UUID, *, tenant_id: UUID | None) -> Retry:
    """What became of a retry, recorded with that tenant or, when it could not be told whose it is, with none.

    Raises:
        DatabaseUnavailable: its record could not be written.
    """
    async with system_scope() as db:
        row = await db.fetchrow(
            f"SELECT tenant_id, {PUSH_COLUMNS} FROM push WHERE tenant_id = ANY ($1) AND id = $2",
            [tenant_id or NO_TENANT, NO_TENANT],
            retry_id,
        )
    if row is None:
        raise DatabaseUnavailable("The retry could not be recorded.")
    return Retry(tenant_id=tenant_of(row["tenant_id"]), push=show_push(row))
