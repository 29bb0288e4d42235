"""Who calls our API: a bearer token proves it, a guard on the router demands it."""

import hmac
from typing import Any
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection, Request
from litestar.datastructures import State
from litestar.exceptions import NotAuthorizedException
from litestar.handlers.base import BaseRouteHandler

from service.requests import request_id
from service.runtime import Runtime
from tenancy.acts import Act
from tenancy.errors import Forbidden, NotFound
from tenancy.tokens import TokenOwner, find_token_owner

_BOOTSTRAP = "bootstrap"
_READING = {"GET", "HEAD", "OPTIONS"}
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tenon"'}

Connection = ASGIConnection[Any, Any, Any, State]


class RoleInsufficient(Forbidden):
    """The role of this token does not allow this."""


class OutOfTokensTenant(NotFound):
    """There is no such thing."""


async def demand_token(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let operators do everything and readers read; a token of one tenant meets nothing of another.

    What is not that tenant's does not exist for it: 404, never 403. A route whose `role` is `operator` shows
    readers nothing.

    Raises:
        NotAuthorizedException: no token, or one that is unknown or expired.
        RoleInsufficient: a reader's token on a change, or where only operators may look.
        OutOfTokensTenant: a token of one tenant outside its tenant.
    """
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    owner = await _find_owner(connection.app.state.runtime, token.strip()) if token else None
    if scheme.lower() != "bearer" or owner is None:
        raise NotAuthorizedException("A valid bearer token is needed.", headers=_CHALLENGE)
    if owner.tenant_id is not None and not _is_own(connection, handler, owner.tenant_id):
        raise OutOfTokensTenant
    is_reading = connection.scope.get("method") in _READING and handler.opt.get("role") != "operator"
    if owner.role != "operator" and not is_reading:
        raise RoleInsufficient
    kind = "operator" if owner.tenant_id is None else "tenant_admin"
    connection.state.actor = f"{kind}:{owner.token}"


def act_of(request: Request[Any, Any, State]) -> Act:
    """What the caller of a request that changes something is about to do; its id is the request's."""
    return msgspec.structs.replace(act_by(request.state.actor, request), id=request_id())


def act_by(actor: str, request: Request[Any, Any, State]) -> Act:
    """What somebody is about to do by a request that has proven otherwise who it is."""
    runtime: Runtime = request.app.state.runtime
    address = None if request.client is None else request.client.host
    return Act(actor=actor, at=runtime.clock(), address=address)


async def _find_owner(runtime: Runtime, token: str) -> TokenOwner | None:
    bootstrap = runtime.settings.operator_token
    if bootstrap and hmac.compare_digest(token.encode(), bootstrap.encode()):
        return TokenOwner(token=_BOOTSTRAP, role="operator")
    return await find_token_owner(token, now=runtime.clock())


def _is_own(connection: Connection, handler: BaseRouteHandler, tenant_id: UUID) -> bool:
    """Routes about one tenant name it in their path; the few that say so, in the query, and there once.

    What a route shows that says `any` is the same for all.
    """
    if handler.opt.get("tenant") == "any":
        return True
    if handler.opt.get("tenant") == "query":
        named = connection.query_params.getall("tenant", [])
    else:
        named = [connection.path_params.get("tenant_id", "")]
    return [str(one).lower() for one in named] == [str(tenant_id)]
