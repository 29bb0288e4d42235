"""The marketplace's door: any request below `/koogallery` gets HTTP 200 with a result code."""

import asyncio
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
import structlog

from service.koogallery.calls import Call, prove
from service.koogallery.directory import read_kit_call
from service.koogallery.purchases import read_base_call
from service.koogallery.results import INTERNAL, INVALID, UNAUTHENTICATED, Answer, Refusal, answer_of
from service.koogallery.signing import body_sign
from service.koogallery.work import Work
from service.runtime import Runtime
from tenancy.bindings import Place, find_tenant
from tenancy.errors import DatabaseUnavailable, DomainError, TenantErased, Unavailable
from tenancy.products import Product
from tenancy.pushes import Push, record_refused_push

log = structlog.get_logger(__name__)

# Reading a body above this takes long enough to keep others waiting, so it is done in a thread.
_LARGE = 1024 * 1024


class Request:
    """What of an HTTP request matters here; the path is what follows `/koogallery`."""

    def __init__(
        self,
        method: str,
        path: str,
        query_string: bytes,
        headers: Mapping[str, str],
        body: bytes | None,
        address: str | None = None,
    ) -> None:
        """Take a request; no body means that it was too large, too slow or broken off."""
        self.method = method
        self.parts = [part for part in path.split("/") if part]
        self.query = dict(
            parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
        )
        self.headers = headers
        self.body = body
        self.address = address


async def answer(request: Request, runtime: Runtime) -> tuple[bytes, str | None]:
    """Carry a request out.

    Returns:
        The body of the answer, and its `Body-Sign` header if there is a key to sign with.
    """
    signing_key: str | None = None
    try:
        product = await runtime.products.find(request.parts[0] if request.parts else "")
        if product is None:
            log.info("push_refused", reason="unknown product")
            reply = Answer(UNAUTHENTICATED, "There is no such product.")
        else:
            call, interface = _call(request, product)
            signing_key = next(iter(call.keys), None)
            if request.method not in {"GET", "POST"}:
                reply = Answer(INVALID, "The marketplace calls with GET or POST only.")
            elif request.body is None:
                reply = Answer(INVALID, "The body is too large or did not arrive in time.")
            else:
                reply, signing_key = await _carry_out(call, interface, request.address, runtime)
    except Refusal as refusal:
        log.info("push_refused", reason=refusal.answer.message)
        reply = refusal.answer
    except Unavailable as error:
        log.warning("push_failed", code=error.code, cause=str(error))
        reply = answer_of(error)
    except Exception:
        log.exception("push_failed")
        reply = Answer(INTERNAL, "Internal error; tell the vendor the time of the push.")
    body = reply.encode()
    return body, None if signing_key is None else body_sign(signing_key, body)


def _call(request: Request, product: Product) -> tuple[Call, str]:
    """Tell by method and path which of the four groups of interfaces is called, and its name."""
    match request.parts[1:]:
        case []:
            edition, interface = ("V1" if request.method == "GET" else "V2"), ""
        case ["produceAPI", "v2", *rest]:
            edition, interface = "V2", "/".join(rest)
        case ["produceAPI", *rest]:
            edition, interface = "V1", "/".join(rest)
        case other:
            edition, interface = "V2", "/".join(other)
    call = Call(
        product=product,
        edition="V1" if edition == "V1" else "V2",
        is_kit=len(request.parts) > 1,
        query=request.query,
        headers=request.headers,
        body=request.body or b"",
    )
    return call, interface


async def _carry_out(call: Call, interface: str, address: str | None, runtime: Runtime) -> tuple[Answer, str]:
    """Prove and run a call; the answer is signed with the key that signed it."""
    started = time.perf_counter()
    proven = await prove(call, runtime)
    push = Push(
        id=uuid4(),
        product=call.product.slug,
        edition=call.edition,
        interface="".join(letter for letter in interface[:64] if letter.isprintable()),
        signed_as=proven.verified.candidate,
        received_at=runtime.clock(),
        started=started,
        size=len(call.body) or len(call.query),
        address=address,
    )

    def read() -> Work:
        if call.is_kit:
            return read_kit_call(interface, proven, push, runtime)
        return read_base_call(proven, push, runtime)

    return await _run(read, push), call.keys[proven.verified.key_index]


async def _run(read: Callable[[], Work], push: Push) -> Answer:
    place: Place | None = None
    with structlog.contextvars.bound_contextvars(push_id=str(push.id), product=push.product):
        try:
            work = await asyncio.to_thread(read) if push.size > _LARGE else read()
            push, place = work.push, work.place
            try:
                reply = await work.run()
            except TenantErased:
                reply = await work.run()
            log.info("push", interface=push.interface, result=reply.code)
        except Refusal as refusal:
            return await _record(push, place, refusal.answer, "refused")
        except DatabaseUnavailable as error:
            # No record: writing it would fail too, after the same wait.
            log.warning("push_failed", interface=push.interface, code=error.code, cause=str(error))
            return answer_of(error)
        except DomainError as error:
            verdict = "failed" if isinstance(error, Unavailable) else "refused"
            return await _record(push, place, answer_of(error), verdict)
        except Exception:
            log.exception("push_failed", interface=push.interface)
            reply = Answer(INTERNAL, f"Internal error; tell the vendor this id: {push.id}.")
            return await _record(push, place, reply, "failed")
        return reply


async def _record(push: Push, place: Place | None, reply: Answer, verdict: str) -> Answer:
    """Keep a push that changed nothing in the history too; the answer stands even if that fails."""
    log.info("push", interface=push.interface, result=reply.code, reason=reply.message)
    try:
        tenant_id = await find_tenant(place) if place is not None else None
        push = msgspec.structs.replace(push, result_code=reply.code)
        await record_refused_push(tenant_id, push, verdict=verdict, message=reply.message[:255])
    except DomainError as error:
        log.warning("push_not_recorded", interface=push.interface, cause=str(error))
    return reply
