"""Products over HTTP: keys go in and never come out."""

import asyncio
from uuid import uuid4

import pytest

from sso.keys import load_private_key, public_line
from tenancy.database import system_scope
from tests.marketplace import BASE_KEY, KIT_KEY, Marketplace


@pytest.fixture
def slug():
    return f"p-{uuid4().hex[:12]}"


async def test_a_product_put_without_an_rsa_key_gets_one_of_3072_bits(api, slug):
    answer = await api.put(f"/v1/products/{slug}", json={"name": "CRM", "base_keys": [BASE_KEY]})
    assert answer.status_code == 200
    [line] = answer.json()["rsa_public_keys"]
    assert "\n" not in line
    assert len(line) == 564  # base64 of a 3072 bit SubjectPublicKeyInfo
    assert answer.json()["production_address"].endswith(f"/koogallery/{slug}")
    again = await api.put(f"/v1/products/{slug}", json={"name": "CRM", "base_keys": [BASE_KEY]})
    assert again.json()["rsa_public_keys"] == [line]
    assert again.json()["revision"] == answer.json()["revision"]


async def test_secrets_are_written_and_never_read_back(api, slug, private_key):
    secrets = {
        "base_keys": ["secret-base-key"],
        "kit_keys": ["secret-kit-key"],
        "v1_keys": ["secret-v1-key-1", "secret-v1-key-2"],
        "rsa_private_keys": [private_key],
        "order_access_key": "secret-access-key",
        "order_secret_key": "secret-secret-key",
    }
    put = await api.put(f"/v1/products/{slug}", json={"name": "CRM", **secrets})
    shown = await api.get(f"/v1/products/{slug}")
    for answer in (put, shown, await api.get("/v1/products?limit=1000")):
        assert answer.status_code == 200
        assert "secret-" not in answer.text
        assert "PRIVATE" not in answer.text
    assert len(shown.json()["v1_key_fingerprints"]) == 2
    assert shown.json()["order_query_configured"]
    assert shown.json()["rsa_public_keys"] == [public_line(load_private_key(private_key))]


async def test_secrets_lie_encrypted_in_the_database(api, slug):
    await api.put(f"/v1/products/{slug}", json={"name": "CRM", "base_keys": ["very-secret-base-key"]})
    async with system_scope() as db:
        row = await db.fetchrow("SELECT * FROM product WHERE slug = $1", slug)
    assert b"very-secret" not in row["secrets"]
    assert "very-secret" not in repr(dict(row))


async def test_an_absent_secret_stays_and_an_empty_list_removes_it(api, slug, http, clock, private_key):
    keys = {"base_keys": [BASE_KEY], "kit_keys": [KIT_KEY], "rsa_private_keys": [private_key]}
    await api.put(f"/v1/products/{slug}", json={"name": "CRM", **keys})
    await api.put(f"/v1/products/{slug}", json={"name": "CRM 2"})
    marketplace = Marketplace(http, f"/koogallery/{slug}", clock, "")
    assert await marketplace.buy()
    await api.put(f"/v1/products/{slug}", json={"name": "CRM 2", "base_keys": []})
    assert (await marketplace.base({"activity": "queryInstance", "instanceId": "x"})).code == "000001"


async def test_two_keys_of_a_type_are_valid_at_once_so_that_one_can_be_rotated(api, slug, http, clock):
    keys = ["the-old-base-key", "the-new-base-key"]
    await api.put(f"/v1/products/{slug}", json={"name": "CRM", "base_keys": keys, "kit_keys": [KIT_KEY]})
    marketplace = Marketplace(http, f"/koogallery/{slug}", clock, "")
    call = {"activity": "queryInstance", "instanceId": "x", "testFlag": "1"}
    for key in keys:
        assert (await marketplace.base(call, key=key)).code == "000000"
    await api.put(f"/v1/products/{slug}", json={"name": "CRM", "base_keys": keys[1:]})
    assert (await marketplace.base(call, key=keys[0])).code == "000001"
    assert (await marketplace.base(call, key=keys[1])).code == "000000"


async def test_an_outdated_revision_is_refused(api, slug):
    first = await api.put(f"/v1/products/{slug}", json={"name": "CRM"}, headers={"If-Match": '"0"'})
    assert first.headers["ETag"] == '"1"'
    second = await api.put(f"/v1/products/{slug}", json={"name": "CRM 2"}, headers={"If-Match": '"1"'})
    assert second.status_code == 200
    late = await api.put(f"/v1/products/{slug}", json={"name": "CRM 3"}, headers={"If-Match": '"1"'})
    assert late.status_code == 409
    assert late.json()["code"] == "product_changed"
    assert late.headers["Content-Type"] == "application/problem+json"


async def test_concurrent_puts_of_different_secrets_lose_none(api, slug):
    await api.put(f"/v1/products/{slug}", json={"name": "CRM"})
    await asyncio.gather(
        *(
            api.put(f"/v1/products/{slug}", json={"name": "CRM", kind: ["a-key-of-this-kind"]})
            for kind in ("base_keys", "kit_keys", "v1_keys")
        )
    )
    shown = (await api.get(f"/v1/products/{slug}")).json()
    for kind in ("base", "kit", "v1"):
        assert len(shown[f"{kind}_key_fingerprints"]) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "CRM", "unknown": 1}, 422),
        ({"name": ""}, 422),
        ({"name": "CRM", "base_keys": ["short"]}, 422),
        ({"name": "CRM", "rsa_private_keys": ["no key"]}, 422),
        ({"name": "CRM", "front_end_url": "javascript:alert(1)"}, 422),
        ([], 422),
    ],
)
async def test_a_wrong_body_is_a_problem_and_writes_nothing(api, slug, body, status):
    answer = await api.put(f"/v1/products/{slug}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"]
    assert (await api.get(f"/v1/products/{slug}")).status_code == 404


async def test_a_name_that_is_no_address_part_is_refused(api):
    answer = await api.put("/v1/products/Not_A_Slug", json={"name": "CRM"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "slug_invalid"


async def test_a_product_with_instances_cannot_be_removed(api, product, marketplace):
    instance = await marketplace.buy()
    assert (await api.delete(f"/v1/products/{product}")).json()["code"] == "product_in_use"
    await marketplace.base({"activity": "releaseInstance", "instanceId": instance})
    assert (await api.delete(f"/v1/products/{product}")).status_code == 204
    assert (await api.delete(f"/v1/products/{product}")).status_code == 404


async def test_a_key_stays_by_its_fingerprint_so_that_one_can_be_rotated_without_knowing_the_old(
    api, slug, http, clock
):
    keys = {"base_keys": ["the-old-base-key"], "kit_keys": [KIT_KEY]}
    made = (await api.put(f"/v1/products/{slug}", json={"name": "CRM", **keys})).json()
    rotated = (
        await api.put(
            f"/v1/products/{slug}",
            json={
                "name": "CRM",
                "base_keys": [*made["base_key_fingerprints"], "the-new-base-key"],
                "rsa_private_keys": [*made["rsa_fingerprints"], "new"],
            },
        )
    ).json()
    assert rotated["rsa_public_keys"][0] == made["rsa_public_keys"][0]
    assert len(rotated["rsa_public_keys"]) == 2
    marketplace = Marketplace(http, f"/koogallery/{slug}", clock, "")
    call = {"activity": "queryInstance", "instanceId": "x", "testFlag": "1"}
    for key in ("the-old-base-key", "the-new-base-key"):
        assert (await marketplace.base(call, key=key)).code == "000000"
