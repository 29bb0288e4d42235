"""Identities: which member an account is, at its first sign-in and ever after."""

import asyncio

import pytest

from sso.connection_rows import KOOGALLERY
from sso.connections import put_connection, remove_connection
from sso.identities import find_or_link, list_identities, unlink
from sso.oidc_settings import OidcSettings
from tenancy.access import check_access
from tenancy.database import tenant_scope
from tenancy.errors import DomainError
from tenancy.grants import grant_access
from tenancy.member_pages import list_members, read_member
from tenancy.subjects import Subject
from tests.followers import Follower, follow_directly, take_snapshot
from tests.sso.tenants import APP, an_act, found_tenant, tell_of
from tests.tenancy.locks import held

ACME = OidcSettings(issuer="https://login.acme.example", client_id="tenon", title="Acme", auth_method="none")
EVERYONE = Subject(type="everyone", id="*")


@pytest.fixture
async def enterprise(product, runtime):
    enterprise = await found_tenant(product, runtime)
    await put_connection(enterprise.tenant_id, "acme", ACME, keyring=runtime.keyring, act=an_act())
    return enterprise


@pytest.fixture
def tenant(enterprise):
    return enterprise.tenant_id


@pytest.fixture
def arrive(tenant):
    """Somebody signs in with an account that calls itself `user_name`."""

    async def sign_in(subject, user_name, *, name=None, creates=False, connection="acme"):
        account = {"subject": subject, "user_name": user_name, "name": name}
        return await find_or_link(tenant, connection, **account, creates_members=creates, act=an_act())

    return sign_in


async def refused(code, attempt):
    with pytest.raises(DomainError) as caught:
        await attempt
    assert caught.value.code == code


async def identities(tenant, connection="acme"):
    page = await list_identities(tenant, connection, cursor=None, limit=100)
    return [(identity.subject, identity.user_name) for identity in page.items]


async def people(tenant):
    page = await list_members(tenant, department=None, recursive=False, query=None, cursor=None, limit=100)
    return [member.user_name for member in page.items]


async def is_told_exactly(tenant):
    follower = Follower()
    await follow_directly(follower, tenant)
    return follower.differs_from(await take_snapshot(tenant)) == []


async def test_the_first_sign_in_links_the_account_to_the_member_of_its_user_name(enterprise, tenant, arrive):
    await enterprise.authorise("ann", "bob")
    first = await arrive("sub-1", "ann")
    assert (first.user_name, first.is_linked_now, first.is_created_now) == ("ann", True, False)
    assert first.member_id == (await read_member(tenant, "ann")).id
    again = await arrive("sub-1", "ann")
    assert (again.member_id, again.is_linked_now) == (first.member_id, False)
    assert await identities(tenant) == [("sub-1", "ann")]
    [linked] = await tell_of(tenant, "identity.")
    assert (linked["type"], linked["subject"]) == ("identity.linked", "ann")
    assert linked["data"] == {"connection": "acme", "user_name": "ann"}
    assert "sub-1" not in str(await tell_of(tenant))


async def test_an_account_stays_the_same_member_whatever_it_calls_itself_later(enterprise, arrive):
    await enterprise.authorise("ann", "bob")
    first = await arrive("sub-1", "ann")
    for claimed in ("bob", "nobody", "ann@acme.example", ""):
        assert (await arrive("sub-1", claimed, creates=True)).member_id == first.member_id


async def test_an_account_that_was_given_away_does_not_take_over_the_member(enterprise, tenant, arrive):
    await enterprise.authorise("ann")
    await arrive("sub-1", "ann")
    for creates in (False, True):
        await refused("identity_taken", arrive("sub-2", "ann", creates=creates))
    assert await identities(tenant) == [("sub-1", "ann")]
    await unlink(tenant, "acme", "sub-1", act=an_act())
    assert (await arrive("sub-2", "ann")).is_linked_now
    told = [event["type"] for event in await tell_of(tenant, "identity.")]
    assert told == ["identity.linked", "identity.unlinked", "identity.linked"]


async def test_a_member_may_have_an_account_at_each_connection(enterprise, tenant, arrive):
    await enterprise.authorise("ann")
    one = await arrive("same", "ann")
    other = await arrive("same", "ann", connection=KOOGALLERY)
    assert (one.member_id, other.is_linked_now) == (other.member_id, True)
    assert await identities(tenant) == await identities(tenant, KOOGALLERY) == [("same", "ann")]


