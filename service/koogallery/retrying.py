"""Carrying out again what failed by a fault of ours, from what was kept of it."""

import time
from uuid import UUID, uuid4

import msgspec

from service.koogallery.calls import Proven
from service.koogallery.canonical import parse_object
from service.koogallery.kept import read_kept_call
from service.koogallery.results import Answer
from service.koogallery.running import read_call, run
from service.koogallery.signing import Verified
from service.koogallery.work import Work
from service.runtime import Runtime
from tenancy.acts import Act
from tenancy.bindings import find_tenant
from tenancy.errors import ProductUnknown, PushKeyRemoved
from tenancy.push_retries import FailedPush, Retry, demand_newest, note_retry, read_failed_push, read_retry
from tenancy.pushes import Push

# Calls about a purchase that change nothing, so that none is too late after them.
_READING = ("queryInstance", "changeInstanceCheck")


async def retry_push(tenant_id: UUID | None, push_id: UUID, *, runtime: Runtime, act: Act) -> Retry:
    """Carry a failed push out again as the call that it was then, and record it as a push of its own.

    Its signature was found valid when it came. Facts count from the time that the call says, so that newer
    ones stand; a call about a purchase says none and is refused after any later one about the same purchase.

    Raises:
        PushUnknown: there is no such push.
        PushNotFailed: it has been carried out or refused.
        PushBodyRemoved: what came in it is not kept, or not any more.
        ProductUnknown: its product has been removed.
        PushKeyRemoved: the key that signed it is no longer one of the product's.
        DatabaseUnavailable: nothing has been done.
    """
    failed = await read_failed_push(tenant_id, push_id, keyring=runtime.keyring)
    proven = await _recall(failed, runtime)
    push = Push(
        id=uuid4(),
        product=failed.product,
        edition=failed.edition,
        interface=failed.interface,
        signed_as=failed.signed_as,
        received_at=runtime.clock(),
        started=time.perf_counter(),
        size=failed.size,
        address=failed.address,
        retry_of=failed.id,
    )
    await note_retry(tenant_id, failed.id, retry_id=push.id, act=act)

    def read() -> Work:
        work = read_call(failed.interface, proven, push, runtime)
        return work if proven.call.is_kit else _unless_overtaken(work, failed)

    ran = await run(read, push)
    found = None if ran.place is None else await find_tenant(ran.place)
    return await read_retry(push.id, tenant_id=found)


async def _recall(failed: FailedPush, runtime: Runtime) -> Proven:
    """The call as it was proven then."""
    product = await runtime.products.find(failed.product)
    if product is None:
        raise ProductUnknown
    kept = read_kept_call(failed.plain)
    call = kept.to_call(product, failed.edition)
    key_index = kept.find_key(call)
    if key_index is None:
        raise PushKeyRemoved
    return Proven(
        call=call,
        members={} if kept.is_query else parse_object(call.body),
        verified=Verified(key_index=key_index, candidate=failed.signed_as),
        received_at=failed.received_at,
    )


def _unless_overtaken(work: Work, failed: FailedPush) -> Work:
    instance_id = work.push.instance_id
    if instance_id is None:
        return work

    async def run_newest() -> Answer:
        await demand_newest(failed.product, instance_id, since=failed.received_at, reading=_READING)
        return await work.run()

    return msgspec.structs.replace(work, run=run_newest)
