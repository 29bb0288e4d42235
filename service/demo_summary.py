"""What the demonstration shows at its end: the directory as our own API tells it."""

import click
import httpx2

from service.settings import Settings
from service.simulator.buyers import Buyer

_TOP_DEPTH = 1
_TOP_NODES = 12


async def print_summary(api: httpx2.AsyncClient, buyer: Buyer, settings: Settings) -> None:
    """Print the tree's top, counts, one access decision and where to look further."""
    [found] = (await api.get("/v1/tenants", params={"external_id": buyer.tenant_id})).json()["items"]
    home = f"/v1/tenants/{found['id']}"
    tenant = (await api.get(home)).json()
    nodes = (await api.get(f"{home}/tree")).json()["items"]
    click.echo(f"\n{tenant['name']} ({tenant['code']})")
    top = [node for node in nodes if node["depth"] <= _TOP_DEPTH]
    for node in top[:_TOP_NODES]:
        click.echo(f"  {'    ' * node['depth']}{node['code']}  {node['name']}")
    click.echo(f"  … {len(nodes)} departments in all, {max(node['depth'] for node in nodes) + 1} levels deep")
    counts = tenant["counts"]
    click.echo(
        f"  {counts['departments']} departments, {counts['members']} members, {counts['apps']} app;"
        f" instance {buyer.instance_id}"
    )
    [member] = (await api.get(f"{home}/members", params={"limit": 1})).json()["items"]
    access = f"{home}/apps/{buyer.app_id}/access/{member['user_name']}"
    allowed = (await api.get(access, params={"explain": "false"})).json()["allowed"]
    click.echo(f"  {member['user_name']} may {'' if allowed else 'not '}use the app")
    [push] = (await api.get(f"{home}/pushes", params={"limit": 1})).json()["items"]

    url, token = settings.public_url, settings.operator_token
    click.echo("\nLook further:")
    click.echo(f"  export TOKEN={token}")
    for path in (
        f"{home}/tree",
        f"{home}/members?q={member['user_name'][:4]}",
        access,
        f"{home}/pushes",
        f"{home}/pushes/{push['id']}/changes",
    ):
        click.echo(f"  curl -H \"Authorization: Bearer $TOKEN\" '{url}{path}'")
    click.echo(f"  API documentation: {url}/docs   machine-readable: {url}/openapi.json")
