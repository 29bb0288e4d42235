"""The cache of what providers publish: how often it asks, whom it believes, and for how long."""

import asyncio
import json

import httpx2
import pytest

from sso.discovery import FRESH_SECONDS, PAUSE_SECONDS, USABLE_SECONDS, Discovery
from sso.errors import UpstreamMisconfigured, UpstreamUnreachable
from tests.sso.issuers import rsa_key

ISSUER = "https://idp.example.com"
DESCRIPTION = "/.well-known/openid-configuration"


class Web(httpx2.AsyncBaseTransport):
    """Many providers at once; `documents` are JSON by path, an error instead of one is raised."""

    def __init__(self):
        self.asked = []
        self.open = asyncio.Event()
        self.open.set()
        self.keys = [rsa_key().as_dict()]
        self.broken = {}

    async def handle_async_request(self, request):
        self.asked.append(request.url.path)
        await self.open.wait()
        broken = self.broken.get(request.url.path)
        if isinstance(broken, Exception):
            raise broken
        if broken is not None:
            return broken
        base = f"https://{request.url.host}"
        document = {"keys": self.keys}
        if request.url.path == DESCRIPTION:
            document = {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/keys",
            }
        return httpx2.Response(200, content=json.dumps(document).encode())

    def count(self, path):
        return self.asked.count(path)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now

    def pass_(self, seconds):
        self.now += seconds


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def discovery(web, clock):
    return Discovery(web, clock=clock, most_issuers=2)


async def test_a_description_is_read_once_in_ten_minutes(web, clock, discovery):
    await discovery.metadata(ISSUER)
    clock.pass_(FRESH_SECONDS - 1)
    metadata = await discovery.metadata(ISSUER)
    assert metadata.token_endpoint == f"{ISSUER}/token"
    assert web.count(DESCRIPTION) == 1
    clock.pass_(1)
    await discovery.metadata(ISSUER)
    assert web.count(DESCRIPTION) == 2


async def test_keys_are_read_once_in_ten_minutes(web, clock, discovery):
    await discovery.keys(ISSUER, "rsa-1")
    clock.pass_(FRESH_SECONDS - 1)
    [key] = await discovery.keys(ISSUER, "rsa-1")
    assert key.kid == "rsa-1"
    assert web.count("/keys") == 1
    clock.pass_(1)
    await discovery.keys(ISSUER, "rsa-1")
    assert web.count("/keys") == 2


async def test_a_key_that_is_not_known_has_the_keys_read_again_at_most_every_half_minute(
    web, clock, discovery
):
    await discovery.keys(ISSUER, "rsa-1")
    for _ in range(3):
        assert len(await discovery.keys(ISSUER, "made-up")) == 1
    assert web.count("/keys") == 1
    clock.pass_(PAUSE_SECONDS)
    web.keys.append(rsa_key("rsa-2").as_dict())
    for _ in range(3):
        assert {key.kid for key in await discovery.keys(ISSUER, "rsa-2")} == {"rsa-1", "rsa-2"}
        await discovery.keys(ISSUER, "made-up")
    assert web.count("/keys") == 2


async def test_callers_at_once_share_one_call(web, discovery):
    web.open.clear()
    callers = [asyncio.create_task(discovery.keys(ISSUER, "rsa-1")) for _ in range(20)]
    await asyncio.sleep(0)
    web.open.set()
    await asyncio.gather(*callers)
    assert web.asked == [DESCRIPTION, "/keys"]


async def test_callers_at_once_share_one_failure(web, discovery):
    web.broken[DESCRIPTION] = UpstreamUnreachable("no")
    web.open.clear()
    callers = [asyncio.create_task(discovery.metadata(ISSUER)) for _ in range(20)]
    await asyncio.sleep(0)
    web.open.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert {type(result) for result in results} == {UpstreamUnreachable}
    assert web.count(DESCRIPTION) == 1


