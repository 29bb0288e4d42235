"""Connections: what is stored of a way to sign in, what is refused, and what the log tells of it."""

import asyncio
import os
from uuid import uuid4

import msgspec
import pytest

from sso.connection_rows import KOOGALLERY, KoogallerySettings
from sso.connection_secrets import fingerprint_of, open_secret, reseal_connections
from sso.connections import (
    find_connection,
    list_connections,
    put_connection,
    read_connection,
    remove_connection,
)
from sso.identities import find_or_link, list_identities
from sso.oidc_settings import OidcSettings
from tenancy.database import tenant_scope
from tenancy.errors import DomainError, SecretUndecryptable
from tenancy.secrets import Keyring
from tests.sso.tenants import an_act, found_tenant, tell_of

ACME = OidcSettings(issuer="https://login.acme.example", client_id="tenon", title="Acme")
PUBLIC = msgspec.structs.replace(ACME, auth_method="none")
SECRET = "a-secret-of-the-provider"


@pytest.fixture
async def tenant(product, runtime):
    return (await found_tenant(product, runtime)).tenant_id


@pytest.fixture
def put(tenant, runtime):
    async def write(name="acme", settings=ACME, **options):
        return await put_connection(
            tenant, name, settings, keyring=runtime.keyring, act=an_act(), **{"secret": SECRET, **options}
        )

    return write


async def refused(code, attempt):
    with pytest.raises(DomainError) as caught:
        await attempt
    assert caught.value.code == code
    return caught.value


async def test_a_connection_is_read_as_it_was_written_and_its_secret_is_sealed(put, tenant, runtime):
    written = await put()
    assert (written.settings, written.kind, written.revision) == (ACME, "oidc", 1)
    assert await read_connection(tenant, "acme") == await find_connection(tenant, "acme") == written
    assert SECRET.encode() not in written.sealed_secret
    assert open_secret(written, runtime.keyring) == SECRET
    assert fingerprint_of(written, runtime.keyring) == "feb76b57c879fd17"
    [added] = await tell_of(tenant, "connection.")
    assert (added["type"], added["subject"], added["previous"]) == ("connection.added", "acme", None)
    assert added["data"]["settings"]["issuer"] == ACME.issuer
    assert SECRET not in str(added)


async def test_the_marketplaces_login_is_there_by_itself_and_comes_back_as_it_was(tenant, put):
    there = await read_connection(tenant, KOOGALLERY)
    assert (there.settings, there.revision, there.created_at) == (KoogallerySettings(), 0, None)
    assert (await put(KOOGALLERY, KoogallerySettings(), secret=None)).revision == 0
    changed = await put(KOOGALLERY, KoogallerySettings(creates_members=True), secret=None)
    assert (changed.settings.creates_members, changed.revision) == (True, 1)
    await remove_connection(tenant, KOOGALLERY, act=an_act())
    await remove_connection(tenant, KOOGALLERY, act=an_act())
    assert await read_connection(tenant, KOOGALLERY) == there
    told = await tell_of(tenant, "connection.")
    assert [event["type"] for event in told] == ["connection.changed"] * 2
    assert told[0]["previous"] == told[1]["data"]


async def test_bringing_the_marketplaces_login_back_unlinks_nobody(tenant, put):
    await put(KOOGALLERY, KoogallerySettings(creates_members=True), secret=None)
    account = {"subject": "1", "user_name": "ann", "name": "Ann", "creates_members": True, "act": an_act()}
    await find_or_link(tenant, KOOGALLERY, **account)
    await remove_connection(tenant, KOOGALLERY, act=an_act())
    assert len((await list_identities(tenant, KOOGALLERY, cursor=None, limit=9)).items) == 1


async def test_a_secret_that_is_left_out_is_kept_and_a_repetition_changes_nothing(put, tenant, runtime):
    first = await put()
    assert await put() == await put(secret=None) == first
    renamed = await put(settings=msgspec.structs.replace(ACME, title="Acme AG"), secret=None)
    assert (renamed.revision, open_secret(renamed, runtime.keyring)) == (2, SECRET)
    changed = await put(settings=renamed.settings, secret="another")
    assert open_secret(changed, runtime.keyring) == "another"
    told = [
        (event["type"], event["data"]["secret_changed"]) for event in await tell_of(tenant, "connection.")
    ]
    assert told == [("connection.added", False), ("connection.changed", False), ("connection.changed", True)]


@pytest.mark.parametrize("change", [{"issuer": "https://evil.example"}, {"client_id": "other"}])
async def test_a_kept_secret_is_never_shown_to_another_issuer_or_for_another_client(put, tenant, change):
    first = await put()
    other = msgspec.structs.replace(ACME, **change)
    await refused("connection_secret_invalid", put(settings=other, secret=None))
    assert await read_connection(tenant, "acme") == first
    assert (await put(settings=other, secret="its own")).settings == other


async def test_an_issuer_stays_while_its_accounts_are_linked(put, tenant):
    await put()
    account = {"subject": "1", "user_name": "ann", "name": None, "creates_members": True, "act": an_act()}
    await find_or_link(tenant, "acme", **account)
    other = msgspec.structs.replace(ACME, issuer="https://evil.example")
    await refused("issuer_fixed", put(settings=other))
    assert (await put(settings=msgspec.structs.replace(ACME, client_id="other"))).revision == 2


