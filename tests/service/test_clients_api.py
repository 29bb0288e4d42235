"""Clients over HTTP: registered, shown without secrets, changed and rotated by operators."""

import asyncio

import msgspec
import pytest

from sso.client_secrets import digest_secret, is_secret
from tenancy.database import system_scope
from tests.pages import every_item
from tests.service.client_calls import CALLBACK, WITH_KEY, WITHOUT_PROOF, Clients


@pytest.fixture
def clients(api, product):
    return Clients(api, product)


async def test_a_client_is_registered_with_a_secret_that_is_shown_once(clients, api):
    answer = await clients.ask("PUT", json=clients.body())
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    secret = made.pop("secret")
    assert secret.startswith("tenon_cs_")
    assert len(secret) == len("tenon_cs_") + 43
    assert made == {
        "client_id": clients.id,
        "product": clients.product,
        "name": "App",
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [],
        "initiate_login_uri": None,
        "backchannel_logout_uri": None,
        "token_endpoint_auth_method": "client_secret_basic",
        "jwks": None,
        "id_token_signed_response_alg": "RS256",
        "require_pushed_authorization_requests": False,
        "refresh_tokens": True,
        "rotating": False,
        "revision": 1,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    shown = await clients.ask("GET")
    assert (shown.json(), shown.headers["ETag"]) == (made, '"1"')
    listed = await api.get("/v1/clients", params={"product": clients.product})
    assert listed.json() == {"items": [made], "next": None}
    again = await clients.ask("PUT", json=clients.body())
    assert again.json() == {**made, "secret": None}
    assert is_secret(secret, await clients.secrets())


async def test_of_a_secret_only_its_digest_is_stored_and_told(clients, api):
    secret = (await clients.put())["secret"]
    second = (await clients.ask("POST", "/secrets")).json()["secret"]
    async with system_scope() as db:
        row = await db.fetchrow("SELECT * FROM client WHERE client_id = $1", clients.id)
        told = await db.fetch("SELECT * FROM event WHERE subject = $1", clients.id)
    assert msgspec.json.decode(row["secrets"]) == [digest_secret(second), digest_secret(secret)]
    audit = await every_item(api, "/v1/audit", source="api")
    assert any(entry["subject"] == clients.id for entry in audit)
    shown = repr([dict(one) for one in told]) + repr(audit)
    assert "tenon_cs_" not in repr(dict(row)) + shown
    assert digest_secret(secret) not in shown


async def test_all_settings_are_kept_and_put_again_change_nothing(clients):
    said = {
        "name": "应用",
        "redirect_uris": [CALLBACK, "com.example.app:/callback", CALLBACK],
        "post_logout_redirect_uris": ["https://app.example/bye"],
        "initiate_login_uri": "https://app.example/sign-in?a=b",
        "backchannel_logout_uri": "https://app.example/logout",
        "id_token_signed_response_alg": "ES256",
        "require_pushed_authorization_requests": True,
        "refresh_tokens": False,
        **WITH_KEY,
    }
    made = await clients.put(**said)
    assert {name: made[name] for name in said} == {**said, "redirect_uris": said["redirect_uris"][:2]}
    assert made["secret"] is None
    assert await clients.put(**said) == made
    defaults = await clients.put()
    assert (defaults["revision"], defaults["backchannel_logout_uri"], defaults["jwks"]) == (2, None, None)


async def test_clients_are_listed_in_pages_by_id_and_by_product(api, clients):
    ids = sorted(f"{clients.id}-{number}" for number in range(5))
    for clients.id in ids:
        await clients.put(**WITHOUT_PROOF)
    listed = await every_item(api, "/v1/clients", limit=2, product=clients.product)
    assert [item["client_id"] for item in listed] == ids
    assert set(ids) <= {item["client_id"] for item in await every_item(api, "/v1/clients")}
    nobody = await api.get("/v1/clients", params={"product": "no-such-product"})
    assert nobody.json() == {"items": [], "next": None}


async def test_a_changed_client_is_found_changed_at_once(clients, runtime):
    assert await runtime.clients.find(clients.id) is None
    await clients.put()
    assert (await runtime.clients.find(clients.id)).revision == 1
    await clients.put(name="New")
    assert (await runtime.clients.find(clients.id)).settings.name == "New"
    await clients.ask("POST", "/secrets")
    assert len((await runtime.clients.find(clients.id)).secrets) == 2
    await clients.ask("DELETE", "/secrets/old")
    assert len((await runtime.clients.find(clients.id)).secrets) == 1
    await clients.ask("DELETE")
    assert await runtime.clients.find(clients.id) is None


async def test_two_secrets_are_valid_until_the_old_one_is_removed(clients):
    old = (await clients.put())["secret"]
    await clients.refused(404, "old_client_secret_unknown", "DELETE", "/secrets/old")
    added = await clients.ask("POST", "/secrets")
    assert (added.status_code, added.headers["ETag"]) == (201, '"2"')
    assert added.headers["Cache-Control"] == "no-store"
    new = added.json()["secret"]
    assert (await clients.ask("GET")).json()["rotating"]
    digests = await clients.secrets()
    assert is_secret(old, digests)
    assert is_secret(new, digests)
    await clients.refused(409, "client_rotation_unfinished", "POST", "/secrets")
    assert (await clients.put(name="Renamed"))["rotating"]
    assert (await clients.ask("DELETE", "/secrets/old")).status_code == 204
    assert not is_secret(old, await clients.secrets())
    assert is_secret(new, await clients.secrets())
    assert (await clients.ask("GET")).json()["revision"] == 4


@pytest.mark.parametrize("otherwise", [WITH_KEY, WITHOUT_PROOF])
async def test_secrets_of_a_client_that_proves_itself_otherwise_are_forgotten(clients, otherwise):
    old = (await clients.put())["secret"]
    kept = await clients.put(token_endpoint_auth_method="client_secret_post")
    assert kept["secret"] is None
    assert is_secret(old, await clients.secrets())
    assert (await clients.put(**otherwise))["secret"] is None
    assert await clients.secrets() == ()
    await clients.refused(409, "client_without_secrets", "POST", "/secrets")
    await clients.refused(404, "old_client_secret_unknown", "DELETE", "/secrets/old")
    new = (await clients.put())["secret"]
    assert new != old
    assert is_secret(new, await clients.secrets())
    assert not is_secret(old, await clients.secrets())


async def test_two_who_register_a_client_at_once_get_one_secret(clients):
    made = await asyncio.gather(*(clients.put() for _ in range(5)))
    [secret] = {one["secret"] for one in made} - {None}
    assert {one["revision"] for one in made} == {1}
    assert await clients.secrets() == (digest_secret(secret),)


async def test_every_change_is_told_with_what_was_before(clients, api):
    await clients.put()
    await clients.put(name="New")
    await clients.put(name="New")
    await clients.ask("POST", "/secrets")
    await clients.ask("DELETE", "/secrets/old")
    await clients.ask("DELETE")
    audit = await every_item(api, "/v1/audit", source="api")
    done = [entry for entry in reversed(audit) if entry["subject"] == clients.id]
    assert [entry["action"] for entry in done] == [
        "client.added",
        "client.changed",
        "client.secret_added",
        "client.secret_removed",
        "client.removed",
    ]
    added, changed, *_, removed = done
    assert added["after"]["product"] == clients.product
    assert changed["before"] == added["after"]
    assert changed["after"]["settings"]["name"] == "New"
    assert removed["before"] == changed["after"]
