"""What the simulated auth centre reads from a request, and the addresses it knows."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

import msgspec

from service.simulator.asgi import Message

AUTHORIZE = "/api/v1/oauth2/authorize"
TOKEN = "/api/v1/oauth2/token"  # noqa: S105 - no password
USERINFO = "/api/v1/oauth2/userinfo"
LOGOUT = "/api/v1/logout"
PORTAL = "/unified-login/"
WORKBENCH = "/workbench"

FORM = "application/x-www-form-urlencoded"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request: `parameters` are the query of a GET and the form of a POST; `visitor` is the cookie."""

    method: str
    path: str
    parameters: Mapping[str, str]
    content_type: str
    bearer: str
    visitor: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is remembered: `parameters` lack the client secret.

    `client_id` is the one sent, for userinfo the one whose token was sent; empty when there is none.
    """

    path: str
    status: int
    client_id: str
    parameters: Mapping[str, str]


def read_request(scope: Message, body: bytes, *, cookie: str) -> Request:
    """Read a request (ASGI); `cookie` is the name of the centre's own."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    sent = scope["query_string"] if scope["method"] == "GET" else body
    kind, _, token = headers.get("authorization", "").partition(" ")
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    return Request(
        method=scope["method"],
        path=scope["path"],
        parameters=dict(parse_qsl(sent.decode("utf-8", "replace"), keep_blank_values=True)),
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        bearer=token if kind.lower() == "bearer" else "",
        visitor=cookies[cookie].value if cookie in cookies else "",
    )
