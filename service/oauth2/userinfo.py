"""The userinfo endpoint: what an access token lets a client know of a person (OpenID Connect Core 5.3)."""

from litestar import HttpMethod, Response, Router, route

from service.oauth2.requests import HANDLERS, MOST_BYTES, NOT_KEPT, AnyRequest, answer
from service.runtime import Runtime
from sso.claims import read_claims
from sso.issuing import read_access
from sso.oauth_errors import InvalidToken


@route("/oauth2/userinfo", http_method=[HttpMethod.GET, HttpMethod.POST], status_code=200)
async def tell_userinfo(request: AnyRequest) -> Response[bytes]:
    """Tell the claims of the token's scopes as they are right now; only the header may bring the token."""
    runtime: Runtime = request.app.state.runtime
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        # Without a token there is no error to tell (RFC 6750 3.1).
        return Response(
            b"", status_code=401, headers={**NOT_KEPT, "WWW-Authenticate": 'Bearer realm="tenon"'}
        )
    found = await read_access(runtime.sessions, token.strip(), now=runtime.clock())
    # What a removed client was given is taken back in the background, a little later.
    if await runtime.clients.find(found.family.client_id) is None:
        raise InvalidToken
    claims = await read_claims(found.session, found.standing, app_id=found.family.app_id, scopes=found.scopes)
    return answer({"sub": str(found.session.member_id), **claims})


router = Router(
    "/",
    route_handlers=[tell_userinfo],
    exception_handlers=HANDLERS,
    opt={"caller": "client"},
    request_max_body_size=MOST_BYTES,
    tags=["openid"],
    include_in_schema=False,
)
