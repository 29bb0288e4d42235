"""Requests of clients to our OAuth endpoints: read, authenticated, and refused in the words of OAuth."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie, State
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from service.problems import log_unexpected
from service.runtime import Runtime
from sso.authorization import single
from sso.client_authentication import ClientRefused, authenticate_client
from sso.clients import Client
from sso.issued_tokens import Hint, find_key_id, read_id_token_hint
from sso.oauth_errors import InvalidRequest, InvalidToken
from tenancy.errors import DomainError, Unavailable
from tenancy.notes import note

AnyRequest = Request[Any, Any, State]

# No answer of these endpoints may be kept (RFC 6749 5.1).
NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
MOST_BYTES = 65_536
_MOST_PARAMETERS = 100
_UNFIT = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_FORM = "application/x-www-form-urlencoded"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error as RFC 6749 5.2 has it."""

    error: str
    error_description: str


async def read_form(request: AnyRequest) -> dict[str, str]:
    """The parameters of a body.

    Raises:
        InvalidRequest: it is no form, or has a parameter twice.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise InvalidRequest(f"The body must be {_FORM}.")
    return _read_pairs((await request.body()).decode("latin-1"))


def read_query(request: AnyRequest) -> dict[str, str]:
    """The parameters of the address.

    Raises:
        InvalidRequest: it has a parameter twice.
    """
    return _read_pairs(request.scope["query_string"].decode("latin-1"))


def _read_pairs(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise InvalidRequest("The parameters cannot be read; they must be UTF-8, percent-encoded.") from error
    return single(pairs)


async def prove_client(request: AnyRequest, form: dict[str, str]) -> Client:
    """The client that the request comes from.

    Raises:
        ClientRefused, InvalidRequest, SessionsUnavailable: as `authenticate_client` says.
    """
    runtime: Runtime = request.app.state.runtime
    issuer = runtime.settings.public_url
    return await authenticate_client(
        runtime.clients.find,
        form,
        request.headers.get("authorization"),
        # A pushed request may be for the token endpoint, too (RFC 9126 2).
        audience=(issuer, f"{issuer}{request.scope['path']}", f"{issuer}/oauth2/token"),
        now=runtime.clock(),
        is_new_jti=runtime.replays.is_new_jti,
    )


async def read_hint(runtime: Runtime, token: str | None) -> Hint | None:
    """Whom an ID token of ours names that a client has sent back; None without one.

    Raises:
        InvalidRequest: it is none of ours, or too old.
    """
    if token is None:
        return None
    now = runtime.clock()
    keys = await runtime.signing_keys.verifiers(now, key_id=find_key_id(token))
    hint = read_id_token_hint(token, keys, issuer=runtime.settings.public_url, now=now)
    if hint is None:
        raise InvalidRequest("The id_token_hint is none of ours, or older than a day.")
    return hint


def describe(error: DomainError) -> str:
    """What a client is told of an error, in the characters that RFC 6749 5.2 lets a description have."""
    return _UNFIT.sub("?", f"{error.message} {error.detail or ''}".strip())


def send_browser(link: str, cookies: Sequence[Cookie] = ()) -> Redirect:
    """A redirect that turns a POST into a GET (RFC 9700 4.12) and tells nobody where it came from."""
    return Redirect(
        link,
        status_code=303,
        cookies=list(cookies),
        headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )


def answer(body: object, *, status: int = 200) -> Response[bytes]:
    """An answer that nobody keeps."""
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/json", headers=NOT_KEPT
    )


def refuse(_request: AnyRequest, error: DomainError) -> Response[bytes]:
    """An error for a client: what is unavailable is 503, an unproven client or token 401, the rest 400."""
    text = describe(error)
    note("code", error.code)
    if isinstance(error, Unavailable):
        note("cause", error.detail)
        refused = answer(
            Refusal(error="temporarily_unavailable", error_description=error.message), status=503
        )
        refused.headers["Retry-After"] = "1"
        return refused
    if isinstance(error, ClientRefused):
        note("reason", error.reason)
        refused = answer(Refusal(error="invalid_client", error_description=text), status=401)
        # Every 401 has one, whichever method the client has tried (RFC 9110 15.5.2).
        refused.headers["WWW-Authenticate"] = 'Basic realm="tenon", charset="UTF-8"'
        return refused
    if isinstance(error, InvalidToken):
        refused = answer(Refusal(error="invalid_token", error_description=text), status=401)
        refused.headers["WWW-Authenticate"] = (
            f'Bearer realm="tenon", error="invalid_token", error_description="{error.message}"'
        )
        return refused
    code = getattr(error, "oauth_code", error.code)
    return answer(Refusal(error=code, error_description=text), status=400)


def refuse_http(_request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """An error of the framework, such as a body that is too long."""
    refused = answer(
        Refusal(error="invalid_request", error_description=error.detail), status=error.status_code
    )
    refused.headers.update(error.headers or {})
    return refused


def refuse_unexpected(_request: AnyRequest, error: Exception) -> Response[bytes]:
    """Anything else: told only as an id that the log has too."""
    correlation = log_unexpected(error)
    return answer(
        Refusal(error="server_error", error_description=f"Correlation id: {correlation}"), status=500
    )


HANDLERS: dict[int | type[Exception], Any] = {
    DomainError: refuse,
    HTTPException: refuse_http,
    Exception: refuse_unexpected,
}