async def test_nobody_is_found_by_an_email_address_or_another_spelling(enterprise, tenant, arrive):
    await enterprise.authorise("ann", email="ann@one.example", employee_code="7")
    for claimed in ("ann@one.example", "Ann", "ANN", " ann", "ann ", "7", "%", "a_n", "ａnn"):
        await refused("member_not_known", arrive(f"sub {claimed}", claimed))
    assert await identities(tenant) == []


async def test_whom_nobody_has_described_is_created_only_where_the_policy_says_so(tenant, arrive):
    await refused("member_not_known", arrive("sub-1", "cho"))
    assert await people(tenant) == []
    created = await arrive("sub-1", "cho", name="Cho", creates=True)
    assert (created.is_linked_now, created.is_created_now) == (True, True)
    member = await read_member(tenant, "cho")
    assert (member.id, member.name, member.role) == (created.member_id, "Cho", "user")
    assert (member.enabled, member.department_codes, member.email) == (True, [], None)
    told = [event["type"] for event in await tell_of(tenant)][-2:]
    assert told == ["member.added", "identity.linked"]
    assert await is_told_exactly(tenant)


async def test_a_grant_to_everyone_reaches_the_newcomer_at_once(tenant, arrive, clock):
    await grant_access(tenant, APP, EVERYONE, act=an_act())
    await arrive("sub-1", "cho", creates=True)
    assert await check_access(tenant, APP, "cho", now=clock())
    assert [event["subject"] for event in await tell_of(tenant, "access.gained")] == ["cho"]
    assert await is_told_exactly(tenant)


@pytest.mark.parametrize("user_name", ["", " cho", "cho ", "c\nho", "c\u202eho", "x" * 256])
async def test_a_user_name_that_cannot_be_shown_creates_nobody(tenant, arrive, user_name):
    await refused("name_invalid", arrive("sub-1", user_name, creates=True))
    assert await people(tenant) == await identities(tenant) == []


@pytest.mark.parametrize("name", [None, "", "\u202eoho", "x" * 256])
async def test_a_name_that_cannot_be_shown_is_left_out(tenant, arrive, name):
    await arrive("sub-1", "cho", name=name, creates=True)
    assert (await read_member(tenant, "cho")).name == ""


async def test_what_the_marketplace_says_later_wins_over_what_a_sign_in_said(enterprise, tenant, arrive):
    created = await arrive("sub-1", "cho", name="Signed in", creates=True)
    await enterprise.authorise("cho", name="Cho", role="admin", department_code="D1")
    member = await read_member(tenant, "cho")
    assert (member.id, member.name, member.role) == (created.member_id, "Cho", "admin")
    assert member.department_codes == ["D1"]
    assert (await arrive("sub-1", "cho", name="Signed in")).member_id == created.member_id
    assert (await read_member(tenant, "cho")).name == "Cho"
    assert await is_told_exactly(tenant)


async def test_a_removed_member_is_not_brought_back_by_signing_in(enterprise, tenant, arrive):
    await enterprise.authorise("ann", "bob")
    known = await arrive("sub-1", "ann")
    await enterprise.remove("ann", "bob")
    before = await tell_of(tenant)
    for subject, user_name in (("sub-1", "ann"), ("sub-2", "ann"), ("sub-3", "bob")):
        for creates in (False, True):
            await refused("member_removed", arrive(subject, user_name, creates=creates))
    assert await people(tenant) == []
    assert await tell_of(tenant) == before
    await enterprise.authorise("ann")
    assert (await arrive("sub-1", "ann")).member_id == known.member_id


async def test_whose_removal_came_before_any_description_is_not_created(enterprise, tenant, arrive):
    await enterprise.remove("dan")
    await refused("member_removed", arrive("sub-1", "dan", creates=True))
    await refused("member_not_known", arrive("sub-1", "dan"))
    assert await people(tenant) == []


async def test_whose_cancellation_came_before_any_description_is_created_and_stays_out(
    enterprise, tenant, arrive, clock
):
    await grant_access(tenant, APP, EVERYONE, act=an_act())
    await enterprise.cancel("dan")
    await arrive("sub-1", "dan", creates=True)
    assert await people(tenant) == ["dan"]
    assert not await check_access(tenant, APP, "dan", now=clock())
    assert await is_told_exactly(tenant)


