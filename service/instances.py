"""Instances over HTTP."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Router, get, patch
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from service.callers import act_of, demand_token
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.runtime import Runtime
from tenancy.instance_rows import InstanceRecord, list_instances, read_contact, read_instance
from tenancy.instances import Activation, activate_instance
from tenancy.paging import Page

InstanceState = Annotated[
    Literal["provisioning", "active", "frozen", "released"] | None, QueryParameter(name="state")
]
Url = Annotated[str, msgspec.Meta(max_length=512, pattern="^https?://")]


class ActivationInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the vendor tells once an instance is usable; shown to the buyer."""

    state: Literal["active"]
    front_end_url: Url | None = None
    admin_url: Url | None = None
    memo: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


class InstanceView(InstanceRecord, frozen=True, kw_only=True):
    """One purchase with the buyer's contact data, if the marketplace sent any."""

    contact: dict[str, str]


@get("/")
async def show_instances(
    product: FromQuery[str | None] = None,
    instance_state: InstanceState = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[InstanceRecord]:
    """List instances."""
    return await list_instances(product=product, state=instance_state, cursor=cursor, limit=limit)


async def _view(instance: InstanceRecord, runtime: Runtime) -> InstanceView:
    contact = await read_contact(instance.instance_id, keyring=runtime.keyring)
    return InstanceView(**msgspec.structs.asdict(instance), contact=contact)


@get("/{instance_id:str}")
async def show_instance(instance_id: FromPath[str], state: State) -> InstanceView:
    """Show an instance."""
    runtime: Runtime = state.runtime
    return await _view(await read_instance(instance_id), runtime)


@patch("/{instance_id:str}")
async def finish_provisioning(
    instance_id: FromPath[str],
    data: JSONBody[ActivationInput],
    request: Request[Any, Any, State],
    state: State,
) -> InstanceView:
    """Say that an instance is usable, and where; the marketplace learns it with its next query."""
    runtime: Runtime = state.runtime
    activation = Activation(front_end_url=data.front_end_url, admin_url=data.admin_url, memo=data.memo)
    return await _view(await activate_instance(instance_id, activation, act=act_of(request)), runtime)


router = Router(
    "/v1/instances",
    route_handlers=[show_instances, show_instance, finish_provisioning],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["instances"],
)