async def test_a_client_that_needs_a_secret_has_one_and_a_public_client_has_none(put):
    await refused("connection_secret_invalid", put(secret=None))
    await refused("connection_secret_invalid", put(settings=PUBLIC))
    public = await put(settings=PUBLIC, secret=None)
    assert public.sealed_secret is None
    await refused("connection_secret_invalid", put(secret=None))
    confidential = await put()
    assert (await put(settings=PUBLIC, secret=None)).sealed_secret is None
    assert confidential.sealed_secret is not None


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a.b", "a/b", "ä", "a" * 64, "a\n", "a\0"])
async def test_a_name_that_would_not_read_alike_everywhere_is_refused(put, name):
    await refused("connection_name_invalid", put(name))


async def test_the_marketplaces_login_and_the_others_are_of_different_kinds(put):
    await refused("connection_kind_invalid", put(KOOGALLERY))
    await refused("connection_kind_invalid", put("acme", KoogallerySettings(), secret=None))


async def test_whoever_has_not_seen_the_latest_version_changes_and_removes_nothing(put, tenant):
    await refused("connection_changed", put(expected_revision=1))
    await put(expected_revision=0)
    await refused("connection_changed", put(expected_revision=0, secret="lost"))
    await refused("connection_changed", remove_connection(tenant, "acme", expected_revision=2, act=an_act()))
    await remove_connection(tenant, "acme", expected_revision=1, act=an_act())
    await refused("connection_unknown", read_connection(tenant, "acme"))
    await refused("connection_unknown", remove_connection(tenant, "acme", act=an_act()))
    await refused(
        "connection_changed", remove_connection(tenant, KOOGALLERY, expected_revision=1, act=an_act())
    )


async def test_a_tenant_has_twenty_connections_of_its_own_and_no_more_however_they_come(put, tenant):
    attempts = await asyncio.gather(*(put(f"c{number}") for number in range(22)), return_exceptions=True)
    assert [error.code for error in attempts if isinstance(error, Exception)] == ["connections_exhausted"] * 2
    await put(KOOGALLERY, KoogallerySettings(enabled=False), secret=None)
    page = await list_connections(tenant)
    assert (len(page.items), page.next) == (21, None)
    names = [connection.name for connection in page.items]
    assert names == sorted(names)
    first = await list_connections(tenant, limit=20)
    rest = await list_connections(tenant, cursor=first.next, limit=20)
    assert [connection.name for connection in (*first.items, *rest.items)] == names


async def test_a_removed_connection_takes_its_identities_along_and_no_others(put, tenant):
    for name in ("acme", "other"):
        await put(name)
        account = {"subject": "1", "user_name": "ann", "name": None, "creates_members": True}
        await find_or_link(tenant, name, **account, act=an_act())
    await remove_connection(tenant, "acme", act=an_act())
    [gone] = [event for event in await tell_of(tenant, "connection.") if event["data"] is None]
    assert (gone["type"], gone["subject"], gone["previous"]["kind"]) == ("connection.removed", "acme", "oidc")
    await put("acme")
    assert (await list_identities(tenant, "acme", cursor=None, limit=9)).items == []
    assert len((await list_identities(tenant, "other", cursor=None, limit=9)).items) == 1


async def test_connections_of_one_tenant_are_nothing_to_another(put, product, runtime):
    await put()
    other = (await found_tenant(product, runtime)).tenant_id
    assert await find_connection(other, "acme") is None
    assert [connection.name for connection in (await list_connections(other)).items] == [KOOGALLERY]


async def test_a_sealed_secret_opens_for_its_own_connection_only(put, runtime):
    written = await put()
    moved = msgspec.structs.replace(written, name="other")
    with pytest.raises(SecretUndecryptable):
        open_secret(moved, runtime.keyring)


async def test_secrets_are_encrypted_anew_so_that_the_old_key_can_go(put, tenant, runtime):
    await put()
    await put("public", PUBLIC, secret=None)
    old = [(key.id, key.key) for key in runtime.settings.encryption_keys]
    new = ("new", os.urandom(32))
    try:
        assert await reseal_connections(keyring=Keyring([new, *old])) >= 1
        resealed = await read_connection(tenant, "acme")
        assert open_secret(resealed, Keyring([new])) == SECRET
        assert resealed.revision == 1
    finally:
        await reseal_connections(keyring=Keyring([*old, new]))
    async with tenant_scope(tenant) as db:
        assert await db.fetchval("SELECT count(*) FROM connection WHERE secret IS NULL") == 1


async def test_a_tenant_that_is_not_there_has_no_connections(runtime):
    nobody = uuid4()
    for attempt in (
        read_connection(nobody, KOOGALLERY),
        list_connections(nobody),
        remove_connection(nobody, KOOGALLERY, act=an_act()),
        put_connection(nobody, "acme", ACME, secret=SECRET, keyring=runtime.keyring, act=an_act()),
    ):
        await refused("tenant_unknown", attempt)
