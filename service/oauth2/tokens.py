"""What clients call themselves: token, pushed authorization requests, introspection, revocation.

Source: RFC 6749 3.2, RFC 9126, RFC 7662, RFC 7009, OpenID Connect Core 3.1.3 and 12.
"""

import msgspec
from litestar import Response, Router, post

from service.oauth2.requests import HANDLERS, MOST_BYTES, AnyRequest, answer, prove_client, read_form
from service.runtime import Runtime
from sso.authorization import demand_redirect_uri, read_request
from sso.claims import read_claims
from sso.clients import Client
from sso.families import ACCESS_SECONDS
from sso.flows import PUSHED_SECONDS, PushedRequest
from sso.issued_tokens import sign_id_token
from sso.issuing import Issued, exchange_code, introspect, refresh_tokens, revoke
from sso.oauth_errors import (
    InvalidGrant,
    InvalidRequest,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from sso.presence import keep_upstream

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client gets (RFC 6749 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None
    id_token: str | None = None


@post("/oauth2/token", status_code=200)
async def give_tokens(request: AnyRequest) -> Response[bytes]:
    """Give tokens for a code or a refresh token; a refresh gives no new ID token, userinfo tells the news."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    client = await prove_client(request, form)
    match form.get("grant_type"):
        case "authorization_code":
            return await _for_code(runtime, client, form)
        case "refresh_token":
            return await _for_refresh_token(runtime, client, form)
        case None:
            raise InvalidRequest("The grant_type is missing.")
        case _:
            raise UnsupportedGrantType


async def _for_code(runtime: Runtime, client: Client, form: dict[str, str]) -> Response[bytes]:
    now = runtime.clock()
    issued = await exchange_code(
        runtime.sessions,
        client,
        _demand(form, "code"),
        redirect_uri=form.get("redirect_uri"),
        verifier=_demand(form, "code_verifier"),
        now=now,
    )
    session = issued.session
    claims = await read_claims(session, issued.standing, app_id=issued.family.app_id, scopes=issued.scopes)
    signer = await runtime.signing_keys.signer(client.settings.id_token_signed_response_alg, now)
    id_token = sign_id_token(
        signer,
        issuer=runtime.settings.public_url,
        audience=client.client_id,
        subject=str(session.member_id),
        claims=claims,
        auth_time=session.authenticated_at,
        nonce=issued.nonce,
        access_token=issued.access_token,
        sid=str(session.id),
        now=now,
    )
    return _answer(issued, id_token=id_token)


async def _for_refresh_token(runtime: Runtime, client: Client, form: dict[str, str]) -> Response[bytes]:
    if not client.settings.refresh_tokens:
        raise UnauthorizedClient("The client is not registered for refresh tokens.")
    issued = await refresh_tokens(
        runtime.sessions,
        client,
        _demand(form, "refresh_token"),
        scope=form.get("scope"),
        now=runtime.clock(),
    )
    if not await keep_upstream(runtime.upstreams, issued.session, issued.upstream, now=runtime.clock()):
        raise InvalidGrant("The sign-in has been ended where it was made.")
    return _answer(issued)


def _answer(issued: Issued, *, id_token: str | None = None) -> Response[bytes]:
    return answer(
        TokenAnswer(
            access_token=issued.access_token,
            token_type="Bearer",  # noqa: S106 - a word of RFC 6750
            expires_in=ACCESS_SECONDS,
            scope=" ".join(issued.scopes),
            refresh_token=issued.refresh_token,
            id_token=id_token,
        )
    )


@post("/oauth2/par", status_code=201)
async def push_request(request: AnyRequest) -> Response[bytes]:
    """Keep an authorization request for the browser to come (RFC 9126 2)."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    client = await prove_client(request, form)
    if "request_uri" in form:
        raise RequestUriNotSupported
    parameters = {name: value for name, value in form.items() if name not in _PROOFS}
    parameters["client_id"] = client.client_id
    demand_redirect_uri(parameters, client)
    read_request(parameters, client)
    handle = await runtime.flows.put(PushedRequest(client_id=client.client_id, parameters=parameters))
    return answer({"request_uri": REQUEST_URI + handle, "expires_in": PUSHED_SECONDS}, status=201)


_PROOFS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@post("/oauth2/introspect", status_code=200)
async def introspect_token(request: AnyRequest) -> Response[bytes]:
    """Say whether a token of the caller's product is valid right now, and whose it is (RFC 7662)."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    client = await prove_client(request, form)
    if client.settings.token_endpoint_auth_method == "none":  # noqa: S105 - a method
        raise UnauthorizedClient("A public client cannot introspect.")
    found = await introspect(runtime.sessions, _demand(form, "token"), now=runtime.clock())
    owner = None if found is None else await runtime.clients.find(found.family.client_id)
    # What belongs to another product does not exist; and a resource server must not take for permission what
    # only its own client can use, at the token endpoint.
    if (
        found is None
        or owner is None
        or owner.product != client.product
        or (found.use == "refresh" and owner.client_id != client.client_id)
    ):
        return answer({"active": False})
    session, standing = found.session, found.standing
    return answer(
        {
            "active": True,
            "scope": " ".join(found.scopes),
            "client_id": found.family.client_id,
            "token_type": "Bearer" if found.use == "access" else "refresh_token",
            "exp": int(found.expires_at.timestamp()),
            "iss": runtime.settings.public_url,
            "sub": str(session.member_id),
            "sid": str(session.id),
            "tenant": str(session.tenant_id),
            "tenant_code": standing.tenant_code,
            "app": found.family.app_id,
            "username": standing.user_name,
            "role": standing.role,
        }
    )


@post("/oauth2/revoke", status_code=200)
async def revoke_token(request: AnyRequest) -> Response[bytes]:
    """Withdraw a token with all that came of the same code (RFC 7009 2.1)."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    client = await prove_client(request, form)
    await revoke(runtime.sessions, client, _demand(form, "token"), now=runtime.clock())
    return answer({})


def _demand(form: dict[str, str], name: str) -> str:
    value = form.get(name)
    if value is None:
        raise InvalidRequest(f"The {name} is missing.")
    return value


router = Router(
    "/",
    route_handlers=[give_tokens, push_request, introspect_token, revoke_token],
    exception_handlers=HANDLERS,
    opt={"caller": "client"},
    request_max_body_size=MOST_BYTES,
    tags=["openid"],
    include_in_schema=False,
)
