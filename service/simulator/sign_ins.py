"""What the conformance cases of signing in share: the vendor's addresses, its auth centre, and judgements."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import msgspec

from service.simulator.auth_centre import AuthCentre, Site, open_auth_centre
from service.simulator.browser import Browser, Visit, origin_of
from service.simulator.expectations import NotChecked, expect
from service.simulator.listening import CannotListen

WITHOUT_SIGN_INS = NotChecked("signing in is checked when --login-url is given")


class SignIns(msgspec.Struct, frozen=True, kw_only=True):
    """How to sign in at the vendor.

    `login_url` is the login address registered in the application's credential. `logout_url` signs a person
    out, and `page_url` is a page that needs the session; both may be empty. Tokens that are to be renewed are
    said to live `told_seconds`, and a renewal is awaited for `patience_seconds`. `transports` replace the
    network, by origin.
    """

    centre: AuthCentre
    login_url: str
    logout_url: str = ""
    page_url: str = ""
    told_seconds: int = 2
    patience_seconds: float = 3.0
    transports: Mapping[str, httpx2.AsyncBaseTransport] = {}

    def browser(self) -> Browser:
        """Make a new person's browser, which goes to the vendor and the auth centre and nowhere else."""
        addresses = (self.login_url, self.logout_url, self.page_url, self.centre.url)
        return Browser(*filter(None, addresses), transports=self.transports)

    def page_of(self, visit: Visit) -> str:
        """Return a page to come back to after a sign-in, empty when none is known.

        The callback is none: coming back to it would be another sign-in.
        """
        if self.page_url:
            return self.page_url
        is_callback = visit.place == self.login_url.partition("?")[0]
        is_own = not visit.left_to and origin_of(visit.url) == origin_of(self.login_url)
        return visit.url if is_own and not is_callback else ""


@asynccontextmanager
async def open_sign_ins(
    site: Site, *, login_url: str, logout_url: str = "", page_url: str = ""
) -> AsyncIterator[SignIns | NotChecked]:
    """Serve an auth centre for the vendor with this login address; or give the reason why there is none."""
    if not login_url:
        yield WITHOUT_SIGN_INS
        return
    async with AsyncExitStack() as stack:
        try:
            centre = await stack.enter_async_context(open_auth_centre(site))
        except CannotListen as error:
            yield NotChecked(f"the auth centre {error}; choose another --auth-centre-bind")
            return
        yield SignIns(centre=centre, login_url=login_url, logout_url=logout_url, page_url=page_url)


def leads_the_same(one: Visit, other: Visit) -> bool:
    """Whether two visits ended at the same place with the same status."""
    return (one.status, one.place) == (other.status, other.place)


def looks_the_same(one: Visit, other: Visit) -> bool:
    """Whether two visits ended alike for what a browser can tell: status, place, names of cookies."""
    return leads_the_same(one, other) and set(one.cookies) == set(other.cookies)


def expect_signed_in(visit: Visit, *, to: str) -> None:
    """Raise Unmet unless the vendor answered, and not with an error; `to` names the attempt."""
    expected = f"{to}: the vendor's page or a redirect, not an error"
    expect(holds=not visit.is_refused, expected=expected, came=f"{to}: {visit.summary}")


def expect_refused(visit: Visit, signed_in: Visit, *, to: str) -> None:
    """Raise Unmet when an attempt ended as one that succeeded did, or without any answer."""
    expect(
        holds=visit.status != 0 and not looks_the_same(visit, signed_in),
        expected=f"{to}: an error (HTTP 400 or more), or another page than after a sign-in",
        came=f"{to}: {visit.summary}",
    )
