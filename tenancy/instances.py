"""Instances: purchases of a product and their life, idempotent per order line."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from tenancy.acts import Act, record_act
from tenancy.database import NO_TENANT, Db, system_scope
from tenancy.errors import InstanceReleased, InstanceUnknown
from tenancy.event_objects import InstanceFact
from tenancy.events import Event
from tenancy.gates import settle_instance
from tenancy.instance_rows import InstanceRecord, contact_purpose, find_order_line, read_instance
from tenancy.pushes import Outcome, Push, outcome_of, record_push
from tenancy.secrets import Keyring


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the marketplace says when something is bought."""

    product: str
    order_id: str
    order_line_id: str
    business_id: str
    expires_at: datetime | None = None
    trial: bool = False
    contact: dict[str, str] = {}


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """What the vendor tells once an instance is provisioned; shown to the buyer."""

    front_end_url: str | None = None
    admin_url: str | None = None
    memo: str | None = None


_OPEN = """
INSERT INTO instance (instance_id, product, order_id, order_line_id, state, expires_at, trial, contact,
                      opened_at, changed_at, state_at, state_by, expires_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9, $10, $10)
ON CONFLICT DO NOTHING
"""

_ACTIVATE = """
UPDATE instance
SET changed_at = $2, state_at = CASE WHEN state = $4 THEN state_at ELSE $2 END,
    state_by = CASE WHEN state = $4 THEN state_by ELSE $3 END,
    state = $4, front_end_url = $5, admin_url = $6, memo = $7
WHERE instance_id = $1
"""

_QUEUE_ORDER_QUERY = """
INSERT INTO order_query (instance_id, order_id, order_line_id, attempts, due_at)
VALUES ($1, $2, $3, 0, $4)
ON CONFLICT (instance_id) DO UPDATE
SET order_id = excluded.order_id, order_line_id = excluded.order_line_id, attempts = 0,
    due_at = excluded.due_at, last_error = NULL
"""


async def open_instance(
    order: Order, *, provisioned: bool, ask_for_order: bool, pending_result: str, keyring: Keyring, push: Push
) -> InstanceRecord:
    """Open the instance of an order line, once: a repeated order finds the one that is there.

    Its id is the first request's business id, which is unique among the marketplace's orders; should
    another instance have that id already, a new one is made. `pending_result` is what the history shows as
    answered while the instance is still being provisioned.
    """
    line = (order.product, order.order_id, order.order_line_id)
    state = "active" if provisioned else "provisioning"
    contact = msgspec.json.encode(order.contact) if order.contact else None
    async with system_scope() as db:
        found = await find_order_line(db, line)
        events: list[Event] = []
        instance_id = order.business_id
        while found is None:
            sealed = contact and keyring.seal(contact, purpose=contact_purpose(instance_id))
            opened = await db.execute(
                _OPEN,
                instance_id,
                *line,
                state,
                order.expires_at,
                order.trial,
                sealed,
                push.received_at,
                push.cause.by,
            )
            if opened == "INSERT 0 1":
                data = InstanceFact(state=state, expires_at=order.expires_at, trial=order.trial)
                events.append(Event(type="instance.opened", subject=instance_id, data=data))
            found = await find_order_line(db, line)
            instance_id = str(uuid4())
        if ask_for_order and found.order is None:
            await db.execute(
                _QUEUE_ORDER_QUERY, found.instance_id, order.order_id, order.order_line_id, push.received_at
            )
        push = msgspec.structs.replace(
            push,
            instance_id=found.instance_id,
            result_code=pending_result if found.state == "provisioning" else push.result_code,
        )
        await record_push(db, NO_TENANT, push, outcome_of(events), events=events)
    return found


async def set_expiry(
    product: str,
    instance_id: str,
    *,
    expires_at: datetime,
    trial_ends: bool,
    unfreeze: bool,
    ask_for: tuple[str, str] | None,
    push: Push,
) -> Outcome:
    """Set, never add to, the end of the paid period; `ask_for` is an order and line to query the details of.

    Raises:
        InstanceUnknown: no such instance of this product, or it has been released.
    """

    async def change(db: Db, row: asyncpg.Record) -> list[Event]:
        if ask_for is not None:
            await db.execute(_QUEUE_ORDER_QUERY, instance_id, *ask_for, push.received_at)
        before: dict[str, Any] = {
            "expires_at": row["expires_at"],
            "trial": row["trial"],
            "state": row["state"],
        }
        after: dict[str, Any] = {
            "expires_at": expires_at,
            "trial": row["trial"] and not trial_ends,
            "state": "active" if unfreeze and row["state"] == "frozen" else row["state"],
        }
        if before == after:
            return []
        await db.execute(
            "UPDATE instance SET expires_at = $2, expires_by = $6, trial = $3, state = $4, changed_at = $5,"
            " state_at = CASE WHEN state = $4 THEN state_at ELSE $5 END,"
            " state_by = CASE WHEN state = $4 THEN state_by ELSE $6 END WHERE instance_id = $1",
            instance_id,
            *after.values(),
            push.received_at,
            push.cause.by,
        )
        data, previous = InstanceFact(**after), InstanceFact(**before)
        return [Event(type="instance.renewed", subject=instance_id, data=data, previous=previous)]

    return await _change(product, instance_id, change, push)


