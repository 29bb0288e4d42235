"""The scenarios by name, as the command line offers them: which steps each takes with whom."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec

from service.simulator import scenarios
from service.simulator.calls import Answer
from service.simulator.organisations import Member, Organisation
from service.simulator.reorganisation import reorganise
from service.simulator.scenarios import Scene


class Scenario(StrEnum):
    """What may be simulated."""

    JOURNEY = "journey"
    AUTH_CENTRE = "auth-centre"
    PURCHASE = "purchase"
    BIND = "bind"
    SYNC = "sync"
    AUTHORISE = "authorise"
    REORGANISE = "reorganise"
    GRANT = "grant"
    REVOKE = "revoke"
    RENEW = "renew"
    UPGRADE = "upgrade"
    CHANGE_CHECK = "change-check"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    QUERY = "query"
    UNBIND = "unbind"
    UNSUBSCRIBE = "unsubscribe"
    RELEASE = "release"


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario's actors and sizes; `users` are user names to grant or revoke, empty for the first ten."""

    organisation: Organisation
    seed: int
    changes: int
    users: tuple[str, ...] = ()

    def chosen(self) -> list[Member]:
        """Return the members to grant or revoke."""
        members = self.organisation.members
        return (
            [member for member in members if member.user_name in self.users]
            if self.users
            else list(members[:10])
        )


Step = Callable[[Scene, Story], Awaitable[list[Answer]]]


async def _bind(scene: Scene, story: Story) -> list[Answer]:
    return await scenarios.bind(scene, story.organisation)


async def _sync(scene: Scene, story: Story) -> list[Answer]:
    return await scenarios.sync_departments(scene, story.organisation)


async def _authorise(scene: Scene, story: Story) -> list[Answer]:
    return await scenarios.authorise(scene, story.organisation.members)


async def _reorganise(scene: Scene, story: Story) -> list[Answer]:
    changed = reorganise(story.organisation, seed=story.seed, changes=story.changes)
    return await scenarios.reorganise(scene, changed)


async def _grant(scene: Scene, story: Story) -> list[Answer]:
    return await scenarios.authorise(scene, story.chosen())


async def _revoke(scene: Scene, story: Story) -> list[Answer]:
    return await scenarios.revoke(scene, story.chosen())


def _alone(step: Callable[[Scene], Awaitable[list[Answer]]]) -> Step:
    async def play(scene: Scene, _: Story) -> list[Answer]:
        return await step(scene)

    return play


STEPS: dict[Scenario, tuple[Step, ...]] = {
    Scenario.AUTH_CENTRE: (_bind, _authorise),
    Scenario.PURCHASE: (),
    Scenario.BIND: (_bind,),
    Scenario.SYNC: (_sync,),
    Scenario.AUTHORISE: (_authorise,),
    Scenario.REORGANISE: (_reorganise,),
    Scenario.GRANT: (_grant,),
    Scenario.REVOKE: (_revoke,),
    Scenario.RENEW: (_alone(scenarios.renew),),
    Scenario.UPGRADE: (_alone(scenarios.upgrade),),
    Scenario.CHANGE_CHECK: (_alone(scenarios.check_change),),
    Scenario.FREEZE: (_alone(scenarios.freeze),),
    Scenario.UNFREEZE: (_alone(scenarios.unfreeze),),
    Scenario.QUERY: (_alone(scenarios.query),),
    Scenario.UNBIND: (_alone(scenarios.unbind),),
    Scenario.UNSUBSCRIBE: (_alone(scenarios.unsubscribe),),
    Scenario.RELEASE: (_alone(scenarios.release),),
    Scenario.JOURNEY: (
        _bind,
        _authorise,
        _reorganise,
        _revoke,
        _grant,
        _alone(scenarios.renew),
        _alone(scenarios.freeze),
        _alone(scenarios.unfreeze),
        _alone(scenarios.query),
    ),
}


async def tell(scenario: Scenario, scene: Scene, story: Story) -> Scene:
    """Play a scenario and return the scene with the instance it is about.

    A scene without an instance id starts with the purchase: for an order that exists already, the vendor
    gives the same instance again. Raises NoInstance when it gives none, KeyRefused for an unusable key.
    """
    if not scene.buyer.instance_id:
        scene, _ = await scenarios.purchase(scene)
    for step in STEPS[scenario]:
        await step(scene, story)
    return scene


def needs_public_key(scenario: Scenario) -> bool:
    """Whether the scenario sends a client secret, which is encrypted for the vendor."""
    return _bind in STEPS[scenario]
