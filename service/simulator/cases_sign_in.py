"""Conformance cases about signing in with the marketplace's account; the browser and its eyes are ours."""

import asyncio
import secrets
from collections.abc import Sequence

import msgspec

from service.simulator import kit_calls
from service.simulator.auth_centre import AuthCentre
from service.simulator.auth_centre_requests import LOGOUT, TOKEN, USERINFO, Asked
from service.simulator.cases import Level, Registry
from service.simulator.context import Context
from service.simulator.enterprises import Enterprise
from service.simulator.expectations import HTTP_OK, NotChecked, expect
from service.simulator.sign_in_steps import WANG, prepare, sign_in, start, try_wrong_code
from service.simulator.sign_ins import expect_refused, expect_signed_in, leads_the_same, looks_the_same

registry = Registry()


def _told(asked: Sequence[Asked]) -> str:
    found = [f"{item.path} for client {item.client_id or '(none)'}: HTTP {item.status}" for item in asked]
    return "; ".join(found) or "no request"


@registry.case(74, Level.DOCUMENTED, unseen="that the session is this member's")
async def credential_of_the_enterprise(context: Context) -> None:
    """The callback signs in with the credential of the enterprise it names."""
    sign_ins = context.sign_ins
    centre = sign_ins.centre
    _, enterprise = await prepare(context)
    # Another credential, and the newer one: none is everybody's.
    await context.with_app()
    before = centre.count
    async with sign_ins.browser() as browser:
        visit = await start(sign_ins, enterprise, browser)
    came = _told(centre.requests_since(before, TOKEN, USERINFO))
    for path, expected in (
        (TOKEN, "POST token with the code, and with client id and secret of the enterprise"),
        (USERINFO, "GET userinfo with the access token"),
    ):
        served = any(asked.status == HTTP_OK for asked in centre.requests_of(enterprise, path))
        expect(holds=served, expected=f"at the enterprise's domain: {expected}", came=came)
    expect_signed_in(visit, to="the callback")
    wrong = await try_wrong_code(sign_ins, enterprise)
    expect(
        holds=not looks_the_same(visit, wrong),
        expected="the callback: a session, so something else than for a wrong code",
        came=f"the callback: {visit.summary}",
    )


@registry.case(75, Level.RECOMMENDED, unseen="calls to others than the auth centre")
async def unknown_enterprise(context: Context) -> None:
    """A callback of an unknown enterprise calls nobody and shows an error."""
    sign_ins = context.sign_ins
    _, enterprise = await prepare(context)
    signed_in = await sign_in(sign_ins, enterprise)
    link = sign_ins.centre.login_link(enterprise, WANG.user_name)
    before = sign_ins.centre.count
    async with sign_ins.browser() as browser:
        visit = await browser.open(link.replace(enterprise.buyer.tenant_id, secrets.token_hex(16)))
    came = sign_ins.centre.requests_since(before, TOKEN, USERINFO)
    expect(holds=not came, expected="no request at the auth centre of another enterprise", came=_told(came))
    expect_refused(visit, signed_in, to="the callback of an unknown enterprise")


@registry.case(76, Level.DOCUMENTED)
async def wrong_code(context: Context) -> None:
    """A refused code opens no session."""
    sign_ins = context.sign_ins
    _, enterprise = await prepare(context)
    signed_in = await sign_in(sign_ins, enterprise)
    visit = await try_wrong_code(sign_ins, enterprise)
    expect_refused(visit, signed_in, to="the callback with a wrong code")


@registry.case(77, Level.RECOMMENDED)
async def user_of_another_enterprise(context: Context) -> None:
    """A user of another enterprise than the callback names is refused."""
    sign_ins = context.sign_ins
    _, enterprise = await prepare(context)
    signed_in = await sign_in(sign_ins, enterprise)
    elsewhere = msgspec.structs.replace(enterprise, told_tenant=secrets.token_hex(16))
    sign_ins.centre.admit(elsewhere)
    async with sign_ins.browser() as browser:
        visit = await start(sign_ins, enterprise, browser)
    expect_refused(visit, signed_in, to="the callback, with userinfo of another enterprise")


