"""The published vectors, sent byte for byte with the signature that stands there."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tenancy.bindings import Place, forget_tenant
from tenancy.database import system_scope, tenant_scope
from tenancy.retention import erase_tenant
from tests.marketplace import Answer

FROZEN = datetime(2025, 12, 11, 5, 48, 20, 123000, tzinfo=UTC)

# What the vectors speak about.
INSTANCE = "7b6a1c52-0d0e-4c86-9f0a-3f7f5f2f6a11"
ORDER = "CS2512111348DEMO1"
TENANT = "5f0c9d2e7ab84b0f9d8f4c2b1a6e3d70"
APP = "0f3d2c1b-8a79-4e56-9b40-6d7e8f901234"
DEBUG_TENANT = "t1"

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors.json").read_text())["vectors"]


class Vectors:
    """Sends vectors to one product."""

    def __init__(self, http, address):
        self.http = http
        self.address = address

    async def base(self, name, *, upper=False):
        vector = VECTORS[name]
        query = {
            "signature": vector["signatureUpper" if upper else "signature"],
            "timestamp": vector["timestamp"],
            "nonce": vector["nonce"],
        }
        return Answer(await self.http.post(self.address, params=query, content=vector["body"].encode()))

    async def kit(self, name, *, upper=False):
        vector = VECTORS[name]
        headers = {
            "x-sign": vector["xSignUpper" if upper else "xSign"],
            "x-timestamp": vector["timestamp"],
            "x-nonce": vector["nonce"],
        }
        path = f"{self.address}/produceAPI/v2/{_interface(name)}"
        return Answer(await self.http.post(path, content=vector["body"].encode(), headers=headers))

    async def v1_get(self, name):
        query = urlsplit(VECTORS[name]["url"]).query
        return Answer(await self.http.get(f"{self.address}?{query}"))

    async def v1_post(self, name):
        vector = VECTORS[name]
        return Answer(
            await self.http.post(
                f"{self.address}/produceAPI/{_interface(name)}",
                content=vector["body"].encode(),
                headers={"authToken": vector["authToken"]},
            )
        )


def _interface(name):
    if name == "kit-unicode-escapes":
        return "singleOrgSync"
    return next(part for part in name.split("-") if part.endswith("Sync"))


async def forget_all():
    """Empty the store of what the vectors speak about: their ids are the same in every test."""
    now = datetime.now(UTC)
    async with system_scope() as db:
        await db.execute("DELETE FROM order_query WHERE instance_id = $1", INSTANCE)
        await db.execute("DELETE FROM instance WHERE instance_id = $1", INSTANCE)
        tenants = await db.fetch(
            "SELECT id, source, external_id, is_test FROM tenant WHERE external_id = ANY($1)",
            [TENANT, DEBUG_TENANT],
        )
    for tenant in tenants:
        async with tenant_scope(tenant["id"]) as db:
            await db.execute("UPDATE tenant SET unbound_at = 'epoch' WHERE id = $1", tenant["id"])
        assert await erase_tenant(tenant["id"], before=now, now=now)
        forget_tenant(
            Place(
                product="",
                instance_id="",
                external_id=tenant["external_id"],
                source=tenant["source"],
                is_test=tenant["is_test"],
            )
        )