async def test_a_disabled_member_is_found_so_that_its_standing_can_refuse_it(enterprise, arrive):
    await enterprise.authorise("ann", enabled=False)
    assert (await arrive("sub-1", "ann")).user_name == "ann"


async def test_the_same_first_sign_in_many_times_at_once_creates_one_member_and_one_link(tenant, arrive):
    async with held(tenant):
        racing = [asyncio.create_task(arrive("sub-1", "cho", creates=True)) for _ in range(4)]
        # All have looked in vain before the first of them may write.
        await waiting_for_the_lock(4)
    arrivals = await asyncio.gather(*racing)
    assert len({arrival.member_id for arrival in arrivals}) == 1
    assert sorted(arrival.is_created_now for arrival in arrivals) == [False] * 3 + [True]
    assert await people(tenant) == ["cho"]
    assert await identities(tenant) == [("sub-1", "cho")]
    assert [event["type"] for event in await tell_of(tenant)][-2:] == ["member.added", "identity.linked"]


async def test_of_two_accounts_that_claim_one_member_at_once_one_gets_it(enterprise, tenant, arrive):
    await enterprise.authorise("ann")
    async with held(tenant):
        racing = [asyncio.create_task(arrive(f"sub-{number}", "ann")) for number in range(3)]
        await waiting_for_the_lock(3)
    outcomes = await asyncio.gather(*racing, return_exceptions=True)
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, Exception)]
    assert codes == ["identity_taken"] * 2
    assert len(await identities(tenant)) == 1


async def waiting_for_the_lock(count):
    """Return when so many transactions wait for an advisory lock."""
    async with tenant_scope(an_act().id) as db:
        for _ in range(2000):
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            if await db.fetchval(waiting) >= count:
                return
            await asyncio.sleep(0.005)
    pytest.fail("they do not wait for the tenant's lock")


async def test_a_known_account_is_found_while_the_tenant_is_being_changed(enterprise, tenant, arrive):
    await enterprise.authorise("ann")
    first = await arrive("sub-1", "ann")
    before = await tell_of(tenant)
    async with held(tenant), asyncio.timeout(5):
        assert (await arrive("sub-1", "ann")).member_id == first.member_id
    assert await tell_of(tenant) == before


async def test_a_sign_in_that_ends_after_its_connection_was_removed_links_nothing(enterprise, tenant, arrive):
    await enterprise.authorise("ann")
    await remove_connection(tenant, "acme", act=an_act())
    await refused("connection_unknown", arrive("sub-1", "ann"))
    async with tenant_scope(tenant) as db:
        assert await db.fetch("SELECT * FROM identity") == []


async def test_an_account_of_another_tenant_is_nobody_here(enterprise, tenant, arrive, product, runtime):
    await enterprise.authorise("ann")
    await arrive("sub-1", "ann", connection=KOOGALLERY)
    other = (await found_tenant(product, runtime)).tenant_id
    account = {"subject": "sub-1", "user_name": "ann", "name": None, "creates_members": False}
    await refused("member_not_known", find_or_link(other, KOOGALLERY, **account, act=an_act()))
    await refused("identity_unknown", unlink(other, KOOGALLERY, "sub-1", act=an_act()))
    assert await identities(tenant, KOOGALLERY) == [("sub-1", "ann")]


async def test_identities_are_listed_in_pages_and_found_by_user_name(enterprise, tenant, arrive):
    names = [f"person-{number}" for number in range(5)]
    await enterprise.authorise(*names)
    for name in reversed(names):
        await arrive(f"sub of {name}", name)
    listed, cursor = [], None
    while True:
        page = await list_identities(tenant, "acme", cursor=cursor, limit=2)
        listed += [identity.user_name for identity in page.items]
        if (cursor := page.next) is None:
            break
    assert listed == names
    [found] = (await list_identities(tenant, "acme", user_name=names[3], cursor=None, limit=2)).items
    assert (found.subject, found.user_name) == (f"sub of {names[3]}", names[3])
    await refused("connection_unknown", list_identities(tenant, "none", cursor=None, limit=2))
    await refused("identity_unknown", unlink(tenant, "acme", "none", act=an_act()))
    await refused("connection_unknown", unlink(tenant, "none", "none", act=an_act()))
