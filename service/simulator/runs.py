"""What the commands run: a scenario once, an auth centre until it is interrupted, a score card."""

import asyncio
from collections.abc import Callable, Collection

import msgspec

from service.simulator.auth_centre import AuthCentre, Site, open_auth_centre
from service.simulator.auth_centre_requests import WORKBENCH
from service.simulator.base_calls import new_instance
from service.simulator.calls import printable
from service.simulator.cases import Result
from service.simulator.context import Context
from service.simulator.enterprises import Enterprise, enterprise_of
from service.simulator.marketplace import Marketplace
from service.simulator.scenarios import Scene
from service.simulator.scorecard import run_scorecard
from service.simulator.sign_ins import open_sign_ins
from service.simulator.stories import Scenario, Story, tell

_SHOWN_MEMBERS = 3


class Unreachable(Exception):
    """Nothing answers at the production address; the message says what was tried."""


async def tell_once(name: Scenario, scene: Scene, story: Story) -> Scene:
    """Play a scenario and hang up."""
    async with scene.marketplace:
        return await tell(name, scene, story)


async def keep_auth_centre(
    scene: Scene, story: Story, *, login_url: str, site: Site, told: Callable[[Scene, str], None]
) -> None:
    """Bind an enterprise whose domain name is a simulated auth centre, and serve that for ever.

    `told` gets the scene and the links to open, when all is ready. Raises CannotListen, and what telling the
    scenario raises.
    """
    async with open_auth_centre(site) as centre:
        buyer = msgspec.structs.replace(scene.buyer, domain_name=centre.url)
        scene = await tell_once(Scenario.AUTH_CENTRE, msgspec.structs.replace(scene, buyer=buyer), story)
        enterprise = enterprise_of(story.organisation, scene.buyer, login_url=login_url)
        told(scene, _links(centre, centre.admit(enterprise)))
        await asyncio.Event().wait()


def _links(centre: AuthCentre, enterprise: Enterprise) -> str:
    able = [member for member in enterprise.members.values() if member.enabled]
    lines = [
        f"The auth centre of {enterprise.buyer.name} serves at {centre.url}; it asks for no password.",
        f"  as from the vendor's login button:  {centre.portal_link(enterprise)}",
        f"  as from the workbench:              {centre.url}{WORKBENCH}",
        *(
            f"  {member.user_name}: {centre.workbench_link(enterprise, member.user_name)}"
            for member in able[:_SHOWN_MEMBERS]
        ),
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


async def score(
    marketplace: Marketplace,
    *,
    only: Collection[int],
    site: Site,
    login_url: str,
    logout_url: str,
    page_url: str,
    listen: Callable[[Result], None],
) -> list[Result]:
    """Run the cases, with an auth centre for those that sign in; raises Unreachable."""
    async with (
        marketplace,
        open_sign_ins(site, login_url=login_url, logout_url=logout_url, page_url=page_url) as sign_ins,
    ):
        probe = new_instance(Context(marketplace).frame(is_debug=True))
        answer = await marketplace.call(probe)
        if answer.status == 0:
            raise Unreachable(f"{marketplace.address} cannot be reached: {printable(answer.result_msg)}")
        return await run_scorecard(marketplace, only=only, listen=listen, sign_ins=sign_ins)
