"""One call to a service that signs people in for us: JSON comes back, or plain words on why it did not.

Nothing here tells a URL, a body or a header: they hold secrets.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

import httpx2
import msgspec

from sso.discreet import Discreet
from sso.errors import UpstreamUnreachable

OK = 200
REFUSED = frozenset({401, 403})
_TOO_MANY = 429
_SERVER_ERROR = 500

_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")  # RFC 6749 A.12, and fit for a header
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,255}")
_USUAL_LIFETIME = 7200
_SHORTEST_LIFETIME, _LONGEST_LIFETIME = 60, 86_400

# What a peer may be quoted with: the error codes of RFC 6749 5.2 and RFC 6750 3.1, and the auth centre's own.
_KNOWN_ERRORS = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope", "invalid_token", "insufficient_scope"),
        *("access_denied", "server_error", "temporarily_unavailable", "unauthorized"),
    }
)


class Reply(Discreet, frozen=True, kw_only=True):
    """A JSON object that came with a status.

    Attributes:
        status: of the answer.
        members: what the object has.
        error: its error code when it is a well-known one, else empty.
    """

    shown = ("status", "error")
    status: int
    members: Mapping[str, Any]
    error: str


async def ask(
    http: httpx2.AsyncClient,
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    bearer: str | None = None,
) -> Reply:
    """Make one call and read the JSON object that comes back, whatever its status below 500.

    An answer of 401 or 403 need not be JSON: what stands before the peer refuses in words of its own.

    Raises:
        UpstreamUnreachable: no answer, status 429 or 5xx, or no JSON object.
    """
    headers = {"accept": "application/json"}
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    try:
        response = await http.request(method, url, data=form, headers=headers, follow_redirects=False)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        response = None
    # Outside of the handler: what was raised there holds the request with its secrets.
    if response is None:
        raise UpstreamUnreachable("The call failed.")
    if response.status_code >= _SERVER_ERROR or response.status_code == _TOO_MANY:
        raise UpstreamUnreachable(f"The answer has status {response.status_code}.")
    members = read_object(response.content)
    if members is None:
        if response.status_code not in REFUSED:
            raise UpstreamUnreachable(f"The answer (status {response.status_code}) is not a JSON object.")
        members = {}
    error = members.get("error")
    return Reply(
        status=response.status_code,
        members=members,
        error=error if isinstance(error, str) and error in _KNOWN_ERRORS else "",
    )


def unusable(reply: Reply) -> UpstreamUnreachable:
    """Make the error of a reply that is neither what was asked for nor a no that is understood."""
    told = f" and error {reply.error}" if reply.error else ""
    return UpstreamUnreachable(f"The answer has status {reply.status}{told} instead of what was asked for.")


def is_token(value: object) -> TypeGuard[str]:
    """Whether a value is a text that can be sent as a bearer token."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def read_text(reply: Reply, *names: str) -> str | None:
    """Read the first of these members that is there: 1 to 255 characters, none of them a control character.

    One that is there and unfit gives None; it is not replaced by another that means something else.
    """
    for name in names:
        value = reply.members.get(name)
        if value is not None and value != "":
            return value if isinstance(value, str) and _TEXT.fullmatch(value) else None
    return None


def read_lifetime(reply: Reply) -> int:
    """Read `expires_in` as seconds between a minute and a day; two hours when it says nothing usable."""
    value = reply.members.get("expires_in")
    # A text of digits is a common slip; a wrong lifetime costs a renewal, nothing else.
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return _USUAL_LIFETIME
    return int(min(max(value, _SHORTEST_LIFETIME), _LONGEST_LIFETIME))


def read_object(content: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None when it is not one."""
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None
