"""Exchanges the code of an OpenID Connect sign-in for tokens.

Source: RFC 6749 sections 2.3.1, 4.1.3 and 5, RFC 7636 section 4.5.
"""

import asyncio
import re
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from sso.discreet import Discreet
from sso.errors import CodeRefused, UpstreamClientRefused, UpstreamUnreachable
from sso.oidc_settings import OidcSettings
from sso.provider_documents import CALL_SECONDS
from sso.provider_metadata import Metadata

# Errors of RFC 6749 5.2 that a person can do nothing about: what an administrator has set up is wrong.
_CLIENT_ERRORS = frozenset(
    {"invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type", "invalid_scope"}
)

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")  # RFC 6749 A.12, and fit for a header


class CodeTokens(Discreet, frozen=True, kw_only=True):
    """What a code was exchanged for.

    Attributes:
        id_token: not yet verified.
        access_token: reads the person's claims at the provider.
    """

    id_token: str
    access_token: str


async def exchange_code(
    transport: httpx2.AsyncBaseTransport,
    settings: OidcSettings,
    secret: str | None,
    metadata: Metadata,
    *,
    code: str,
    redirect_uri: str,
    verifier: str,
) -> CodeTokens:
    """Exchange a code at the token endpoint, by one call that follows no redirects.

    Raises:
        CodeRefused: the code is wrong, used up, expired or belongs to another sign-in.
        UpstreamClientRefused: the provider does not accept the client or its request; `reason` is the error
            of RFC 6749 5.2, or `unknown_error`.
        UpstreamUnreachable: no usable answer came.
    """
    client = _make_client(transport, settings, secret)
    try:
        async with asyncio.timeout(CALL_SECONDS):
            members = await client.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                redirect_uri=redirect_uri,
                code_verifier=verifier,
            )
    except OAuthError as error:
        failure: Exception = _judge(error.error)
    except httpx2.HTTPStatusError as error:
        failure = _judge_status(error.response.status_code)
    except TimeoutError:
        failure = UpstreamUnreachable(f"No complete answer came within {CALL_SECONDS:g} s.")
    except (httpx2.HTTPError, httpx2.InvalidURL):
        failure = UpstreamUnreachable("The call failed.")
    except (ValueError, TypeError, RecursionError):
        failure = UpstreamUnreachable("The token endpoint did not answer with a JSON object.")
    else:
        id_token, access_token = members.get("id_token"), members.get("access_token")
        if isinstance(id_token, str) and isinstance(access_token, str) and _TOKEN.fullmatch(access_token):
            return CodeTokens(id_token=id_token, access_token=access_token)
        failure = UpstreamUnreachable("The token endpoint answered without an ID token or an access token.")
    # Outside of the handlers: what was raised there holds the request with its secrets.
    raise failure


def _make_client(
    transport: httpx2.AsyncBaseTransport, settings: OidcSettings, secret: str | None
) -> AsyncOAuth2Client:
    # It needs no closing: what is to be closed is the transport, which others use too.
    client_id, client_secret = settings.client_id, secret or ""
    if settings.auth_method == "client_secret_basic":
        # RFC 6749 2.3.1; Authlib leaves it out.
        client_id, client_secret = quote_plus(client_id), quote_plus(client_secret)
    return AsyncOAuth2Client(
        client_id=client_id,
        client_secret=client_secret,
        token_endpoint_auth_method=settings.auth_method,
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=CALL_SECONDS,
    )


def _judge(error: object) -> Exception:
    match error:
        case "invalid_grant":
            return CodeRefused()
        case "server_error" | "temporarily_unavailable":
            return UpstreamUnreachable(f"The token endpoint answered with the error {error}.")
        case str() if error in _CLIENT_ERRORS:
            return UpstreamClientRefused(error, f"The token endpoint answered with the error {error}.")
        case _:
            return UpstreamClientRefused(
                "unknown_error", "The token endpoint answered with an error of its own."
            )


def _judge_status(status: int) -> Exception:
    detail = f"The token endpoint answered with status {status}."
    if status == httpx2.codes.UNAUTHORIZED:
        return UpstreamClientRefused("invalid_client", detail)
    return UpstreamUnreachable(detail)
