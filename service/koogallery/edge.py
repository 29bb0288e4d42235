"""The marketplace's door: any request below `/koogallery` gets HTTP 200 with a result code."""

import asyncio
import time
from collections.abc import Mapping
from uuid import UUID

from service.koogallery.calls import Call, parse_query, prove
from service.koogallery.kept import KeptCall, keep_call, seal_call
from service.koogallery.purchases import activity_of
from service.koogallery.results import INTERNAL, INVALID, UNAUTHENTICATED, Answer, Refusal, answer_of
from service.koogallery.running import LARGE, read_call, run
from service.koogallery.signing import body_sign
from service.koogallery.work import Work
from service.metrics.definitions import UNKNOWN, count_push, count_refusal
from service.problems import log_unexpected
from service.requests import request_id
from service.runtime import Runtime
from tenancy.errors import DatabaseUnavailable, Unavailable
from tenancy.notes import note
from tenancy.products import Product
from tenancy.pushes import Push


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
        self.query_string = query_string
        self.query = parse_query(query_string)
        self.headers = headers
        self.body = body
        self.address = address


async def answer(request: Request, runtime: Runtime) -> tuple[bytes, str | None]:
    """Carry a request out.

    Returns:
        The body of the answer, and its `Body-Sign` header if there is a key to sign with.
    """
    began = time.perf_counter()
    product: Product | None = None
    signing_key: str | None = None
    try:
        product = await _find_product(request, runtime)
        call, interface = _call(request, product)
        signing_key = next(iter(call.keys), None)
        _demand_whole(request)
        reply, signing_key = await _carry_out(call, interface, request, runtime)
    except Refusal as refusal:
        count_refusal(product=_slug(product), reason=refusal.reason)
        note("reason", refusal.reason)
        reply = refusal.answer
    except Unavailable as error:
        reply = _fail(error, product, began)
    except Exception as error:  # noqa: BLE001  # the marketplace understands result codes only
        correlation = log_unexpected(error)
        count_push(product=_slug(product), interface=UNKNOWN, result=INTERNAL, seconds=_since(began))
        reply = Answer(INTERNAL, f"Internal error; tell the vendor this id: {correlation}.")
    note("result", reply.code)
    body = reply.encode()
    return body, None if signing_key is None else body_sign(signing_key, body)


async def _find_product(request: Request, runtime: Runtime) -> Product:
    product = await runtime.products.find(request.parts[0] if request.parts else "")
    if product is None:
        raise Refusal(UNAUTHENTICATED, "There is no such product.", reason="unknown_product")
    note("product", product.slug)
    return product


def _demand_whole(request: Request) -> None:
    if request.method not in {"GET", "POST"}:
        raise Refusal(INVALID, "The marketplace calls with GET or POST only.", reason="method")
    if request.body is None:
        raise Refusal(INVALID, "The body is too large or did not arrive in time.", reason="body")


def _fail(error: Unavailable, product: Product | None, began: float) -> Answer:
    note("code", error.code)
    note("cause", str(error))
    count_push(product=_slug(product), interface=UNKNOWN, result=INTERNAL, seconds=_since(began))
    return answer_of(error)


def _slug(product: Product | None) -> str:
    return "" if product is None else product.slug


def _since(began: float) -> float:
    return time.perf_counter() - began


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


async def _carry_out(call: Call, interface: str, request: Request, runtime: Runtime) -> tuple[Answer, str]:
    """Prove and run a call; the answer is signed with the key that signed it."""
    started = time.perf_counter()
    proven = await prove(call, runtime)
    key_index = proven.verified.key_index
    named = interface if call.is_kit else activity_of(proven)
    push_id, kept = request_id(), keep_call(call, request.query_string, key_index)
    push = Push(
        id=push_id,
        product=call.product.slug,
        edition=call.edition,
        interface="".join(letter for letter in named[:64] if letter.isprintable()),
        signed_as=proven.verified.candidate,
        received_at=proven.received_at,
        started=started,
        size=len(kept.raw),
        address=request.address,
        body=await _seal(push_id, kept, runtime),
    )

    def read() -> Work:
        return read_call(interface, proven, push, runtime)

    try:
        reply = (await run(read, push)).answer
    except DatabaseUnavailable as error:
        reply = answer_of(error)
    return reply, call.keys[key_index]


async def _seal(push_id: UUID, kept: KeptCall, runtime: Runtime) -> bytes | None:
    """What the history keeps of a call: nothing where nothing is to be kept."""
    if runtime.settings.body_retention_days == 0:
        return None
    if len(kept.raw) > LARGE:
        return await asyncio.to_thread(seal_call, push_id, kept, keyring=runtime.keyring)
    return seal_call(push_id, kept, keyring=runtime.keyring)
