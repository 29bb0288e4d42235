"""Enterprises whose people sign in at the simulated auth centre, and the client that they sign in to."""

from uuid import UUID

import asyncpg
import msgspec

from bench.auth_centres import Admitted, AuthCentre
from bench.calls import OPERATOR_TOKEN, Connection, http_request
from bench.populations import authorise, grow_tree, populate
from bench.servers import Server
from bench.talks import CALLBACK, Client

MEMBERS = 20

_ENTERPRISES = 16
_CLIENT_ID = "bench"

_PLACE = """
UPDATE tenant SET domain_name = $2 WHERE external_id = $1 RETURNING id
"""

_ACCESS = """
INSERT INTO access (tenant_id, member_id, app_id, instance_id, since)
SELECT m.tenant_id, m.id, p.id, p.instance_id, m.created_at
FROM member m JOIN app p ON p.tenant_id = m.tenant_id
WHERE m.tenant_id = $1
ON CONFLICT DO NOTHING
"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise, its id here and at the marketplace, its app's client id, and one of its members."""

    tenant_id: UUID
    external_id: str
    client_id: str
    member_id: UUID


async def make_places(server: Server, centre: AuthCentre) -> list[Place]:
    """Enterprises of 20 people each, nine of ten by a grant; all may use the app."""
    db = await asyncpg.connect(server.superuser_url, timeout=10)
    try:
        places = []
        for number in range(_ENTERPRISES):
            enterprise = server.marketplace.open_enterprise()
            tenant_id = await db.fetchval(_PLACE, enterprise.tenant_id, centre.url)
            client_id = f"client-{number}"
            await db.execute("UPDATE app SET client_id = $2 WHERE tenant_id = $1", tenant_id, client_id)
            await populate(db, [tenant_id], grow_tree("R", None, size=10, fan_out=3), members=MEMBERS)
            await authorise(db, [tenant_id], root="R")
            await db.execute(_ACCESS, tenant_id)
            member_id = await db.fetchval("SELECT id FROM member WHERE tenant_id = $1 LIMIT 1", tenant_id)
            places.append(
                Place(
                    tenant_id=tenant_id,
                    external_id=enterprise.tenant_id,
                    client_id=client_id,
                    member_id=member_id,
                )
            )
    finally:
        await db.close()
    await server.settle()
    centre.admit(
        [
            Admitted(
                external_id=place.external_id,
                client_id=place.client_id,
                client_secret="the-client-secret",
                members=MEMBERS,
            )
            for place in places
        ]
    )
    return places


def make_client(server: Server) -> Client:
    """A client of the product with a secret and refresh tokens."""
    body = {"product": server.marketplace.product, "name": "Benchmark", "redirect_uris": [CALLBACK]}
    headers = {"authorization": f"Bearer {OPERATOR_TOKEN}", "content-type": "application/json"}
    request = http_request("PUT", f"/v1/clients/{_CLIENT_ID}", msgspec.json.encode(body), headers)
    with Connection(server.port) as connection:
        return Client(id=_CLIENT_ID, secret=msgspec.json.decode(connection.send(request))["secret"])
