"""Scenarios of the use cases of signing in: ways to do it, accounts, clients, sessions and signing keys."""

from uuid import uuid4

import msgspec

from sso.client_changes import add_secret, put_client, remove_client, remove_old_secret
from sso.clients import ClientSettings
from sso.connection_rows import KOOGALLERY, KoogallerySettings
from sso.connections import put_connection, remove_connection
from sso.departures import follow_departures
from sso.identities import find_or_link, unlink
from sso.oidc_settings import OidcSettings
from sso.session_pages import end_one_session, end_sessions_of
from sso.sign_ins import end_session, start_session
from sso.signing_keys import ensure_signing_keys, replace_signing_keys, rotate_signing_keys
from tenancy.members import cancel_members
from tests.sso.key_rows import keys_put_aside
from tests.tenancy.scenarios import scenario
from tests.tenancy.worlds import APP, someone

# These ask somebody outside first, and then call one of those below.
COMPOSED = {
    "sso.presence.find_present",
    "sso.presence.keep_upstream",
    "sso.upstreams.arrive_from_marketplace",
    "sso.upstreams.arrive_from_provider",
}

ACME = OidcSettings(issuer="https://login.acme.example", client_id="tenon", title="Acme")


async def _connect(world, settings=ACME, secret="a secret"):
    sealing = {"secret": secret, "keyring": world.keyring}
    await put_connection(world.tenant_id, "acme", settings, **sealing, act=world.act())


@scenario("sso.connections.put_connection")
async def _(world):
    yield
    await _connect(world)
    await _connect(world, msgspec.structs.replace(ACME, title="Acme AG"))
    await _connect(world, secret="another secret")
    changed = KoogallerySettings(creates_members=True)
    await put_connection(world.tenant_id, KOOGALLERY, changed, keyring=world.keyring, act=world.act())


@scenario("sso.connections.remove_connection")
async def _(world):
    await _connect(world)
    yield
    await remove_connection(world.tenant_id, "acme", act=world.act())


async def _arrive(world, user_name):
    account = {"subject": f"account of {user_name}", "user_name": user_name, "name": "As signed in"}
    return await find_or_link(world.tenant_id, KOOGALLERY, **account, creates_members=True, act=world.act())


@scenario("sso.identities.find_or_link")
async def _(world):
    await cancel_members(world.home, APP, [someone("eva")], **world.said())
    yield
    for user_name in ("ann", "dan", "eva", "dan"):
        await _arrive(world, user_name)


@scenario("sso.identities.unlink")
async def _(world):
    await _arrive(world, "ann")
    yield
    await unlink(world.tenant_id, KOOGALLERY, "account of ann", act=world.act())


async def _register(world, **changes):
    client_id = f"client-{uuid4().hex}"
    settings = ClientSettings(name="App", redirect_uris=("https://app.example/",), **changes)
    await put_client(client_id, world.product, settings, secret="a secret", act=world.act())
    return client_id, settings


@scenario("sso.client_changes.put_client")
async def _(world):
    yield
    client_id, settings = await _register(world)
    renamed = msgspec.structs.replace(settings, name="Renamed")
    await put_client(client_id, world.product, renamed, secret=None, act=world.act())
    await remove_client(client_id, act=world.act())


@scenario("sso.client_changes.remove_client")
async def _(world):
    client_id, _ = await _register(world)
    yield
    await remove_client(client_id, act=world.act())


@scenario("sso.client_changes.add_secret")
async def _(world):
    client_id, _ = await _register(world)
    yield
    await add_secret(client_id, secret="another secret", act=world.act())
    await remove_client(client_id, act=world.act())


@scenario("sso.client_changes.remove_old_secret")
async def _(world):
    client_id, _ = await _register(world)
    await add_secret(client_id, secret="another secret", act=world.act())
    yield
    await remove_old_secret(client_id, act=world.act())
    await remove_client(client_id, act=world.act())


async def _sign_in(world):
    member = await _arrive(world, "ann")
    store = world.runtime.sessions
    started = {"connection": KOOGALLERY, "upstream": None, "act": world.act()}
    session, _ = await start_session(store, world.tenant_id, member.member_id, **started)
    return store, session


@scenario("sso.sign_ins.start_session")
async def _(world):
    yield
    await _sign_in(world)


@scenario("sso.sign_ins.end_session")
async def _(world):
    store, session = await _sign_in(world)
    yield
    await end_session(store, session, reason="signed_out", act=world.act())


@scenario("sso.session_pages.end_one_session")
async def _(world):
    store, session = await _sign_in(world)
    yield
    await end_one_session(store, world.tenant_id, session.id, act=world.act())


@scenario("sso.session_pages.end_sessions_of")
async def _(world):
    store, _ = await _sign_in(world)
    await _sign_in(world)
    yield
    await end_sessions_of(store, world.tenant_id, "ann", act=world.act())


@scenario("sso.departures.follow_departures")
async def _(world):
    store, _ = await _sign_in(world)
    await follow_departures(store, now=world.act().at)
    for place in world.places:
        await cancel_members(place, APP, [someone("ann")], **world.said())
    yield
    assert await follow_departures(store, now=world.act().at)


@scenario("sso.signing_keys.ensure_signing_keys")
async def _(world):
    async with keys_put_aside():
        yield
        await ensure_signing_keys(keyring=world.keyring, now=world.act().at)


@scenario("sso.signing_keys.replace_signing_keys")
async def _(world):
    async with keys_put_aside():
        yield
        assert await replace_signing_keys(keyring=world.keyring, act=world.act())


@scenario("sso.signing_keys.rotate_signing_keys")
async def _(world):
    async with keys_put_aside():
        yield
        assert await rotate_signing_keys(keyring=world.keyring, act=world.act())