async def test_a_caller_that_goes_away_leaves_the_call_to_the_next(web, discovery):
    web.open.clear()
    first, second = (asyncio.create_task(discovery.metadata(ISSUER)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    web.open.set()
    assert (await second).issuer == ISSUER
    assert web.count(DESCRIPTION) == 2


@pytest.mark.parametrize(
    "failure",
    [UpstreamUnreachable("no"), httpx2.ConnectError("no"), httpx2.Response(404), httpx2.Response(503)],
)
@pytest.mark.parametrize("path", [DESCRIPTION, "/keys"])
async def test_an_older_copy_serves_for_an_hour_while_reading_again_fails(
    web, clock, discovery, path, failure
):
    await discovery.keys(ISSUER, "rsa-1")
    clock.pass_(FRESH_SECONDS)
    web.broken[path] = failure
    for _ in range(3):
        assert await discovery.keys(ISSUER, "rsa-1")
    assert web.count(path) == 2
    clock.pass_(PAUSE_SECONDS)
    assert await discovery.keys(ISSUER, "rsa-1")
    assert web.count(path) == 3
    clock.pass_(USABLE_SECONDS - FRESH_SECONDS - PAUSE_SECONDS)
    with pytest.raises((UpstreamUnreachable, UpstreamMisconfigured)):
        await discovery.keys(ISSUER, "rsa-1")


async def test_the_first_failure_is_told_and_the_next_caller_asks_again(web, discovery):
    web.broken[DESCRIPTION] = UpstreamUnreachable("no")
    with pytest.raises(UpstreamUnreachable):
        await discovery.metadata(ISSUER)
    web.broken.clear()
    assert (await discovery.metadata(ISSUER)).issuer == ISSUER


async def test_only_the_issuers_asked_for_most_recently_are_kept(web, discovery):
    hosts = ("https://a.example.com", "https://b.example.com", "https://c.example.com")
    for issuer in (hosts[0], hosts[1], hosts[0], hosts[2], hosts[0]):
        await discovery.metadata(issuer)
    assert web.count(DESCRIPTION) == 3
    await discovery.metadata(hosts[1])
    assert web.count(DESCRIPTION) == 4


async def test_what_is_forgotten_is_read_again(web, discovery):
    await discovery.keys(ISSUER, "rsa-1")
    discovery.forget(ISSUER)
    await discovery.keys(ISSUER, "rsa-1")
    assert web.asked == [DESCRIPTION, "/keys"] * 2


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        (f"{ISSUER}/", "issuer_differs"),
        ("https://IDP.example.com", "issuer_differs"),
        ("http://idp.example.com", "issuer_unusable"),
        ("https://idp.example.com?tenant=1", "issuer_unusable"),
        ("", "issuer_unusable"),
    ],
)
async def test_a_description_of_another_issuer_is_not_believed(discovery, issuer, reason):
    """RFC 9700 4.4; OpenID Connect Discovery 1.0 4.3: equal character by character."""
    with pytest.raises(UpstreamMisconfigured) as refused:
        await discovery.metadata(issuer)
    assert refused.value.reason == reason


async def test_an_issuer_with_a_path_has_its_description_below_it(web, discovery):
    with pytest.raises(UpstreamMisconfigured):
        await discovery.metadata(f"{ISSUER}/realms/one/")
    assert web.asked == [f"/realms/one{DESCRIPTION}"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (httpx2.Response(404), "description_missing"),
        (httpx2.Response(302, headers={"location": "https://other.example.com"}), "description_missing"),
        (httpx2.Response(200, content=b"<html>"), "description_unreadable"),
        (httpx2.Response(200, content=b"[]"), "description_unreadable"),
        (httpx2.Response(200, content=b"[" * 100_000), "description_unreadable"),
        (httpx2.Response(200, content=b"\xff{}"), "description_unreadable"),
    ],
)
async def test_a_description_that_is_none_is_told(web, discovery, reply, reason):
    web.broken[DESCRIPTION] = reply
    with pytest.raises(UpstreamMisconfigured) as refused:
        await discovery.metadata(ISSUER)
    assert refused.value.reason == reason
    assert web.asked == [DESCRIPTION]
