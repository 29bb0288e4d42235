"""Authorization requests: read strictly, whether they came in a query, a form or were pushed beforehand.

Source: RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1, RFC 7636 4.3, RFC 9126; RFC 9700 2.1 for what is refused.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from sso.clients import Client
from sso.oauth_errors import (
    InvalidRequest,
    InvalidScope,
    RequestNotSupported,
    RequestUriNotSupported,
    UnsupportedResponseType,
)

SCOPES: Final = ("openid", "profile", "departments", "groups", "offline_access")

_LONGEST = 2048
# Signed tokens grow with what they tell.
_LONGEST_TOKEN = 16_384
_TOKENS = frozenset({"id_token_hint", "client_assertion"})
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
# A loopback redirect of a native app has whatever port was free (RFC 8252 7.3).
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?(/.*|$)")

_FRESH_PROMPTS = frozenset({"login", "select_account"})

Parameters = Mapping[str, str]


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a registered client that can be answered.

    `tenant`, `app` and `connection` say what the person would otherwise be asked; `subject` is the member
    whom an ID token hint names, and nobody else will do.
    """

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str | None = None
    nonce: str | None = None
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    tenant: str | None = None
    app: str | None = None
    connection: str | None = None
    subject: str | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the person has to prove anew who it is, whatever session there is."""
        return bool(_FRESH_PROMPTS & set(self.prompts))


def single(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Parameters by name; one that is empty counts as left out (RFC 6749 3.1).

    Raises:
        InvalidRequest: one is there twice, or longer than 2048 characters, or 16,384 if it is a token.
    """
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise InvalidRequest(f"The parameter {name[:40]!r} is there twice.")
        longest = _LONGEST_TOKEN if name in _TOKENS else _LONGEST
        if len(value) > longest:
            raise InvalidRequest(f"The parameter {name[:40]!r} is longer than {longest} characters.")
        parameters[name] = value
    return {name: value for name, value in parameters.items() if value}


def demand_redirect_uri(parameters: Parameters, client: Client) -> str:
    """The redirect URI, which must be registered; until it is proven nothing is ever sent there.

    Raises:
        InvalidRequest: it is missing or none of the client's.
    """
    wanted = parameters.get("redirect_uri")
    if wanted is None:
        raise InvalidRequest("The redirect_uri is missing.")
    if wanted not in client.settings.redirect_uris and not _is_loopback_of(wanted, client):
        raise InvalidRequest("The redirect_uri is not registered for this client.")
    return wanted


def _is_loopback_of(wanted: str, client: Client) -> bool:
    match = _LOOPBACK.fullmatch(wanted)
    registered = (_LOOPBACK.fullmatch(uri) for uri in client.settings.redirect_uris)
    return match is not None and any(one is not None and one.groups() == match.groups() for one in registered)


def read_request(parameters: Parameters, client: Client) -> AuthorizationRequest:
    """Read a request whose redirect URI has been proven.

    Raises:
        InvalidRequest, InvalidScope, UnsupportedResponseType, RequestNotSupported, RequestUriNotSupported:
            by their registered names, for the client to be told.
    """
    if "request" in parameters:
        raise RequestNotSupported
    if "request_uri" in parameters:
        raise RequestUriNotSupported
    if parameters.get("response_type") != "code":
        raise UnsupportedResponseType
    if parameters.get("response_mode", "query") != "query":
        raise InvalidRequest("The response_mode must be query.")
    scopes = tuple(dict.fromkeys(parameters.get("scope", "").split()))
    if "openid" not in scopes:
        raise InvalidScope("The scope must contain openid.")
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise InvalidScope(f"Unknown: {min(unknown)[:40]!r}.")
    if parameters.get("code_challenge_method") != "S256":
        raise InvalidRequest("PKCE with code_challenge_method S256 is required.")
    challenge = parameters.get("code_challenge", "")
    if _CHALLENGE.fullmatch(challenge) is None:
        raise InvalidRequest("The code_challenge must be a SHA-256 digest in base64url.")
    prompts = tuple(dict.fromkeys(parameters.get("prompt", "").split()))
    if not set(prompts) <= {"none", "login", "consent", "select_account"} or (
        "none" in prompts and len(prompts) > 1
    ):
        raise InvalidRequest("The prompt must be none, or of login, consent and select_account.")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=parameters["redirect_uri"],
        scopes=scopes,
        challenge=challenge,
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        prompts=prompts,
        max_age=_read_seconds(parameters.get("max_age")),
        tenant=parameters.get("tenant"),
        app=parameters.get("app"),
        connection=parameters.get("connection"),
    )


def _read_seconds(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**31))):
        raise InvalidRequest("The max_age must be a number of seconds.")
    return int(text)


def answer_link(redirect_uri: str, *, issuer: str, state: str | None, **values: str) -> str:
    """Where the answer to a request leads: `values`, the state, and who answers (RFC 9207 2)."""
    return with_query(redirect_uri, **values, **({} if state is None else {"state": state}), iss=issuer)


def with_query(address: str, /, **more: str) -> str:
    """An address with more parameters behind those that it has."""
    parts = urlsplit(address)
    query = "&".join(part for part in (parts.query, urlencode(more)) if part)
    return urlunsplit(parts._replace(query=query))
