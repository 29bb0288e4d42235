"""The event log over HTTP: of one tenant, across tenants, and what can be told at all."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from service.callers import demand_token
from service.paging import DEFAULT_LIMIT, Limit
from service.runtime import Runtime
from tenancy.event_pages import EventPage, EventsRemoved, read_events
from tenancy.event_types import EVENT_TYPES, KINDS
from tenancy.feed_pages import FeedPage, read_feed

After = Annotated[int, QueryParameter(ge=0, le=2**62, description="`next` of the page before, or `as_of`.")]
FeedCursor = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the page before.")]
Wait = Annotated[
    float, QueryParameter(ge=0, le=60, description="Seconds to wait for an event when there is none yet.")
]
Types = Annotated[
    list[str] | None,
    QueryParameter(max_items=100, description="Only these, such as `member.added` or `member.*`."),
]

_RULE = (
    "Keep the objects of each kind by their key. For each event in the order of its number: where there is"
    " `data`, put it where its kind and key say; where there is none, remove the object that `previous` was."
    " A type without a kind only tells what has happened. Begin with a snapshot and go on after its `as_of`."
)


class EventTypeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A type of event: `schema` is the JSON Schema of `data` and `previous`, `key` names an object's key."""

    type: str
    meaning: str
    kind: str | None
    key: list[str] | None
    schema: dict[str, Any] | None


class EventTypes(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be told, and the one rule that whoever follows needs."""

    rule: str
    items: list[EventTypeRecord]


@get("/v1/event-types", opt={"tenant": "any"})
async def show_event_types() -> EventTypes:
    """List everything that can be told, with the rule by which to follow it."""
    return EventTypes(rule=_RULE, items=_types())


def _types() -> list[EventTypeRecord]:
    return [
        EventTypeRecord(
            type=name,
            meaning=told.meaning,
            kind=told.kind,
            key=None if told.kind is None else list(KINDS[told.kind].key),
            schema=None if told.shape is None else msgspec.json.schema(told.shape),
        )
        for name, told in EVENT_TYPES.items()
    ]


@get(
    "/v1/tenants/{tenant_id:uuid}/events",
    responses={200: ResponseSpec(EventPage, description="Events, oldest first", generate_examples=False)},
)
async def show_events(
    tenant_id: FromPath[UUID],
    request: Request[Any, Any, State],
    after: After = 0,
    limit: Limit = DEFAULT_LIMIT,
    wait: Wait = 0,
) -> Response[bytes]:
    """List the events of a tenant after a number; with `wait`, the answer comes as soon as there are some."""
    runtime: Runtime = request.app.state.runtime
    try:
        page = await read_events(tenant_id, after=after, limit=limit)
        if not page.found and wait and await runtime.waits.wait(tenant_id, after=after, seconds=wait):
            page = await read_events(tenant_id, after=after, limit=limit)
    except EventsRemoved as error:
        raise EventsRemoved(f"GET /v1/tenants/{tenant_id}/snapshot") from error
    return Response(page.body, media_type="application/json")


@get(
    "/v1/events",
    responses={200: ResponseSpec(FeedPage, description="Events, oldest first", generate_examples=False)},
)
async def show_feed(
    request: Request[Any, Any, State],
    after: FeedCursor = None,
    limit: Limit = DEFAULT_LIMIT,
    wait: Wait = 0,
    types: Types = None,
    test: FromQuery[bool] = False,
) -> Response[bytes]:
    """List the events of all tenants, with `test=true` of all shadow tenants, in an order of its own.

    What belongs to no tenant, such as a purchase, is among them. Without `after`, from the oldest place after
    which nothing is missing; to begin at the end, take `last`.
    """
    runtime: Runtime = request.app.state.runtime
    deadline = asyncio.get_running_loop().time() + wait
    try:
        while True:
            page = await read_feed(after, limit=limit, types=types or (), is_test=test, now=runtime.clock())
            left = deadline - asyncio.get_running_loop().time()
            if page.found or left <= 0:
                break
            after = page.next
            if not await runtime.waits.wait(None, after=page.position, seconds=left):
                break
    except EventsRemoved as error:
        raise EventsRemoved("GET /v1/tenants/{id}/snapshot of each tenant") from error
    return Response(page.body, media_type="application/json")


router = Router(
    "/",
    route_handlers=[show_event_types, show_events, show_feed],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["events"],
)
