"""Signs people in with an identity provider of OpenID Connect: authorization code flow with PKCE, always.

Source: OpenID Connect Core 1.0 section 3.1, RFC 7636, RFC 9207, RFC 9700, RP-Initiated Logout 1.0.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from sso.code_exchange import exchange_code
from sso.discovery import Discovery
from sso.discreet import Discreet
from sso.errors import (
    CodeRefused,
    IdTokenRefused,
    ResponseIssuerRefused,
    UpstreamUnreachable,
    UserinfoIncomplete,
)
from sso.id_token_checks import read_key_id, verify_id_token
from sso.oidc_settings import OidcSettings
from sso.provider_documents import open_client
from sso.provider_metadata import Metadata
from sso.upstream import OK, ask, unusable
from tenancy.errors import NameInvalid
from tenancy.names import demand_name

_LONGEST_CODE = 2048
_FAR_FUTURE = 2**33


class Person(Discreet, frozen=True, kw_only=True):
    """Who has signed in at the provider.

    Attributes:
        subject: the account, for ever the same within the connection.
        user_name: which member it says it is.
        name: shown to people; None when the provider tells none that can be shown.
        id_token_hint: the verified ID token, for signing out at the provider.
        authenticated_at: when the person proved who it is; None when the provider does not say.
    """

    shown = ("subject", "user_name")

    subject: str
    user_name: str
    name: str | None
    id_token_hint: str
    authenticated_at: datetime | None = None


def begin(
    settings: OidcSettings,
    metadata: Metadata,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: str,
    is_fresh: bool = False,
    max_age: int | None = None,
) -> str:
    """Give the address that the browser is sent to.

    Args:
        settings: of the connection.
        metadata: of its issuer.
        redirect_uri: where the browser comes back to, registered at the provider.
        state: binds the answer to the browser.
        nonce: binds the ID token to this sign-in.
        verifier: of PKCE, 43 to 128 characters (RFC 7636 4.1); only its digest is sent.
        is_fresh: have the person prove anew who it is (`prompt=login`).
        max_age: seconds after which the provider has it proven anew.
    """
    fresh = {"prompt": "login"} if is_fresh else {}
    aged = {} if max_age is None else {"max_age": str(max_age)}
    query = urlencode(
        {
            **fresh,
            **aged,
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
    )
    return _append(metadata.authorization_endpoint, query)


def check_response_issuer(metadata: Metadata, iss: str | None) -> None:
    """Refuse an answer of another provider, whether it brings a code or an error (RFC 9207 section 2.4).

    Raises:
        ResponseIssuerRefused: `iss` differs, or is missing although the provider promises it.
    """
    if iss is None and not metadata.tells_issuer:
        return
    if iss is None or not hmac.compare_digest(iss.encode(), metadata.issuer.encode()):
        raise ResponseIssuerRefused


async def finish(
    transport: httpx2.AsyncBaseTransport,
    settings: OidcSettings,
    secret: str | None,
    discovery: Discovery,
    *,
    code: str,
    iss: str | None,
    redirect_uri: str,
    nonce: str,
    verifier: str,
    now: datetime,
) -> Person:
    """Find out who has signed in from what the browser has brought back.

    The caller has compared `state` before. Claims that the ID token does not carry are read from userinfo.

    Args:
        transport: goes to the provider.
        settings: of the connection.
        secret: of its client; None for a public one.
        discovery: knows the issuer.
        code: from the browser.
        iss: from the browser, None without one.
        redirect_uri: the one that the sign-in began with.
        nonce: the one that the sign-in began with.
        verifier: the one that the sign-in began with.
        now: the present.

    Raises:
        ResponseIssuerRefused: the answer comes from somebody else; no call has been made.
        CodeRefused: the provider does not accept the code.
        IdTokenRefused: what the provider gave for it proves nothing.
        UserinfoIncomplete: the user name is missing or cannot be used.
        UpstreamClientRefused, UpstreamMisconfigured, UpstreamUnreachable: as they say.
    """
    metadata = await discovery.metadata(settings.issuer)
    check_response_issuer(metadata, iss)
    if not (1 <= len(code) <= _LONGEST_CODE and code.isascii() and code.isprintable()):
        raise CodeRefused
    tokens = await exchange_code(
        transport, settings, secret, metadata, code=code, redirect_uri=redirect_uri, verifier=verifier
    )
    proven = verify_id_token(
        tokens.id_token,
        await discovery.keys(settings.issuer, read_key_id(tokens.id_token)),
        settings,
        nonce=nonce,
        access_token=tokens.access_token,
        now=now,
    )
    claims = await _complete(proven, transport, settings, metadata, tokens.access_token)
    return Person(
        subject=claims["sub"],
        user_name=_read_user_name(claims, settings),
        name=_read_name(claims, settings),
        id_token_hint=tokens.id_token,
        authenticated_at=_read_time(proven.get("auth_time")),
    )


def end_session_link(
    metadata: Metadata, id_token: str, post_logout_redirect_uri: str, state: str
) -> str | None:
    """Give the address that signs the browser out at the provider too; None when it has none."""
    if metadata.end_session_endpoint is None:
        return None
    query = urlencode(
        {"id_token_hint": id_token, "post_logout_redirect_uri": post_logout_redirect_uri, "state": state}
    )
    return _append(metadata.end_session_endpoint, query)


async def _complete(
    claims: Mapping[str, Any],
    transport: httpx2.AsyncBaseTransport,
    settings: OidcSettings,
    metadata: Metadata,
    access_token: str,
) -> Mapping[str, Any]:
    """Add from userinfo what the ID token lacks; without the name, which is a nicety, it goes on as well."""
    if metadata.userinfo_endpoint is None or {settings.user_name_claim, settings.name_claim} <= claims.keys():
        return claims
    try:
        reply = await ask(open_client(transport), "GET", metadata.userinfo_endpoint, bearer=access_token)
        if reply.status != OK:
            raise unusable(reply)
    except UpstreamUnreachable:
        if settings.user_name_claim in claims:
            return claims
        raise
    # OpenID Connect Core 1.0 section 5.3.2: or an access token of somebody else has been put in.
    if reply.members.get("sub") != claims["sub"]:
        raise IdTokenRefused("subject_differs", "ID token and userinfo speak of different people.")
    return {**reply.members, **claims}


def _read_user_name(claims: Mapping[str, Any], settings: OidcSettings) -> str:
    claim = settings.user_name_claim
    value = claims.get(claim)
    if not isinstance(value, str):
        raise UserinfoIncomplete(
            f"The claim {claim} is missing; have the provider release it to this client."
        )
    if not _is_name(value):
        raise UserinfoIncomplete(
            f"The claim {claim} is empty, too long or has characters that cannot be seen."
        )
    # Where people choose their address themselves, it would make them whoever they like.
    if claim == "email" and str(claims.get("email_verified")).lower() == "false":
        raise UserinfoIncomplete("The provider has not verified the e-mail address.")
    return value


def _read_time(value: object) -> datetime | None:
    # The standard says seconds; what is no time of this age is as good as none.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _FAR_FUTURE:
        return None
    return datetime.fromtimestamp(value, UTC)


def _read_name(claims: Mapping[str, Any], settings: OidcSettings) -> str | None:
    value = claims.get(settings.name_claim)
    return value if isinstance(value, str) and _is_name(value) else None


def _is_name(text: str) -> bool:
    try:
        return demand_name(text) == text
    except NameInvalid:
        return False


def _append(address: str, query: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{query}"
