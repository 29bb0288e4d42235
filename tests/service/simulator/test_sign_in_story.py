from collections.abc import AsyncIterator

import httpx2
import msgspec
import pytest

from service.simulator.auth_centre import AuthCentre, open_auth_centre
from service.simulator.buyers import make_buyer
from service.simulator.enterprises import Enterprise, enterprise_of
from service.simulator.organisations import make_organisation
from service.simulator.scenarios import Scene
from service.simulator.sign_in_story import SignInFailed, sign_in_story
from service.simulator.stories import Scenario, Story, tell

from .conftest import marketplace_of
from .sign_in_vendors import LOGIN_URL, VENDOR, BelievesTheCallback, Credential, SignInVendor

ORGANISATION = make_organisation(departments=10, members=5, seed=7, language="zh")
MEMBER = ORGANISATION.members[0]
WRONG = Credential(client_id="wrong", client_secret="wrong")


@pytest.fixture
async def centre() -> AsyncIterator[AuthCentre]:
    async with open_auth_centre() as opened:
        yield opened


async def bound(vendor: SignInVendor, centre: AuthCentre, public_key_line: str) -> Enterprise:
    """The organisation, bound to the vendor with this auth centre, and its members authorised."""
    buyer = make_buyer("7", name=ORGANISATION.name, short_name=ORGANISATION.short_name)
    buyer = msgspec.structs.replace(buyer, domain_name=centre.url)
    story = Story(organisation=ORGANISATION, seed=7, changes=0)
    async with marketplace_of(vendor, public_key_line=public_key_line) as marketplace:
        scene = await tell(Scenario.AUTH_CENTRE, Scene(marketplace=marketplace, buyer=buyer), story)
    return centre.admit(enterprise_of(ORGANISATION, scene.buyer, login_url=LOGIN_URL))


async def test_a_member_signs_in_and_a_sentence_tells_it(centre, private_key, public_key_line):
    vendor = SignInVendor(private_key=private_key)
    enterprise = await bound(vendor, centre, public_key_line)
    transports = {VENDOR: httpx2.ASGITransport(vendor)}
    sentence = await sign_in_story(centre, enterprise, MEMBER.user_name, transports=transports)
    assert sentence.startswith(f"{MEMBER.name} ({MEMBER.user_name}) has signed in")
    assert sentence.endswith(f"HTTP 200, at {VENDOR}/home, cookies: sid")
    (session,) = vendor.sessions.values()
    assert (session.tenant, session.user_name) == (enterprise.buyer.tenant_id, MEMBER.user_name)


@pytest.mark.parametrize("kind", [SignInVendor, BelievesTheCallback])
async def test_a_member_who_does_not_come_in_is_told_as_a_failure(centre, private_key, public_key_line, kind):
    vendor = kind(private_key=private_key)
    enterprise = await bound(vendor, centre, public_key_line)
    vendor.credentials.clear()
    vendor.credentials[enterprise.buyer.tenant_id] = WRONG
    transports = {VENDOR: httpx2.ASGITransport(vendor)}
    with pytest.raises(SignInFailed, match=r"asked for /api/v1/oauth2/token \(HTTP 401\)\.$"):
        await sign_in_story(centre, enterprise, MEMBER.user_name, transports=transports)
