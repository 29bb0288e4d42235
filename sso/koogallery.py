"""The marketplace's account login, seen from the vendor: links for browsers, and calls to an auth centre.

Each enterprise has an auth centre of its own, at the domain name that the marketplace has told of it; client
id and secret belong to one binding of the app. Source: the marketplace's web login with its accounts.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

import httpx2
import msgspec

from sso.discreet import Discreet
from sso.errors import (
    AccessTokenRefused,
    CodeRefused,
    RenewalRefused,
    UpstreamUnreachable,
    UserinfoIncomplete,
)
from sso.upstream import OK, REFUSED, Reply, ask, is_token, read_lifetime, read_text, unusable
from tenancy.sign_in_places import AppCredential

DEFAULT_PORTAL_URL = "https://macroverse.huaweicloud.com/unified-login/#/portal-login"

_TOKEN_PATH = "/api/v1/oauth2/token"  # noqa: S105 - a path
_USERINFO_PATH = "/api/v1/oauth2/userinfo"
_LOGOUT_PATH = "/api/v1/logout"

_MOST_CANDIDATES = 5
_REFUSED_CLIENT = frozenset({"invalid_client", "unauthorized_client"})
_REFUSED_TOKEN = frozenset({"unauthorized", "invalid_token"})

# One name, four numbers or a bracketed address: nothing in it can move the call elsewhere.
_DOMAIN = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?P<port>:[0-9]{1,5})?/?",
    re.IGNORECASE | re.ASCII,  # without it a Kelvin sign is a k
)
_CODE = re.compile(r"[\x20-\x7e]{1,2048}")  # RFC 6749 A.11


class UpstreamTokens(Discreet, frozen=True, kw_only=True):
    """What the auth centre gives for a code.

    Attributes:
        access_token: proves the account to the auth centre.
        refresh_token: for another access token later; None when none came (keep the former one, if any).
        expires_in: seconds that the access token is good for, between a minute and a day.
    """

    shown = ("expires_in",)
    access_token: str
    refresh_token: str | None
    expires_in: int


class Userinfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who has signed in, as the auth centre tells it.

    Attributes:
        user_name: the account; with `tenant` what joins it to a member.
        tenant: the enterprise's id at the marketplace.
        name: to be shown; None when it is missing or unfit.
        user_id: the auth centre's own id of the account; None when it is missing or unfit.
    """

    user_name: str
    tenant: str
    name: str | None
    user_id: str | None


async def exchange_code(
    http: httpx2.AsyncClient,
    domain_name: str,
    credentials: Sequence[AppCredential],
    code: str,
    *,
    allow_http: bool = False,
) -> tuple[AppCredential, UpstreamTokens]:
    """Exchange the code of a callback for tokens; tells which credential was the right one.

    The callback does not say which binding it is for, so up to five are tried in the order given (newest
    first); a code is good once, so the first success is the last call.

    Raises:
        CodeRefused: the code cannot be one, or no credential fits it.
        UpstreamUnreachable: the auth centre did not give a usable answer.
    """
    url = base_address(domain_name, allow_http=allow_http) + _TOKEN_PATH
    if not _CODE.fullmatch(code):
        raise CodeRefused("It is empty, too long or has characters that no code has.")
    for credential in credentials[:_MOST_CANDIDATES]:
        reply = await _ask_for_tokens(http, url, credential, grant_type="authorization_code", code=code)
        if reply.status == OK and not reply.error:
            return credential, _read_tokens(reply)
        if reply.status not in REFUSED and reply.error not in {"invalid_grant", *_REFUSED_CLIENT}:
            raise unusable(reply)
    if not credentials:
        raise CodeRefused(
            "No client id and secret of the app are known; have the application synchronised again."
        )
    raise CodeRefused


