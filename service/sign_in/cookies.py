"""Cookies of browsers: the session, the browser itself while it signs in, and the enterprises it knows.

With https their names begin with `__Host-`, so that no neighbour of our host can set them (RFC 6265bis
4.1.3.2). `Lax` because a sign-in comes back from another site; whatever changes something needs a token too.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any, Literal
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State

from service.runtime import Runtime
from sso.bearer import read_cookie
from sso.flows import make_handle
from sso.sessions import Held

AnyConnection = ASGIConnection[Any, Any, Any, State]
Name = Literal["session", "browser", "enterprises"]

_BROWSER_SECONDS = 3600
_ENTERPRISES_SECONDS = 180 * 24 * 3600
_MOST_ENTERPRISES = 5
_LONGEST_BROWSER = 64


def make_cookie(runtime: Runtime, name: Name, value: str, *, seconds: int | None = None) -> Cookie:
    """A cookie of ours; without `seconds` it goes with the browser."""
    secure = runtime.settings.public_url.startswith("https://")
    return Cookie(
        key=_key(runtime, name),
        value=value,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(runtime: Runtime, name: Name) -> Cookie:
    """A cookie that takes the one of this name away."""
    return make_cookie(runtime, name, "", seconds=0)


def _key(runtime: Runtime, name: Name) -> str:
    return f"__Host-tenon-{name}" if runtime.settings.public_url.startswith("https://") else f"tenon-{name}"


def _read(connection: AnyConnection, name: Name) -> str | None:
    return connection.cookies.get(_key(connection.app.state.runtime, name))


def has_session_cookie(connection: AnyConnection) -> bool:
    """Whether the browser says that it has a session, which may have ended."""
    return bool(_read(connection, "session"))


async def find_session(connection: AnyConnection) -> Held | None:
    """The browser's session, used once more; None when it has none or it has ended.

    Raises:
        SessionsUnavailable: Redis is away.
    """
    runtime: Runtime = connection.app.state.runtime
    named = read_cookie(_read(connection, "session") or "")
    if named is None:
        return None
    session_id, digest = named
    now = runtime.clock()
    held = await runtime.sessions.find(session_id, now=now)
    if held is None or not held.session.is_proven_by(digest):
        return None
    await runtime.sessions.keep(held, now=now)
    return held


def read_browser(connection: AnyConnection) -> str | None:
    """The secret of the browser that signs in; None when it has none yet."""
    secret = _read(connection, "browser")
    return secret if secret and len(secret) <= _LONGEST_BROWSER else None


def browser_of(connection: AnyConnection) -> tuple[str, list[Cookie]]:
    """The secret of the browser that signs in, with the cookie that gives it one for the next hour."""
    runtime: Runtime = connection.app.state.runtime
    secret = read_browser(connection) or make_handle()
    return secret, [make_cookie(runtime, "browser", secret, seconds=_BROWSER_SECONDS)]


def read_enterprises(connection: AnyConnection) -> list[UUID]:
    """The enterprises that this browser has signed in to, the last one first."""
    known = []
    for text in (_read(connection, "enterprises") or "").split(".")[:_MOST_ENTERPRISES]:
        try:
            known.append(UUID(bytes=base64.urlsafe_b64decode(text + "==")))
        except (ValueError, binascii.Error):
            continue
    return known


def remember_enterprise(connection: AnyConnection, tenant_id: UUID) -> Cookie:
    """The cookie that puts an enterprise in front of those that the browser knows."""
    runtime: Runtime = connection.app.state.runtime
    known = [tenant_id, *(other for other in read_enterprises(connection) if other != tenant_id)]
    value = ".".join(
        base64.urlsafe_b64encode(one.bytes).rstrip(b"=").decode() for one in known[:_MOST_ENTERPRISES]
    )
    return make_cookie(runtime, "enterprises", value, seconds=_ENTERPRISES_SECONDS)


def csrf_of(connection: AnyConnection) -> str:
    """The token that a form of this browser's session must bring, so that no other site can send it.

    It depends on the session cookie's secret, which no page can read.
    """
    cookie = _read(connection, "session") or ""
    return hmac.new(cookie.encode(), b"form", hashlib.sha256).hexdigest()


def has_csrf(connection: AnyConnection, token: str | None) -> bool:
    """Whether a form came from a page of ours in this session."""
    return has_session_cookie(connection) and hmac.compare_digest(
        csrf_of(connection).encode(), (token or "").encode()
    )
