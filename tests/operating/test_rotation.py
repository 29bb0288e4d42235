"""The guide's rotations, step by step, on what serves."""

import json
from base64 import b64decode

import pytest

from tests.operating.conftest import calling
from tests.operating.guides import blocks

pytestmark = pytest.mark.xdist_group("operating")

GUIDE = "docs/rotate-keys.md"


def secret(installed, name, key):
    return b64decode(json.loads((installed.folder / "cluster" / name).read_text())[key]).decode()


async def bodies(operator, homes):
    """What was sealed, as it is read back."""
    path = "/v1/tenants/{tenant_id}/pushes/{push}/body"
    return [(await operator.get(path.format_map(home.names))).json() for home in homes]


async def test_encryption_keys_change_without_anything_being_lost(installed, operator, homes):
    learn, write, renew, forget = blocks(GUIDE, "Encryption keys")
    before = await bodies(operator, homes)
    old = secret(installed, "tenon-encryption", "keys")
    for block in (learn, write):
        await installed.run(block)
        assert await bodies(operator, homes) == before
        assert (await homes[0].enterprise.department("D-rotated")).code == "000000"
    assert "Encrypted the secrets of" in await installed.run(renew)
    await installed.run(forget)
    assert old not in secret(installed, "tenon-encryption", "keys")
    assert await bodies(operator, homes) == before
    assert (await homes[0].enterprise.department("D-rotated", at=1)).code == "000000"


async def test_signing_keys_can_be_left_alone(installed, operator):
    before = (await operator.get("/oauth2/jwks")).json()
    keep, _ = blocks(GUIDE, "Keys that sign tokens")
    await installed.run(keep)
    assert (await operator.get("/oauth2/jwks")).json() == before


async def test_a_token_that_was_taken_away_is_refused_at_once(installed, operator):
    make, name, take = blocks(GUIDE, "Tokens of the API")
    token = (await installed.run(make)).strip().splitlines()[-1]
    async with calling(installed, token) as reader:
        assert (await reader.get("/v1/products")).status_code == 200
        installed.variables["OLD_TOKEN"] = token
        await installed.run(name)
        made = (await operator.get("/v1/events", params={"types": "token.made", "limit": 1000})).json()
        assert installed.variables["TOKEN_NAME"] in {event["subject"] for event in made["items"]}
        assert "no use any more" in await installed.run(take)
        assert (await reader.get("/v1/products")).status_code == 401
    assert (await operator.get("/v1/products")).status_code == 200


async def test_the_serving_roles_password_changes_by_turns(installed, operator, homes):
    was = secret(installed, "tenon-database", "url")
    [block] = blocks(GUIDE, "Passwords of the database")
    await installed.run(block)
    assert secret(installed, "tenon-database", "url") != was
    assert (await operator.get("/health/ready")).status_code == 200
    assert (await homes[0].enterprise.department("D-password")).code == "000000"
    refused = await installed.run(f"psql --no-psqlrc --command='SELECT 1' '{was}'", refused=True)
    assert "tenon_app" in refused
