"""Conformance cases about renewing, freezing and releasing an instance (V2 base interfaces)."""

import secrets
from datetime import timedelta

from service.simulator import base_calls, kit_calls
from service.simulator.calls import INVALID, UNKNOWN_INSTANCE
from service.simulator.cases import Level, Registry
from service.simulator.context import Context, edited, with_instance

LONGEST_ID = 64
LONGEST_URL = 512
YEAR = timedelta(days=365)

registry = Registry()


async def _renew(context: Context, scene: str = "RENEWAL", **members: str) -> None:
    frame = await context.bought()
    order_id, expires_at = f"{frame.buyer.order_id}R", context.marketplace.now() + YEAR
    call = base_calls.refresh_instance(frame, order_id=order_id, expires_at=expires_at, scene=scene)
    await context.call(edited(call, **members))


@registry.case(18, Level.DOCUMENTED, unseen="that the expiry is that UTC instant")
async def renewal(context: Context) -> None:
    """A renewal with an expireTime of 14 digits."""
    await _renew(context)


@registry.case(19, Level.DOCUMENTED, unseen="that the expiry is not added twice")
async def renewal_again(context: Context) -> None:
    """The same renewal twice."""
    frame = await context.bought()
    expires_at = context.marketplace.now() + YEAR
    call = base_calls.refresh_instance(frame, order_id=f"{frame.buyer.order_id}R", expires_at=expires_at)
    await context.call(call)
    await context.call(call, to="refreshInstance again")


@registry.case(20, Level.DOCUMENTED, unseen="that the milliseconds are understood")
async def expiry_with_milliseconds(context: Context) -> None:
    """A renewal with an expireTime of 17 digits."""
    await _renew(context, expireTime=f"{context.marketplace.now() + YEAR:%Y%m%d%H%M%S}123")


@registry.case(21, Level.DOCUMENTED, unseen="that the expiry moves back")
async def cancelled_renewal(context: Context) -> None:
    """A cancelled renewal moves the expiry back."""
    frame = await context.bought()
    now = context.marketplace.now()
    order_id = frame.buyer.order_id
    call = base_calls.refresh_instance(frame, order_id=f"{order_id}R", expires_at=now + 2 * YEAR)
    await context.call(call)
    back = base_calls.refresh_instance(
        frame, order_id=f"{order_id}C", expires_at=now + YEAR, scene="UNSUBSCRIBE_RENEWAL_PERIOD"
    )
    await context.call(back)


@registry.case(22, Level.DOCUMENTED)
async def renewal_of_unknown_instance(context: Context) -> None:
    """A refreshInstance for an unknown instance."""
    frame = with_instance(context.frame(), f"none-{secrets.token_hex(8)}")
    expires_at = context.marketplace.now() + YEAR
    call = base_calls.refresh_instance(frame, order_id=frame.buyer.order_id, expires_at=expires_at)
    await context.call(call, UNKNOWN_INSTANCE)


@registry.case(23, Level.SAMPLE, unseen="that nothing is stored")
async def debug_renewal_of_unknown_instance(context: Context) -> None:
    """A debug refreshInstance for an unknown instance succeeds."""
    frame = with_instance(context.frame(is_debug=True), f"none-{secrets.token_hex(8)}")
    expires_at = context.marketplace.now() + YEAR
    await context.call(
        base_calls.refresh_instance(frame, order_id=frame.buyer.order_id, expires_at=expires_at)
    )


@registry.case(24, Level.DOCUMENTED)
async def renewal_with_change(context: Context) -> None:
    """A renewal with a change of specification (RENEWAL_CHANGE)."""
    await _renew(context, scene="RENEWAL_CHANGE")


@registry.case(25, Level.DOCUMENTED, unseen="that members cannot sign in and the data is kept")
async def freeze_twice(context: Context) -> None:
    """FREEZE twice."""
    frame = await context.bought()
    await context.call(base_calls.freeze(frame))
    await context.call(base_calls.freeze(frame), to="updateInstanceStatus again")


@registry.case(26, Level.DOCUMENTED, unseen="that signing in works as before")
async def unfreeze(context: Context) -> None:
    """UNFREEZE a frozen instance."""
    frame = await context.bought()
    await context.call(base_calls.freeze(frame))
    await context.call(base_calls.unfreeze(frame))


@registry.case(27, Level.RECOMMENDED)
async def unknown_status(context: Context) -> None:
    """An unknown status is an invalid parameter."""
    frame = await context.bought()
    await context.call(edited(base_calls.freeze(frame), status="FROZEN"), INVALID)


@registry.case(28, Level.DOCUMENTED, unseen="that the data is removed")
async def release(context: Context) -> None:
    """A releaseInstance without an order."""
    await context.call(base_calls.release(await context.bought()))


@registry.case(29, Level.RECOMMENDED)
async def release_again(context: Context) -> None:
    """A releaseInstance again."""
    frame = await context.bought()
    await context.call(base_calls.release(frame))
    await context.call(base_calls.release(frame), to="releaseInstance again")


@registry.case(30, Level.DOCUMENTED)
async def kit_delete_after_release(context: Context) -> None:
    """A kit delete for a released instance succeeds."""
    frame = await context.bound()
    await context.call(base_calls.release(frame))
    await context.call(kit_calls.tenant_sync(frame, flag=kit_calls.REMOVE))
