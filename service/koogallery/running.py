"""Carrying out a proven call: whatever becomes of it is answered, and stands in the history."""

import asyncio
import time
from collections.abc import Callable

import msgspec
import structlog

from service.koogallery.calls import Proven
from service.koogallery.directory import read_kit_call
from service.koogallery.purchases import read_base_call
from service.koogallery.results import INTERNAL, Answer, Refusal, answer_of
from service.koogallery.work import Work
from service.metrics.definitions import INTERFACES, UNKNOWN, count_push
from service.runtime import Runtime
from tenancy.bindings import Place, find_tenant
from tenancy.errors import DatabaseUnavailable, DomainError, TenantErased, Unavailable
from tenancy.notes import note
from tenancy.pushes import Push, record_refused_push

log = structlog.get_logger(__name__)

# Reading or sealing a body above this takes long enough to keep others waiting, so it is done in a thread.
LARGE = 256 * 1024


class Ran(msgspec.Struct, frozen=True):
    """The answer to a call, and which enterprise it was about, if that could be read."""

    answer: Answer
    place: Place | None


def read_call(interface: str, proven: Proven, push: Push, runtime: Runtime) -> Work:
    """Read what a call asks for.

    Raises:
        Refusal: there is no such interface, or the message is not valid.
    """
    if proven.call.is_kit:
        return read_kit_call(interface, proven, push, runtime)
    return read_base_call(proven, push, runtime)


async def run(read: Callable[[], Work], push: Push) -> Ran:
    """Read a call and carry it out.

    Raises:
        DatabaseUnavailable: nothing has been done, nor recorded.
    """
    place: Place | None = None
    note("push_id", str(push.id))
    note("product", push.product)
    result = INTERNAL
    try:
        work = await asyncio.to_thread(read) if push.size > LARGE else read()
        push, place = work.push, work.place
        try:
            reply = await work.run()
        except TenantErased:
            reply = await work.run()
        result = reply.code
    except Refusal as refusal:
        result = refusal.answer.code
        reply = await _record(push, place, refusal.answer, "refused")
    except DatabaseUnavailable as error:
        # No record: writing it would fail too, after the same wait.
        note("code", error.code)
        note("cause", str(error))
        raise
    except DomainError as error:
        note("code", error.code)
        result = answer_of(error).code
        verdict = "failed" if isinstance(error, Unavailable) else "refused"
        reply = await _record(push, place, answer_of(error), verdict)
    except Exception:
        log.exception("push_failed")
        reply = Answer(INTERNAL, f"Internal error; tell the vendor this id: {push.id}.")
        await _record(push, place, reply, "failed")
    finally:
        interface = push.interface if push.interface in INTERFACES else UNKNOWN
        note("interface", interface)
        seconds = time.perf_counter() - push.started
        count_push(product=push.product, interface=interface, result=result, seconds=seconds)
    return Ran(reply, place)


async def _record(push: Push, place: Place | None, reply: Answer, verdict: str) -> Answer:
    """Keep a push that changed nothing in the history too; the answer stands even if that fails."""
    note("reason", reply.message)
    try:
        tenant_id = await find_tenant(place) if place is not None else None
        push = msgspec.structs.replace(push, result_code=reply.code)
        await record_refused_push(tenant_id, push, verdict=verdict, message=reply.message[:255])
    except DomainError as error:
        log.warning("push_not_recorded", cause=str(error))
    return reply