async def read_userinfo(
    http: httpx2.AsyncClient, domain_name: str, access_token: str, *, allow_http: bool = False
) -> Userinfo:
    """Ask who has signed in.

    The caller compares `tenant` with the enterprise that it has asked at; role and department come from
    synchronisation, never from here.

    Raises:
        AccessTokenRefused: it is expired or withdrawn, or not of this auth centre.
        UserinfoIncomplete: the account or its enterprise is missing or unfit.
        UpstreamUnreachable: the auth centre did not give a usable answer.
    """
    url = base_address(domain_name, allow_http=allow_http) + _USERINFO_PATH
    if not is_token(access_token):
        raise AccessTokenRefused
    reply = await ask(http, "GET", url, bearer=access_token)
    if reply.status in REFUSED or reply.error in _REFUSED_TOKEN:
        raise AccessTokenRefused
    if reply.status != OK or reply.members.get("error"):
        raise unusable(reply)
    user_name = read_text(reply, "userName", "loginName", "accName")
    tenant = read_text(reply, "tenant", "domainId")
    if user_name is None or tenant is None:
        missing = "account" if user_name is None else "enterprise"
        raise UserinfoIncomplete(f"Its {missing} is missing or is not a text of 1 to 255 characters.")
    return Userinfo(
        user_name=user_name,
        tenant=tenant,
        name=read_text(reply, "name"),
        user_id=read_text(reply, "id", "userId"),
    )


async def renew(
    http: httpx2.AsyncClient,
    domain_name: str,
    credential: AppCredential,
    refresh_token: str,
    *,
    allow_http: bool = False,
) -> UpstreamTokens:
    """Get new tokens for a refresh token, with the credential that the code was exchanged with.

    Raises:
        RenewalRefused: the auth centre does not know the refresh token any more: the person is out there.
        UpstreamUnreachable: anything else, a refused credential included.
    """
    url = base_address(domain_name, allow_http=allow_http) + _TOKEN_PATH
    reply = await _ask_for_tokens(
        http, url, credential, grant_type="refresh_token", refresh_token=refresh_token
    )
    if reply.error == "invalid_grant":
        raise RenewalRefused
    if reply.status != OK or reply.error:
        raise unusable(reply)
    return _read_tokens(reply)


def portal_link(portal_url: str, app_id: str) -> str:
    """Give the link that starts a sign-in at the marketplace.

    The parameters stand behind the `#` of the portal's URL: its page reads them, its server does not.
    """
    separator = "&" if "?" in portal_url.rpartition("#")[2] else "?"
    return f"{portal_url}{separator}ind=UNOP&appId={quote(app_id, safe='')}"


def logout_link(domain_name: str, redirect_url: str, *, allow_http: bool = False) -> str:
    """Give the link that signs a browser out at the auth centre and brings it back to `redirect_url`.

    Raises:
        UpstreamUnreachable: the domain name is not one; sign out here all the same.
    """
    address = base_address(domain_name, allow_http=allow_http)
    return f"{address}{_LOGOUT_PATH}?redirect_url={quote(redirect_url, safe='')}"


def base_address(domain_name: str, *, allow_http: bool) -> str:
    """Give scheme, host and port of an auth centre; only there is ever called.

    Raises:
        UpstreamUnreachable: the domain name has more than these, or begins with http:// and may not.
    """
    match = _DOMAIN.fullmatch(domain_name)
    if match is None:
        raise UpstreamUnreachable("The domain name of the enterprise is not one; have it synchronised again.")
    scheme = (match["scheme"] or "https").lower()
    if scheme == "http" and not allow_http:
        raise UpstreamUnreachable(
            "The domain name of the enterprise begins with http://; it must be https://."
        )
    return f"{scheme}://{match['host'].lower()}{match['port'] or ''}"


async def _ask_for_tokens(
    http: httpx2.AsyncClient, url: str, credential: AppCredential, **grant: str
) -> Reply:
    form = {"client_id": credential.client_id, "client_secret": credential.client_secret, **grant}
    return await ask(http, "POST", url, form=form)


def _read_tokens(reply: Reply) -> UpstreamTokens:
    access_token = reply.members.get("access_token")
    refresh_token = reply.members.get("refresh_token") or None
    kind = reply.members.get("token_type") or "Bearer"
    if not is_token(access_token) or not (refresh_token is None or is_token(refresh_token)):
        raise UpstreamUnreachable("The answer has no usable token.")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UpstreamUnreachable("The token is not a bearer token.")
    return UpstreamTokens(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_in=read_lifetime(reply),
    )
