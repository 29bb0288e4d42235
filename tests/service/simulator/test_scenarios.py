import msgspec
import pytest

from service.simulator import scenarios
from service.simulator.buyers import make_buyer
from service.simulator.calls import Edition
from service.simulator.chaos import Mode
from service.simulator.marketplace import Marketplace
from service.simulator.organisations import make_organisation
from service.simulator.reorganisation import reorganise
from service.simulator.scenarios import NoInstance, Scene
from service.simulator.stories import STEPS, Scenario, Story, tell

from .vendors import CarefulVendor

ORGANISATION = make_organisation(departments=40, members=600, seed=7, language="zh")
V1_SCENARIOS = [name for name in Scenario if name is not Scenario.CHANGE_CHECK]
STORY = Story(organisation=ORGANISATION, seed=7, changes=20)


def scene_of(marketplace: Marketplace, **kwargs) -> Scene:
    buyer = make_buyer("7", name=ORGANISATION.name, short_name=ORGANISATION.short_name)
    return Scene(marketplace=marketplace, buyer=buyer, **kwargs)


@pytest.mark.parametrize(
    ("scenario", "edition"),
    [*((name, Edition.V2) for name in Scenario), *((name, Edition.V1) for name in V1_SCENARIOS)],
)
async def test_a_correct_vendor_answers_every_scenario_as_expected(
    scenario, edition, marketplace: Marketplace
):
    heard = []
    quiet = scene_of(marketplace, edition=edition)
    known = await tell(Scenario.BIND, quiet, STORY)
    scene = msgspec.structs.replace(known, listen=heard.append)
    await tell(scenario, scene, STORY)
    assert [answer.summary for answer in heard if not answer.as_expected] == []
    assert bool(heard) == bool(STEPS[scenario])


async def test_a_purchase_binding_and_authorisation_makes_the_calls_in_their_order(
    marketplace: Marketplace, careful: CarefulVendor
):
    scene, bought = await scenarios.purchase(scene_of(marketplace))
    answers = [
        *await scenarios.bind(scene, ORGANISATION),
        *await scenarios.authorise(scene, ORGANISATION.members),
    ]
    assert [answer.call.name for answer in (*bought, *answers)] == [
        "newInstance",
        "tenantSync",
        "applicationSync",
        "allOrgSync",
        "authSync",
        "authSync",
    ]
    assert scene.buyer.instance_id in careful.instances.values()
    assert all(answer.seconds > 0 for answer in answers)


async def test_the_same_seed_finds_its_instance_again(marketplace: Marketplace):
    first, _ = await scenarios.purchase(scene_of(marketplace))
    second, _ = await scenarios.purchase(scene_of(marketplace))
    assert first.buyer == second.buyer


async def test_a_vendor_that_gives_no_instance_stops_the_story(believing: Marketplace):
    with pytest.raises(NoInstance, match="newInstance gave no instanceId"):
        await scenarios.purchase(scene_of(believing))


async def test_a_reorganisation_is_told_change_by_change(marketplace: Marketplace):
    scene = await tell(Scenario.BIND, scene_of(marketplace), STORY)
    await scenarios.authorise(scene, ORGANISATION.members[:1])
    changed = reorganise(ORGANISATION, seed=7, changes=20)
    answers = await scenarios.reorganise(scene, changed)
    names = [answer.call.name for answer in answers]
    assert names.count("singleOrgSync") == 20
    assert names[0] == "authSync"
    assert all(answer.as_expected for answer in answers)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("modes", [frozenset(Mode), frozenset({Mode.SHUFFLE}), frozenset({Mode.DELAY})])
async def test_a_correct_vendor_answers_as_expected_through_chaos(modes, seed, marketplace: Marketplace):
    heard = []
    scene = scene_of(marketplace, chaos=modes, seed=seed, listen=heard.append)
    await tell(Scenario.JOURNEY, scene, STORY)
    assert [(answer.call.note, answer.summary) for answer in heard if not answer.as_expected] == []


async def test_what_a_shuffle_brought_too_early_is_repeated(marketplace: Marketplace, careful: CarefulVendor):
    bought, _ = await scenarios.purchase(scene_of(marketplace))
    repeated = []
    for seed in range(6):
        careful.tenants.clear()
        careful.apps.clear()
        scene = msgspec.structs.replace(bought, chaos=frozenset({Mode.SHUFFLE}), seed=seed)
        answers = await scenarios.bind(scene, ORGANISATION)
        repeated += [answer for answer in answers if answer.call.note == "again"]
        assert careful.tenants
        assert careful.apps
    assert repeated
    assert all(answer.result_code == "000000" for answer in repeated)


async def test_forged_and_broken_calls_have_no_effect_on_a_correct_vendor(
    marketplace: Marketplace, careful: CarefulVendor
):
    modes = frozenset({Mode.WRONG_KEY, Mode.CLOCK_SKEW, Mode.BROKEN_JSON})
    heard = []
    scene = scene_of(marketplace, chaos=modes, seed=3, listen=heard.append)
    await tell(Scenario.JOURNEY, scene, STORY)
    refused = [answer for answer in heard if answer.result_code != "000000"]
    assert refused
    effective = [
        answer for answer in heard if answer.call.name in {"allOrgSync", "authSync", "singleOrgSync"}
    ]
    applied = [
        entry for entry in careful.applied if entry.split()[0] in {"allOrgSync", "authSync", "singleOrgSync"}
    ]
    assert len(applied) == sum(answer.result_code == "000000" for answer in effective)


async def test_debug_calls_leave_nothing_behind(marketplace: Marketplace, careful: CarefulVendor):
    scene = scene_of(marketplace, is_debug=True)
    await tell(Scenario.JOURNEY, scene, STORY)
    assert not careful.instances
    assert not careful.tenants
