"""One person's sign-in from end to end, told in a sentence."""

from collections.abc import Mapping

import httpx2

from service.simulator.auth_centre import AuthCentre
from service.simulator.auth_centre_requests import TOKEN, USERINFO
from service.simulator.browser import Browser
from service.simulator.enterprises import Enterprise
from service.simulator.expectations import HTTP_OK


class SignInFailed(Exception):
    """A member did not come in; the message says what the vendor answered and what it had asked."""


async def sign_in_story(
    centre: AuthCentre,
    enterprise: Enterprise,
    user_name: str,
    *,
    transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
) -> str:
    """Sign a member in at the auth centre and at the vendor, and tell what happened.

    Raises SignInFailed when the vendor refused, or opened a session without asking the auth centre.
    """
    before = centre.count
    async with Browser(enterprise.login_url, centre.url, transports=transports) as browser:
        visit = await browser.open(centre.workbench_link(enterprise, user_name))
    asked = centre.requests_since(before, TOKEN, USERINFO)
    served = {item.path for item in asked if item.status == HTTP_OK}
    if visit.is_refused or served != {TOKEN, USERINFO}:
        paths = ", ".join(f"{item.path} (HTTP {item.status})" for item in asked) or "nothing"
        raise SignInFailed(
            f"{user_name} did not come in: {visit.summary}; the auth centre was asked for {paths}."
        )
    name = enterprise.members[user_name].name
    return (
        f"{name} ({user_name}) has signed in at the auth centre of {enterprise.buyer.name}; the vendor"
        f" exchanged the code, asked who it is, and answered: {visit.summary}"
    )
