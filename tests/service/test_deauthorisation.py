"""Deauthorised means out, whatever the cause: the very next use is refused, and the client is told."""

from datetime import timedelta

import pytest

from tenancy.gates import settle_expired
from tests.receivers import open_receiver
from tests.service.oauth2.relying import Relying, sign_in
from tests.service.telling import begin_following, everything_told, logout_claims, telling

SOON = 60


async def buyer_says(office, activity, **fields):
    await office.base({"activity": activity, "instanceId": office.enterprise.instance, **fields})


async def authorised(office, clock):
    await office.authorise("ann")


async def cancelled(office, clock):
    await office.authorise("ann", flag=3)


async def removed(office, clock):
    await office.authorise("ann", flag=0)


async def frozen(office, clock):
    await buyer_says(office, "updateInstanceStatus", status="FREEZE")


async def about_to_expire(office, clock):
    await office.authorise("ann")
    clock.freeze(clock().replace(microsecond=0))
    expires = (clock() + timedelta(seconds=SOON)).strftime("%Y%m%d%H%M%S")
    await buyer_says(
        office,
        "refreshInstance",
        scene="RENEWAL",
        orderId="CS2",
        orderLineId="CS2-000001",
        expireTime=expires,
    )


async def expired(office, clock):
    clock.freeze(clock() + timedelta(seconds=SOON))


async def stopped(office, clock):
    await office.switch(enabled=False)


async def granted(office, clock):
    await office.employ("ann", department="C")
    await office.grant("member", "ann")


async def revoked(office, clock):
    await office.revoke("member", "ann")


async def granted_from_above(office, clock):
    await office.employ("ann", department="C")
    await office.grant("department", "A")


async def moved(office, clock):
    assert (await office.enterprise.department("B", "Plant", "X", flag=2)).code == "000000"


async def disabled(office, clock):
    await office.authorise("ann", enable="false")


async def unbound(office, clock):
    assert (await office.enterprise.unbind()).code == "000000"


async def released(office, clock):
    await buyer_says(office, "releaseInstance")


CAUSES = [
    (authorised, cancelled),
    (authorised, removed),
    (authorised, frozen),
    (about_to_expire, expired),
    (authorised, stopped),
    (granted, revoked),
    (granted_from_above, moved),
    (authorised, disabled),
    (authorised, unbound),
    (authorised, released),
]


@pytest.mark.parametrize(("before", "cause"), CAUSES, ids=[cause.__name__ for _, cause in CAUSES])
async def test_whoever_loses_access_is_out_at_once_and_the_client_is_told(
    app, api, http, product, office, clock, runtime, before, cause
):
    await before(office, clock)
    async with open_receiver() as receiver:
        relying = await Relying.register(api, http, product, backchannel_logout_uri=receiver.url)
        browser = await sign_in(app, office, "ann")
        tokens = await relying.tokens(browser, app=office.app)
        member = (await relying.introspect(tokens["access_token"]))["sub"]
        await begin_following(runtime)
        tokens = await relying.tokens(browser, app=office.app)

        await cause(office, clock)

        # No worker is at work: that nobody gets anything does not depend on any.
        assert await relying.introspect(tokens["access_token"]) == {"active": False}
        assert await relying.introspect(tokens["refresh_token"]) == {"active": False}
        refused = await relying.refresh(tokens["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert (await relying.userinfo(tokens["access_token"])).status_code == 401
        _, parameters = relying.request(app=office.app, prompt="none")
        asked = await browser.get("/oauth2/authorize", params=parameters)
        assert "code=" not in asked.headers.get("location", ""), asked.text

        await settle_expired(now=clock())
        async with telling(runtime):
            await receiver.wait_for(1)
            await everything_told()
        [request] = receiver.requests
        claims = await logout_claims(http, request)
        assert (claims["iss"], claims["aud"]) == (runtime.settings.public_url, relying.client_id)
        assert claims["sub"] == member
        [receipt] = await office.everything("/logouts")
        assert receipt["session_id"] == claims["sid"]
        assert (receipt["client_id"], receipt["app_id"]) == (relying.client_id, office.app)
        assert (receipt["user_name"], receipt["reason"]) == ("ann", "access_ended")
        assert (receipt["attempts"], receipt["status"], receipt["due_at"]) == (1, 200, None)
        assert receipt["acknowledged_at"] >= receipt["ended_at"]


async def test_with_access_back_the_old_session_and_its_tokens_stay_dead(
    app, api, http, product, office, runtime
):
    await office.authorise("ann")
    relying = await Relying.register(api, http, product)
    await begin_following(runtime)
    browser = await sign_in(app, office, "ann")
    tokens = await relying.tokens(browser)
    await office.authorise("ann", flag=3)
    await office.authorise("ann")
    assert (await relying.introspect(tokens["refresh_token"]))["active"] is True
    async with telling(runtime):
        await everything_told()
        assert await office.everything("/sessions") == []
    assert await relying.introspect(tokens["refresh_token"]) == {"active": False}
