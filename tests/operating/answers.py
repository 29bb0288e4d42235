"""Everything that a server and its database have to say, to be compared with another one's."""

import re

import asyncpg

from tests.faults.homes import AUDIT, list_operations


async def all_answers(client, homes):
    """What every address below `/v1` that can be read says of these homes: (status, content) of each."""
    paths = [path for method, path in await list_operations(client) if method == "GET"]
    purchases = (await client.get("/v1/pushes")).json()["items"]
    addresses = [
        _fill(
            path, home.names | ({"push": purchases[number]["id"]} if path.startswith("/v1/pushes/") else {})
        )
        for path in paths
        for number, home in enumerate(homes)
    ]
    told = {}
    # Whoever reads a body stands in the audit; so those come last.
    for address in sorted(addresses, key=lambda address: address.endswith("/body")):
        answer = await client.get(address)
        told[address] = answer.status_code, answer.content
    return told


def _fill(path, names):
    filled = re.sub(r"{(\w+)}", lambda match: str(names[match[1]]), path)
    # Here the query names the tenant.
    return f"{filled}?tenant={names['tenant_id']}" if path == AUDIT else filled


async def all_rows(url):
    """The number of rows of every table and what they say, under a role that sees them all."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        digest = "count(*), md5(string_agg(line::text, '|' ORDER BY line::text))"
        return {
            name: tuple(await connection.fetchrow(f"SELECT {digest} FROM {name} AS line"))
            for (name,) in names
        }
    finally:
        await connection.close()
