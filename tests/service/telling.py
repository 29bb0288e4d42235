"""A worker that tells clients of the end of sessions, and what has arrived."""

import asyncio
import contextlib
from urllib.parse import parse_qs

from joserfc import jws, jwt
from joserfc.jwk import KeySet

from service.logouts import Bounds, Telling, tell_departures
from sso.departures import follow_departures
from tenancy.database import system_scope
from tests.service.oauth2.relying import Relying, sign_in
from tests.service.webhooks.senders import opened

EVENT = "http://schemas.openid.net/event/backchannel-logout"


async def begin_following(runtime):
    """Nobody is to be told of anything, and departures are followed from here on."""
    async with system_scope() as db:
        await db.execute("DELETE FROM client_session")
        await db.execute("DELETE FROM follower")
    assert await follow_departures(runtime.sessions, now=runtime.clock()) is False


@contextlib.asynccontextmanager
async def telling(runtime, **bounds):
    """A worker is at work inside."""
    task = asyncio.create_task(tell_departures(runtime, bounds=Bounds(**{"poll": 0.01, **bounds})))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


_IS_DONE = """
SELECT NOT EXISTS (SELECT FROM client_session WHERE due_at IS NOT NULL)
   AND NOT EXISTS (SELECT FROM event_counter WHERE last > fed)
   AND (SELECT position FROM follower WHERE name = 'departures') = (SELECT max(position) FROM feed)
"""


async def everything_told(*, limit=10.0):
    """Wait until all departures have been followed and nothing is due any more."""
    async with asyncio.timeout(limit):
        while True:
            async with system_scope() as db:
                if await db.fetchval(_IS_DONE):
                    return
            await asyncio.sleep(0.01)


def logout_token(request):
    """The one parameter of a request (Back-Channel Logout 1.0, 2.5)."""
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    [(name, [token])] = parse_qs(request.body.decode(), strict_parsing=True).items()
    assert name == "logout_token"
    return token


async def logout_claims(http, request):
    """The claims of a logout token that keeps to Back-Channel Logout 1.0 (2.4), verified with our keys."""
    token = logout_token(request)
    keys = KeySet.import_key_set((await http.get("/oauth2/jwks")).json())
    assert jws.extract_compact(token.encode()).headers()["typ"] == "logout+jwt"
    claims = jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims
    assert claims["events"] == {EVENT: {}}
    assert "nonce" not in claims
    assert claims["iat"] < claims["exp"] <= claims["iat"] + 120
    return claims


async def receipts(office):
    return await office.everything("/logouts")


async def tell_due(runtime, *, limits=None, **bounds):
    """Tell all that is due at this moment, once."""
    async with (
        opened(**(limits or {})) as sender,
        Telling(runtime, sender, Bounds(**bounds)).running() as worker,
    ):
        await worker._begin()
        while worker._tasks:
            await asyncio.wait(worker._tasks)
            await asyncio.sleep(0)
        await worker._record()


async def end_all(office, user_name="ann"):
    answered = await office.ask("DELETE", "/sessions", params={"user_name": user_name})
    assert answered.status_code == 204, answered.text


async def signed_in_at(url, app, api, http, product, office, runtime):
    """ann, signed in at a client that can be told there; nothing else is to be told."""
    await office.authorise("ann")
    await begin_following(runtime)
    relying = await Relying.register(api, http, product, backchannel_logout_uri=url)
    await relying.tokens(await sign_in(app, office, "ann"))
    return relying