@registry.case(78, Level.RECOMMENDED)
async def cancelled_member(context: Context) -> None:
    """A member whose authorisation was cancelled is refused."""
    sign_ins = context.sign_ins
    frame, enterprise = await prepare(context)
    signed_in = await sign_in(sign_ins, enterprise)
    (cancelling,) = kit_calls.auth_syncs(frame, [WANG], flag=kit_calls.CANCEL)
    await context.call(cancelling, to="authSync flag 3 (to prepare)")
    async with sign_ins.browser() as browser:
        visit = await start(sign_ins, enterprise, browser)
    expect_refused(visit, signed_in, to="the callback of a cancelled member")


@registry.case(79, Level.DOCUMENTED)
async def renewal(context: Context) -> None:
    """An old access token is renewed with the refresh token."""
    sign_ins = context.sign_ins
    centre, before = sign_ins.centre, sign_ins.centre.count
    _, enterprise = await prepare(context, told_seconds=sign_ins.told_seconds)

    def renewals() -> list[Asked]:
        return [item for item in centre.requests_since(before, TOKEN) if _renews(centre, item, enterprise)]

    async with sign_ins.browser() as browser:
        signed_in = await start(sign_ins, enterprise, browser)
        expect_signed_in(signed_in, to="a member's sign-in (to prepare)")
        page = sign_ins.page_of(signed_in)
        if not page:
            raise NotChecked("the sign-in leads to no page of the vendor's own: give one with --page-url")
        await asyncio.sleep(sign_ins.told_seconds)
        centre.tickets.end_access(enterprise.buyer.client_id)
        visit = await browser.open(page)
        is_asked = await centre.wait_for(lambda: bool(renewals()), seconds=sign_ins.patience_seconds)
    if not is_asked:
        raise NotChecked(
            f"opening {page.partition('?')[0]} with a token that had expired led to no renewal within "
            f"{sign_ins.patience_seconds:g} s; where and when else the vendor renews cannot be seen from here"
        )
    expect(
        holds=any(item.status == HTTP_OK for item in renewals()),
        expected="POST token, grant_type refresh_token, the refresh token, the enterprise's credential",
        came=_told(renewals()),
    )
    expect_signed_in(visit, to="the page after the renewal")


def _renews(centre: AuthCentre, asked: Asked, enterprise: Enterprise) -> bool:
    """Whether a token request renews, with a token or at least in the name of this enterprise."""
    ticket = centre.tickets.find_refresh(asked.parameters.get("refresh_token", ""))
    clients = {asked.client_id, ticket.client_id if ticket else ""}
    return asked.parameters.get("grant_type") == "refresh_token" and enterprise.buyer.client_id in clients


@registry.case(80, Level.DOCUMENTED, unseen="the session's end, if the page looks the same without one")
async def logout(context: Context) -> None:
    """Signing out ends the session and leads to the enterprise's own logout."""
    sign_ins = context.sign_ins
    centre = sign_ins.centre
    if not sign_ins.logout_url:
        raise NotChecked("signing out is checked when --logout-url is given")
    _, enterprise = await prepare(context)
    async with sign_ins.browser() as browser, sign_ins.browser() as thief, sign_ins.browser() as stranger:
        signed_in = await start(sign_ins, enterprise, browser)
        expect_signed_in(signed_in, to="a member's sign-in (to prepare)")
        page = sign_ins.page_of(signed_in)
        inside, outside = (await browser.open(page), await stranger.open(page)) if page else (None, None)
        thief.take_cookies(browser)
        before = centre.count
        visit = await browser.open(sign_ins.logout_url)
        if not centre.requests_since(before, LOGOUT):
            # Some ask whether to sign out: the button is pressed.
            visit = await browser.submit(visit) or visit
        logouts = centre.requests_since(before, LOGOUT)
        expect(
            holds=any(item.parameters.get("redirect_url") for item in logouts),
            expected=f"the browser sent to {centre.url}{LOGOUT}?redirect_url=…",
            came=f"{LOGOUT} without redirect_url" if logouts else visit.summary,
        )
        if inside and outside and not leads_the_same(inside, outside):
            again = await thief.open(page)
            expect(
                holds=not leads_the_same(again, inside),
                expected="the old cookies open no session any more",
                came=f"with the old cookies: {again.summary}",
            )
