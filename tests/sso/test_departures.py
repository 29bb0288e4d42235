"""Whoever has lost an app is taken out of the sessions: once, in order, whatever happens meanwhile."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from sso.authorization import AuthorizationRequest
from sso.client_parts import drop_part
from sso.departures import follow_departures
from sso.errors import SessionsUnavailable
from sso.issuing import issue_code
from sso.logout_rows import claim_duties, failed, record_outcomes
from sso.sign_ins import end_session, start_session
from tenancy.apps import put_app
from tenancy.database import system_scope, tenant_scope
from tenancy.member_facts import MemberFacts
from tenancy.members import put_members
from tests.service.oauth2.relying import linked
from tests.service.telling import begin_following
from tests.sso.tenants import APP, an_act, found_tenant, said, tell_of

OTHER = "app-2"


class People:
    """An enterprise with sessions."""

    def __init__(self, enterprise, runtime):
        self.enterprise = enterprise
        self.tenant_id = enterprise.tenant_id
        self.runtime = runtime
        self.store = runtime.sessions

    async def member(self, name):
        async with tenant_scope(self.tenant_id) as db:
            return await db.fetchval(
                "SELECT id FROM member WHERE tenant_id = $1 AND user_name = $2", self.tenant_id, name
            )

    async def sign_in(self, name, *clients, app=APP):
        """A session with a part of each client."""
        session, _ = await start_session(
            self.store,
            self.tenant_id,
            await linked(self.tenant_id, name),
            connection="koogallery",
            upstream=None,
            act=an_act(),
        )
        for client_id in clients:
            await self.enter(session, client_id, app=app)
        return session

    async def enter(self, session, client_id, *, app=APP):
        request = AuthorizationRequest(
            client_id=client_id,
            redirect_uri="https://crm.example.com/callback",
            scopes=("openid",),
            challenge="c" * 43,
        )
        await issue_code(self.store, session, request, app_id=app, now=self.runtime.clock())

    async def follow(self):
        return await follow_departures(self.store, now=self.runtime.clock())

    async def is_there(self, session):
        return session.id in await self.store.read([session.id], now=self.runtime.clock())

    async def parts(self):
        """(client, app, reason) of all that have a part in a session, by client; no reason while it lasts."""
        async with tenant_scope(self.tenant_id) as db:
            rows = await db.fetch(
                "SELECT client_id, app_id, reason FROM client_session WHERE tenant_id = $1 ORDER BY 1",
                self.tenant_id,
            )
        return [tuple(row) for row in rows]

    async def ended(self):
        """The sessions whose end is told, and why."""
        return [
            (event["subject"], event["previous"]["reason"], event["cause"]["actor"])
            for event in await tell_of(self.tenant_id, "session.ended")
        ]

    async def authorise_other(self, *names):
        people = [MemberFacts(name, {}) for name in names]
        await put_members(self.enterprise.place, OTHER, people, grant=True, **said(self.enterprise.place))


@pytest.fixture
async def people(product, runtime):
    enterprise = await found_tenant(product, runtime)
    credentials = {"client_id": "client", "client_secret": "secret", "keyring": runtime.keyring}
    await put_app(enterprise.place, OTHER, **credentials, **said(enterprise.place))
    await enterprise.authorise("ann", "bob")
    await begin_following(runtime)
    return People(enterprise, runtime)


async def test_with_the_last_app_all_sessions_of_the_member_end(people):
    one, two = await people.sign_in("ann", "crm", "erp"), await people.sign_in("ann")
    other = await people.sign_in("bob", "shop")
    await people.enterprise.cancel("ann")
    assert await people.follow() is True
    assert [await people.is_there(session) for session in (one, two, other)] == [False, False, True]
    assert await people.parts() == [
        ("crm", APP, "access_ended"),
        ("erp", APP, "access_ended"),
        ("shop", APP, None),
    ]
    told = {(str(session.id), "access_ended", "system") for session in (one, two)}
    assert set(await people.ended()) == told


async def test_while_another_app_is_left_only_the_clients_of_the_lost_one_end(people):
    await people.authorise_other("ann")
    session = await people.sign_in("ann", "crm")
    await people.enter(session, "erp", app=OTHER)
    await people.enterprise.cancel("ann")
    assert await people.follow() is True
    assert await people.is_there(session)
    assert await people.parts() == [("crm", APP, "access_ended"), ("erp", OTHER, None)]
    assert await people.ended() == []
    assert await drop_part(people.store, session.id, "crm") == 0
    assert await drop_part(people.store, session.id, "erp") == 1


async def test_an_app_that_came_back_before_anybody_looked_was_lost_all_the_same(people):
    session = await people.sign_in("ann", "crm")
    await people.enterprise.cancel("ann")
    await people.enterprise.authorise("ann")
    assert await people.follow() is True
    assert not await people.is_there(session)
    assert await people.parts() == [("crm", APP, "access_ended")]


async def test_who_has_signed_in_again_stays_when_the_loss_has_been_followed(people):
    await people.sign_in("ann", "crm")
    await people.enterprise.cancel("ann")
    assert await people.follow() is True
    await people.enterprise.authorise("ann")
    session = await people.sign_in("ann", "erp")
    assert await people.follow() is False
    assert await people.is_there(session)
    assert await people.parts() == [("crm", APP, "access_ended"), ("erp", APP, None)]


async def test_a_removed_member_is_out_as_well(people):
    session = await people.sign_in("ann", "crm")
    await people.enterprise.remove("ann")
    assert await people.follow() is True
    assert not await people.is_there(session)
    assert await people.parts() == [("crm", APP, "access_ended")]


async def test_nothing_is_written_for_those_who_are_not_signed_in(people):
    await people.enterprise.cancel("ann", "bob")
    assert await people.follow() is False
    assert await people.ended() == []


async def test_workers_that_follow_at_once_tell_each_end_once(people):
    sessions = [await people.sign_in("ann", "crm") for _ in range(3)]
    await people.enterprise.cancel("ann")
    ended = await asyncio.gather(*(people.follow() for _ in range(4)))
    assert any(ended)
    assert sorted(await people.ended()) == sorted(
        (str(session.id), "access_ended", "system") for session in sessions
    )


async def test_a_worker_that_was_overtaken_ends_no_session_that_began_since(people, monkeypatch):
    await people.sign_in("ann", "crm")
    await people.enterprise.cancel("ann")
    read, may_go_on, is_there = people.store.read, asyncio.Event(), asyncio.Event()

    async def read_slowly(ids, *, now):
        held = await read(ids, now=now)
        is_there.set()
        await may_go_on.wait()
        return held

    monkeypatch.setattr(people.store, "read", read_slowly)
    slow = asyncio.create_task(people.follow())
    await is_there.wait()
    monkeypatch.setattr(people.store, "read", read)
    assert await people.follow() is True
    await people.enterprise.authorise("ann")
    again = await people.sign_in("ann", "erp")
    may_go_on.set()
    await slow
    assert await people.is_there(again)
    assert ("erp", APP, None) in await people.parts()
    assert len(await people.ended()) == 1


async def test_while_redis_is_away_nothing_is_forgotten(people, monkeypatch):
    session = await people.sign_in("ann", "crm")
    await people.enterprise.cancel("ann")

    async def be_away(tenant_id, members):
        raise SessionsUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(people.store, "list_of_members", be_away)
        with pytest.raises(SessionsUnavailable):
            await people.follow()
    assert await people.parts() == [("crm", APP, None)]
    assert await people.follow() is True
    assert not await people.is_there(session)


async def test_the_first_time_begins_with_what_is_committed_from_then_on(people):
    session = await people.sign_in("ann", "crm")
    await people.enterprise.cancel("ann")
    async with system_scope() as db:
        await db.execute("DELETE FROM follower")
    assert await people.follow() is False
    assert await people.is_there(session)


async def test_a_client_comes_back_into_a_session_only_where_the_session_goes_on(people):
    await people.authorise_other("ann")
    session = await people.sign_in("ann", "crm")
    await people.enterprise.cancel("ann")
    await people.follow()
    await people.enter(session, "crm", app=OTHER)
    assert await people.parts() == [("crm", OTHER, None)]
    await end_session(people.store, session, reason="signed_out", act=an_act())
    await people.store.start(session, None)
    await people.enter(session, "crm", app=OTHER)
    assert await people.parts() == [("crm", OTHER, "signed_out")]


async def test_only_the_families_of_the_client_are_dropped(people):
    session = await people.sign_in("ann", "crm", "crm", "crm2", "cr")
    assert await drop_part(people.store, session.id, "crm") == 2
    assert await drop_part(people.store, session.id, "crm2") == 1
    assert await drop_part(people.store, session.id, "cr") == 1
    assert await drop_part(people.store, uuid4(), "cr") == 0


async def claim(now):
    return await claim_duties(held={}, most=8, most_per_client=8, now=now, duration=timedelta(seconds=60))


async def test_a_part_that_began_anew_while_its_end_was_told_lasts(people):
    await people.authorise_other("ann")
    session = await people.sign_in("ann", "crm")
    await people.enterprise.cancel("ann")
    await people.follow()
    now = people.runtime.clock()
    [duty] = await claim(now)
    await people.enter(session, "crm", app=OTHER)
    await record_outcomes([failed(duty, "No answer.", now=now)])
    assert await people.parts() == [("crm", OTHER, None)]
    assert await claim(now) == []
