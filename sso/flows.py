"""Flows: what is remembered while a browser is away, taken up once and forgotten within minutes."""

import hashlib
import secrets
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from sso.authorization import AuthorizationRequest
from sso.sessions import Upstream
from sso.store import RedisClient, reaching_redis

_HANDLE_BYTES = 24
_LONGEST_HANDLE = 64

T = TypeVar("T", bound=msgspec.Struct)


class PushedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization request that a client has pushed (RFC 9126)."""

    client_id: str
    parameters: dict[str, str]


class PendingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization request that waits for its person; only the browser that brought it may go on."""

    request: AuthorizationRequest
    browser: bytes
    brought_at: datetime


class UpstreamFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way at an upstream, begun by a browser in a tenant.

    `pending` is the handle of the authorization request it is for, `return_to` a path of ours.
    """

    tenant_id: UUID
    connection: str
    browser: bytes
    product: str | None = None
    pending: str | None = None
    return_to: str | None = None
    issuer: str | None = None
    nonce: str | None = None
    verifier: str | None = None


class SwitchFlow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who has come into a browser in which somebody else is signed in, in `session_id`.

    `begun` is what the browser had begun, if anything.
    """

    session_id: UUID
    tenant_id: UUID
    member_id: UUID
    connection: str
    upstream: Upstream
    authenticated_at: datetime | None
    product: str | None
    begun: UpstreamFlow | None


class SignOutFlow(msgspec.Struct, frozen=True, kw_only=True):
    """Where a browser goes after it has been signed out upstream too."""

    link: str


PUSHED_SECONDS: Final = 90
_SECONDS: Final[dict[type[msgspec.Struct], int]] = {
    PushedRequest: PUSHED_SECONDS,
    PendingRequest: 1800,
    UpstreamFlow: 600,
    SwitchFlow: 600,
    SignOutFlow: 600,
}


def digest_of(secret: str) -> bytes:
    """What is kept of a browser's secret."""
    return hashlib.sha256(secret.encode()).digest()


def make_handle() -> str:
    """A new text that nobody can guess."""
    return secrets.token_urlsafe(_HANDLE_BYTES)


class FlowStore:
    """Flows in Redis; every method raises SessionsUnavailable while it is away."""

    def __init__(self, redis: RedisClient) -> None:
        """Use a client with short time limits and no retries: a browser waits."""
        self._redis = redis

    async def put(self, flow: msgspec.Struct, *, handle: str | None = None) -> str:
        """Remember a flow under a new handle, or under the one given."""
        handle = handle or make_handle()
        async with reaching_redis(self._redis):
            await self._redis.set(
                _key(type(flow), handle), msgspec.msgpack.encode(flow), ex=_SECONDS[type(flow)]
            )
        return handle

    async def find(self, shape: type[T], handle: str) -> T | None:
        """The flow, which can still be taken up; None when it was, or has run out."""
        if len(handle) > _LONGEST_HANDLE:
            return None
        async with reaching_redis(self._redis):
            return _read(shape, await self._redis.get(_key(shape, handle)))

    async def take(self, shape: type[T], handle: str) -> T | None:
        """Take up the flow, once; None when it was taken up before, or has run out."""
        if len(handle) > _LONGEST_HANDLE:
            return None
        async with reaching_redis(self._redis):
            return _read(shape, await self._redis.getdel(_key(shape, handle)))


def _key(shape: type[msgspec.Struct], handle: str) -> str:
    return f"tenon:flow:{shape.__name__}:{handle}"


def _read(shape: type[T], value: bytes | str | None) -> T | None:
    # Strings come only from clients that are told to decode; ours is not.
    return msgspec.msgpack.decode(value, type=shape) if isinstance(value, bytes) else None
