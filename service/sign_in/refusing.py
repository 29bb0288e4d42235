"""Refusals for browsers: a page that says why, with an id that the log has too."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response
from litestar.exceptions import HTTPException

from service.oauth2.requests import AnyRequest
from service.pages.forms import Link, Post, targets_of
from service.pages.reasons import Cause, Reason, cause_of
from service.pages.refusals import failed, refused, unavailable
from service.problems import log_unexpected
from service.requests import request_id
from service.runtime import Runtime
from service.sign_in.cookies import csrf_of, has_session_cookie
from sso.clients import Client
from sso.errors import (
    AccessTokenRefused,
    CodeRefused,
    ConnectionDisabled,
    IdentityTaken,
    IdTokenRefused,
    MemberNotKnown,
    MemberRemoved,
    NoAccess,
    NotSignedIn,
    ResponseIssuerRefused,
    UpstreamClientRefused,
    UpstreamMisconfigured,
    UpstreamUnreachable,
    UserinfoIncomplete,
    WrongTenant,
)
from sso.flows import UpstreamFlow
from tenancy.errors import AppUnknown, DomainError, Invalid, Unavailable
from tenancy.explanations import explain_access
from tenancy.notes import note
from tenancy.sign_in_places import list_app_ids
from tenancy.standings import Standing

_REASONS: tuple[tuple[type[DomainError], Reason], ...] = (
    (CodeRefused, "code_refused"),
    (AccessTokenRefused, "code_refused"),
    (ResponseIssuerRefused, "id_token_refused"),
    (IdTokenRefused, "id_token_refused"),
    (UserinfoIncomplete, "id_token_refused"),
    (WrongTenant, "wrong_tenant"),
    (MemberNotKnown, "not_yet_known"),
    (MemberRemoved, "not_a_member"),
    (ConnectionDisabled, "no_way_in"),
    (IdentityTaken, "identity_taken"),
    (UpstreamUnreachable, "upstream_unreachable"),
    (UpstreamMisconfigured, "upstream_unreachable"),
    (UpstreamClientRefused, "upstream_unreachable"),
    (NoAccess, "no_access"),
    (NotSignedIn, "expired_flow"),
    (Invalid, "bad_request"),
)


# What only the application can mend.
_NOT_HERE: frozenset[Reason] = frozenset({"unknown_client", "bad_request"})
# What another account could change.
_ACCOUNTS: frozenset[Reason] = frozenset({"no_access", "disabled", "not_a_member", "wrong_tenant"})


class Refused(DomainError):
    """This sign-in came to nothing; a page says why."""

    def __init__(
        self,
        reason: Reason,
        *,
        cause: Cause = "not_granted",
        note: str | None = None,
        enterprise: str | None = None,
        account: str | None = None,
        back: Link | None = None,
    ) -> None:
        """Say why; the rest is what the page of that reason shows."""
        super().__init__(reason)
        self.reason: Reason = reason
        self.cause: Cause = cause
        self.note = note
        self.enterprise = enterprise
        self.account = account
        self.back = back


async def refuse_access(
    runtime: Runtime,
    tenant_id: UUID,
    standing: Standing,
    *,
    product: str | None,
    app_id: str | None = None,
    back: Link | None = None,
) -> Refused:
    """Find out why a member may use no app, or none of a product, or not this one."""
    known = await list_app_ids(tenant_id, product)
    kinds: list[str] = []
    for one in [app_id] if app_id in known else known[:1]:
        assert one is not None
        try:
            found = await explain_access(tenant_id, one, standing.user_name, now=runtime.clock())
        except AppUnknown:
            kinds.append("app_removed")
            continue
        kinds += [block.kind for block in found.blocks]
    return Refused(
        "no_access",
        cause=cause_of(kinds) if known else "ended",
        enterprise=standing.tenant_name,
        account=standing.user_name,
        back=back,
    )


def back_to(client: Client, link: str) -> Link | None:
    """The way back to a client; a native app's is no address that a page can lead to."""
    if not link.startswith(("https://", "http://")):
        return None
    return Link(title=client.settings.name, url=link)


def _refuse(request: AnyRequest, error: DomainError) -> Response[bytes]:
    correlation = str(request_id())
    note("code", error.code)
    language = request.headers.get("accept-language")
    reason = _reason_of(error)
    if reason is None:
        if isinstance(error, Unavailable):
            note("cause", error.detail)
            return unavailable(language, correlation=correlation)
        return _fail(request, error)
    note("reason", reason)
    note("cause", error.detail)
    told = error if isinstance(error, Refused) else Refused(reason)
    return refused(
        language,
        reason,
        correlation=correlation,
        product=None,
        cause=told.cause,
        note=told.note,
        enterprise=told.enterprise,
        account=told.account,
        back=told.back,
        again=None if reason in _NOT_HERE else _again(request),
        other_account=_offer_sign_out(request) if reason in _ACCOUNTS else None,
    )


def remember_flow(request: AnyRequest, flow: UpstreamFlow | None) -> None:
    """Remember what a sign-in is for, so that one that is refused can begin anew."""
    request.state.flow = flow


def _again(request: AnyRequest) -> str:
    flow: UpstreamFlow | None = request.state.get("flow")
    kept = {} if flow is None else {"request": flow.pending, "return_to": flow.return_to}
    query = urlencode({name: value for name, value in kept.items() if value is not None})
    return f"/sign-in?{query}" if query else "/sign-in"


def _offer_sign_out(request: AnyRequest) -> Post | None:
    """The form that signs out, for a browser that has a session."""
    if not has_session_cookie(request):
        return None
    return Post(action="/sign-out", csrf=csrf_of(request), targets=targets_of())


def _reason_of(error: DomainError) -> Reason | None:
    if isinstance(error, Refused):
        return error.reason
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)


def _refuse_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    if error.status_code >= 500:  # noqa: PLR2004 - a class of statuses
        return _fail(request, error)
    return refused(
        request.headers.get("accept-language"),
        "bad_request",
        correlation=str(request_id()),
        product=None,
        note=error.detail,
    )


def _fail(request: AnyRequest, error: Exception) -> Response[bytes]:
    return failed(request.headers.get("accept-language"), correlation=log_unexpected(error))


HANDLERS: dict[int | type[Exception], Any] = {
    DomainError: _refuse,
    HTTPException: _refuse_http,
    Exception: _fail,
}
