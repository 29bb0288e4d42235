"""Connections to oidc-provider as an administrator sets them up, and people who sign in by them."""

from contextlib import asynccontextmanager

import pytest

from tests.peers import signing_key, upstream_provider
from tests.relying.sites import Stopped

pytestmark = pytest.mark.xdist_group("relying")

SECRET = "the-secret-of-tenon-at-the-provider"
PEOPLE = {"lin": {"preferred_username": "ann", "upn": "ben", "name": "Lin"}}


class Connection:
    """The connection `acme` of an office, and the provider that it is to."""

    def __init__(self, site, office, party, provider):
        self.site = site
        self.office = office
        self.party = party
        self.provider = provider

    async def put(self, **changes):
        settings = {
            "kind": "oidc",
            "title": "Acme account",
            "issuer": self.provider.issuer,
            "client_id": "tenon",
            "secret": SECRET,
            **changes,
        }
        written = await self.office.put("/connections/acme", settings)
        assert written["redirect_uri"] == self.site.oidc_callback(self.office, "acme")

    async def try_out(self):
        answer = await self.office.ask("POST", "/connections/acme/test")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        return told["ok"], {step["step"]: step["message"] for step in told["steps"] if step["ok"] is False}

    async def come(self, login="lin"):
        """The last page after the sign-in at the provider, or the claims when the client has got them."""
        parameters = {"tenant": self.office.tenant_id, "connection": "acme"}
        flow = await self.party.do("begin", parameters=parameters)
        async with self.site.person(self.office, login) as person:
            there = await person.go(flow["url"], until=self.provider.issuer)
            back = await self.provider.log_in(
                there, login, until=self.site.oidc_callback(self.office, "acme")
            )
            try:
                address = await person.go(back, until=self.party.client["redirect_uri"])
            except Stopped as stopped:
                return stopped.answer
        return (await self.party.do("finish", flow=flow, url=address))["claims"]


@asynccontextmanager
async def providing(site, office, people=None, **more):
    client = {
        "client_id": "tenon",
        "client_secret": SECRET,
        "redirect_uris": [site.oidc_callback(office, "acme")],
    }
    claims = {"profile": ["name", "preferred_username", "upn"]}
    async with upstream_provider(
        clients=[client], people=people or PEOPLE, claims=claims, **more
    ) as provider:
        yield provider


@pytest.fixture
async def acme(site, openid_client):
    office = await site.open_office()
    party = await site.register(office, openid_client)
    async with providing(site, office) as provider:
        connection = Connection(site, office, party, provider)
        await connection.put()
        yield connection


async def test_the_test_button_finds_nothing_wrong(acme):
    assert await acme.try_out() == (True, {})


@pytest.mark.parametrize(
    ("change", "step", "words"),
    [
        ({"secret": "wrong"}, "client", "Compare client id and secret"),
        ({"client_id": "somebody", "secret": SECRET}, "client", "Compare client id and secret"),
        ({"issuer": "{issuer}/"}, "issuer", "slash at the end"),
        ({"issuer": "{issuer}/realms/acme"}, "description", "Check the issuer"),
        ({"algorithms": ["ES384"]}, "algorithms", "announces none of them"),
        ({"auth_method": "none", "secret": None}, "client", "The provider does not accept the client"),
    ],
)
async def test_the_test_button_says_what_is_wrong(acme, change, step, words):
    filled = {
        name: value.format(issuer=acme.provider.issuer) if name == "issuer" else value
        for name, value in change.items()
    }
    await acme.put(**filled)
    ok, wrong = await acme.try_out()
    assert not ok
    assert wrong.keys() == {step}
    assert words in wrong[step]


async def test_the_claim_that_the_administrator_chose_says_which_member_it_is(acme):
    assert (await acme.come())["user_name"] == "ann"
    await acme.office.delete("/connections/acme/identities/lin")
    await acme.put(user_name_claim="upn")
    assert (await acme.come())["user_name"] == "ben"


async def test_an_account_stays_linked_to_its_member_although_its_claim_changes(acme):
    before = await acme.come()
    await acme.put(user_name_claim="upn")
    after = await acme.come()
    assert after["sub"] == before["sub"]
    [linked] = await acme.office.everything("/connections/acme/identities")
    assert (linked["subject"], linked["user_name"]) == ("lin", "ann")


async def test_somebody_unknown_becomes_a_member_only_where_the_administrator_wants_it(acme):
    await acme.put(user_name_claim="name")
    assert (await acme.come()).status_code == 403
    await acme.office.grant("everyone")
    await acme.put(user_name_claim="name", creates_members=True)
    assert (await acme.come())["user_name"] == "Lin"
    assert (await acme.office.get("/members/Lin"))["name"] == "Lin"


async def test_the_provider_may_change_its_key(site, openid_client):
    office = await site.open_office()
    party = await site.register(office, openid_client)
    async with providing(site, office) as provider:
        acme = Connection(site, office, party, provider)
        await acme.put()
        assert (await acme.come())["user_name"] == "ann"
    async with providing(site, office, port=provider.port, keys=[signing_key(1)]):
        # Keys are asked for again at most every half minute; the test button makes it at once.
        assert await acme.try_out() == (True, {})
        assert (await acme.come())["user_name"] == "ann"


async def test_without_the_provider_the_page_says_that_it_does_not_answer(site, openid_client):
    office = await site.open_office()
    party = await site.register(office, openid_client)
    async with providing(site, office) as provider:
        acme = Connection(site, office, party, provider)
        await acme.put()
    flow = await party.do("begin", parameters={"tenant": office.tenant_id, "connection": "acme"})
    async with site.person(office, "lin") as person:
        refused = await person.go(flow["url"])
    assert refused.status_code == 503
    assert "does not answer" in refused.text