async def set_frozen(product: str, instance_id: str, *, frozen: bool, push: Push) -> Outcome:
    """Freeze an instance, so that nobody can use it and all data is kept, or unfreeze it.

    Raises:
        InstanceUnknown: no such instance of this product, or it has been released.
    """

    async def change(db: Db, row: asyncpg.Record) -> list[Event]:
        if (row["state"] == "frozen") == frozen:
            return []
        state, verb = ("frozen", "frozen") if frozen else ("active", "unfrozen")
        await db.execute(
            "UPDATE instance SET state = $2, changed_at = $3, state_at = $3, state_by = $4"
            " WHERE instance_id = $1",
            instance_id,
            state,
            push.received_at,
            push.cause.by,
        )
        data, previous = InstanceFact(state=state), InstanceFact(state=row["state"])
        return [Event(type=f"instance.{verb}", subject=instance_id, data=data, previous=previous)]

    return await _change(product, instance_id, change, push)


async def change_order(
    product: str, instance_id: str, *, order_id: str, order_line_id: str, ask_for_order: bool, push: Push
) -> Outcome:
    """Take note that another order now describes the instance; its details are asked for when possible.

    Raises:
        InstanceUnknown: no such instance of this product, or it has been released.
    """

    async def change(db: Db, _row: asyncpg.Record) -> list[Event]:
        if ask_for_order:
            await db.execute(_QUEUE_ORDER_QUERY, instance_id, order_id, order_line_id, push.received_at)
        data = InstanceFact(order_id=order_id, order_line_id=order_line_id)
        return [Event(type="instance.upgraded", subject=instance_id, data=data)]

    return await _change(product, instance_id, change, push)


async def check_change(product: str, instance_id: str, *, push: Push) -> Outcome:
    """Answer that the instance may move to another specification: it is there and not released.

    Raises:
        InstanceUnknown: no such instance of this product, or it has been released.
    """

    async def change(_db: Db, _row: asyncpg.Record) -> list[Event]:
        return []

    return await _change(product, instance_id, change, push)


async def _change(
    product: str,
    instance_id: str,
    change: Callable[[Db, asyncpg.Record], Awaitable[list[Event]]],
    push: Push,
) -> Outcome:
    async with system_scope() as db:
        row = await db.fetchrow(
            "SELECT state, expires_at, trial FROM instance"
            " WHERE product = $1 AND instance_id = $2 AND state <> 'released' FOR UPDATE",
            product,
            instance_id,
        )
        if row is None:
            raise InstanceUnknown
        events = await change(db, row)
        outcome = outcome_of(events)
        await record_push(db, NO_TENANT, push, outcome, events=events)
    if events:
        await settle_instance(instance_id, push.cause)
    return outcome


async def activate_instance(instance_id: str, activation: Activation, *, act: Act) -> InstanceRecord:
    """Finish the provisioning of an instance; one that is active takes over the new addresses.

    Raises:
        InstanceUnknown: there is no such instance.
        InstanceReleased: it has been released.
    """
    async with system_scope() as db:
        before = await db.fetchrow(
            "SELECT state, front_end_url, admin_url, memo FROM instance WHERE instance_id = $1 FOR UPDATE",
            instance_id,
        )
        if before is None:
            raise InstanceUnknown
        if before["state"] == "released":
            raise InstanceReleased
        after = {name: value for name, value in msgspec.to_builtins(activation).items() if value is not None}
        after["state"] = "active" if before["state"] == "provisioning" else before["state"]
        known = {name: before[name] for name in after}
        if known != after:
            await db.execute(_ACTIVATE, instance_id, act.at, act.cause.by, *dict(before, **after).values())
            data, previous = InstanceFact(**after), InstanceFact(**known)
            event = Event(type="instance.activated", subject=instance_id, data=data, previous=previous)
            await record_act(db, act, [event])
    await settle_instance(instance_id, act.cause)
    return await read_instance(instance_id)
