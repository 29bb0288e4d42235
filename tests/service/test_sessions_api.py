"""Who is signed in, and ending that, over our API; receipts are read there too."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from service.redis_clients import make_redis
from sso.sessions import SessionStore
from tests.receivers import answer, open_receiver
from tests.service.oauth2.relying import Relying, sign_in
from tests.service.offices import Office
from tests.service.telling import begin_following, everything_told, telling


@pytest.fixture
async def staffed(office, runtime):
    """ann and bob may use the app; nobody has signed in."""
    await office.authorise("ann", "bob")
    await begin_following(runtime)
    return office


async def sessions_of(office, **params):
    return [one["id"] for one in await office.everything("/sessions", **params)]


async def code_of(office, method, path, **params):
    answered = await office.ask(method, path, params=params)
    return answered.status_code, answered.json()["code"]


async def test_a_session_is_shown_with_its_person_its_times_and_its_clients(
    app, api, http, product, staffed, clock
):
    clock.freeze(clock().replace(microsecond=0))
    browser = await sign_in(app, staffed, "ann")
    started = clock()
    clients = [await Relying.register(api, http, product) for _ in range(2)]
    clock.freeze(started + timedelta(minutes=1))
    for relying in clients:
        await relying.tokens(browser)
    clock.freeze(started + timedelta(minutes=2))
    [shown] = await staffed.everything("/sessions")
    times = {
        name: datetime.fromisoformat(shown.pop(name)) for name in ("started_at", "used_at", "expires_at")
    }
    assert times == {
        "started_at": started,
        "used_at": started + timedelta(minutes=1),
        "expires_at": started + timedelta(minutes=121),
    }
    assert shown.pop("id")
    assert shown == {
        "user_name": "ann",
        "connection": "koogallery",
        "clients": sorted(relying.client_id for relying in clients),
    }


async def test_looking_at_a_session_is_no_use_of_it(app, staffed, clock):
    await sign_in(app, staffed, "ann")
    clock.freeze(clock() + timedelta(minutes=119))
    assert len(await sessions_of(staffed)) == 1
    clock.freeze(clock() + timedelta(minutes=2))
    assert await sessions_of(staffed) == []


async def test_sessions_are_listed_in_the_order_of_their_start_and_by_member(app, staffed):
    for name in ("ann", "bob", "ann", "bob", "bob"):
        await sign_in(app, staffed, name)
    listed = await staffed.everything("/sessions")
    assert [one["user_name"] for one in listed] == ["ann", "bob", "ann", "bob", "bob"]
    assert [one["started_at"] for one in listed] == sorted(one["started_at"] for one in listed)
    ids = [one["id"] for one in listed if one["user_name"] == "ann"]
    assert await sessions_of(staffed, user_name="ann", limit=1) == ids
    assert await code_of(staffed, "GET", "/sessions", user_name="nobody") == (404, "member_unknown")


async def test_an_ended_session_is_gone_and_told(app, runtime, staffed):
    await sign_in(app, staffed, "ann")
    await sign_in(app, staffed, "ann")
    ended, other = await sessions_of(staffed)
    await staffed.news()
    await staffed.delete(f"/sessions/{ended}")
    assert await sessions_of(staffed) == [other]
    [entry] = await staffed.news()
    assert (entry["action"], entry["subject"], entry["by"]) == (
        "session.ended",
        ended,
        {"actor": "operator:bootstrap"},
    )
    assert entry["before"] == {
        "user_name": "ann",
        "connection": "koogallery",
        "reason": "ended_by_admin",
    }
    assert await code_of(staffed, "DELETE", f"/sessions/{ended}") == (404, "session_unknown")


async def test_a_session_of_another_enterprise_does_not_exist(app, api, marketplace, staffed):
    await sign_in(app, staffed, "ann")
    [session] = await sessions_of(staffed)
    enterprise = await marketplace.open_enterprise()
    [tenant] = (await api.get("/v1/tenants", params={"external_id": enterprise.tenant})).json()["items"]
    other = Office(api, enterprise, tenant["id"])
    assert await sessions_of(other) == []
    assert await code_of(other, "DELETE", f"/sessions/{session}") == (404, "session_unknown")
    assert await sessions_of(staffed) == [session]


async def test_a_member_is_signed_out_everywhere_at_once(app, staffed):
    for name in ("ann", "bob", "ann"):
        await sign_in(app, staffed, name)
    for _ in range(2):
        answered = await staffed.ask("DELETE", "/sessions", params={"user_name": "ann"})
        assert (answered.status_code, answered.content) == (204, b"")
        assert [one["user_name"] for one in await staffed.everything("/sessions")] == ["bob"]
    assert await code_of(staffed, "DELETE", "/sessions", user_name="nobody") == (404, "member_unknown")
    assert (await staffed.ask("DELETE", "/sessions")).status_code == 422


async def test_an_ended_session_is_of_no_use(app, api, http, product, runtime, staffed, clock):
    relying = await Relying.register(api, http, product)
    tokens = await relying.tokens(await sign_in(app, staffed, "ann"))
    await staffed.ask("DELETE", "/sessions", params={"user_name": "ann"})
    assert await relying.introspect(tokens["access_token"]) == {"active": False}
    assert (await relying.refresh(tokens["refresh_token"])).status_code == 400


async def test_receipts_are_listed_newest_first_and_chosen_by_session_client_and_pending(
    app, api, http, product, runtime, staffed
):
    async with open_receiver() as willing, open_receiver(answer(500)) as unwilling:
        good = await Relying.register(api, http, product, backchannel_logout_uri=willing.url)
        bad = await Relying.register(api, http, product, backchannel_logout_uri=unwilling.url)
        for name in ("ann", "bob"):
            browser = await sign_in(app, staffed, name)
            await good.tokens(browser)
            await bad.tokens(browser)
        sessions = await sessions_of(staffed)
        assert await staffed.everything("/logouts") == []
        for session in sessions:
            await staffed.delete(f"/sessions/{session}")
        async with telling(runtime):
            await willing.wait_for(2)
            await unwilling.wait_for(2)
        listed = await staffed.everything("/logouts", limit=1)
        assert [one["session_id"] for one in listed] == [sessions[1]] * 2 + [sessions[0]] * 2
        assert {one["user_name"] for one in listed} == {"ann", "bob"}

        async def chosen(**params):
            return {
                (one["session_id"], one["client_id"])
                for one in await staffed.everything("/logouts", **params)
            }

        told, untold = ({(session, one.client_id) for session in sessions} for one in (good, bad))
        assert await chosen(client=good.client_id) == await chosen(pending="false") == told
        assert await chosen(client=bad.client_id) == await chosen(pending="true") == untold
        assert {session for session, _ in await chosen(session=sessions[0])} == {sessions[0]}
        assert await chosen(session=str(uuid4())) == set()


async def test_an_unknown_enterprise_has_neither(api, staffed):
    nowhere = Office(api, staffed.enterprise, uuid4())
    for path in ("/sessions", "/logouts"):
        assert await code_of(nowhere, "GET", path) == (404, "tenant_unknown")


@pytest.mark.parametrize("path", ["/sessions", "/logouts"])
async def test_a_cursor_of_another_list_is_refused(staffed, path):
    assert await code_of(staffed, "GET", path, cursor="bm9uZQ") == (422, "cursor_invalid")


async def test_while_redis_is_away_it_is_said_and_nobody_is_forgotten(
    app, api, http, product, runtime, staffed, monkeypatch
):
    async with open_receiver() as receiver:
        relying = await Relying.register(api, http, product, backchannel_logout_uri=receiver.url)
        browser = await sign_in(app, staffed, "ann")
        await relying.tokens(browser)
        async with make_redis("redis://127.0.0.1:9", seconds=0.25) as nowhere:
            away = SessionStore(nowhere, runtime.sessions.lifetimes)
            with monkeypatch.context() as patch:
                for name in ("list_ids", "read", "list_of_members", "forget", "find_kept"):
                    patch.setattr(runtime.sessions, name, getattr(away, name))
                assert await code_of(staffed, "GET", "/sessions") == (503, "sessions_unavailable")
                await staffed.authorise("ann", flag=3)
                async with telling(runtime, outage=0.05):
                    assert (await staffed.get("/logouts"))["items"] == []
        assert receiver.count == 0
        async with telling(runtime):
            await receiver.wait_for(1)
            await everything_told()
        assert await sessions_of(staffed) == []
