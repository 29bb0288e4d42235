"""A vendor's application on openid-client, which others begin sign-ins for, and end them."""

import pytest

from tests.faults.processes import eventually

pytestmark = pytest.mark.xdist_group("relying")


@pytest.fixture
async def office(site):
    """Nobody is signed in here but by this test."""
    return await site.open_office()


@pytest.fixture
async def vendor(site, office, openid_client):
    """The application serves people, and is told of sign-ins and sign-outs that others begin."""
    party = await site.register(
        office,
        openid_client,
        algorithm="ES256",
        initiate_login_uri=f"{openid_client}/begin",
        backchannel_logout_uri=f"{openid_client}/back-channel-logout",
    )
    await party.do("serve")
    return party


async def heading(person, address):
    answer = await person.go(address)
    return answer.text.partition("<h1>")[2].partition("</h1>")[0]


async def test_whoever_starts_at_the_marketplace_lands_in_the_application_signed_in(
    site, office, vendor, ann
):
    start = site.auth_centre.workbench_link(office.centre.enterprise, "ann")
    assert await heading(ann, start) == "Welcome, Ann"
    assert [address for address in ann.visited if address.startswith(f"{vendor.url}/begin?iss=")]


async def test_a_login_begun_by_another_issuer_goes_nowhere(vendor, ann):
    assert await heading(ann, f"{vendor.url}/begin?iss=https://attacker.example") == "Wrong issuer"


async def test_whoever_is_signed_out_by_an_administrator_is_out_of_the_application_at_once(
    site, office, vendor, ann
):
    assert await heading(ann, f"{vendor.url}/login?tenant={office.tenant_id}") == "Welcome, Ann"
    [session] = await office.everything("/sessions")
    async with site.server.working():
        await office.delete(f"/sessions/{session['id']}")

        async def is_told():
            return await vendor.do("logouts")

        await eventually(is_told, "a back-channel logout")
        [logout] = await vendor.do("logouts")
        assert logout["header"]["typ"] == "logout+jwt"
        assert logout["claims"]["sid"] == session["id"]
        assert await heading(ann, vendor.url) == "You are not signed in"

        async def is_recorded():
            [receipt] = await office.everything("/logouts")
            return receipt["status"] == 200

        await eventually(is_recorded, "the receipt")
