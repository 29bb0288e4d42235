"""What the demonstration shows at its end: the directory, and what an administrator does with it."""

from typing import Any

import click
import httpx2

from service.settings import Settings
from service.simulator.auth_centre import AuthCentre
from service.simulator.buyers import Buyer
from service.simulator.enterprises import Enterprise
from service.simulator.sign_in_story import sign_in_story

_TOP_DEPTH = 1
_TOP_NODES = 12
_MOST_MEMBERS = 1000


async def print_summary(api: httpx2.AsyncClient, buyer: Buyer, settings: Settings) -> None:
    """Print the tree's top and counts, administer the app through our API, say where to look further."""
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
    app, audit = f"{home}/apps/{buyer.app_id}", f"/v1/audit?tenant={found['id']}"
    click.echo("\nAn administrator, through our API:")
    user_name = await _grant(api, home, app, next(node for node in top if node["depth"] == _TOP_DEPTH))
    await _stop_and_start(api, app, audit)
    access = f"{app}/access/{user_name}"
    _print_access(user_name, (await api.get(access)).json())

    await _review(api, home)
    [push] = (await api.get(f"{home}/pushes", params={"verdict": "applied", "limit": 1})).json()["items"]
    changes = f"{home}/pushes/{push['id']}/changes"
    last = (await api.get(f"{home}/events", params={"limit": 1})).json()["last"]
    click.echo(f"\nAll of it is in the log: {last} events, none of them missing.")
    url, token = settings.public_url, settings.operator_token
    click.echo("\nLook further:")
    click.echo(f"  export TOKEN={token}")
    log = f"{home}/events?after={max(last - 3, 0)}"
    for path in (f"{home}/tree", f"{home}/members?q={user_name}", access, changes, audit, log):
        click.echo(f"  curl -H \"Authorization: Bearer $TOKEN\" '{url}{path}'")
    click.echo(f"  API documentation: {url}/docs   machine-readable: {url}/openapi.json")


async def print_sign_in(centre: AuthCentre, enterprise: Enterprise, settings: Settings) -> None:
    """Sign a member in with the marketplace's account, and say how to do so in a browser."""
    user_name = next(name for name, member in enterprise.members.items() if member.enabled)
    click.echo("\nA buyer's user signs in with the account of the enterprise:")
    click.echo(f"  {await sign_in_story(centre, enterprise, user_name)}")
    click.echo("\nSign in yourself:")
    click.echo(f"  {settings.public_url}/sign-in   enterprise code: {enterprise.buyer.tenant_code}")
    click.echo(f"  then enter the account {user_name}; the simulated auth centre asks for no password")


async def _grant(api: httpx2.AsyncClient, home: str, app: str, department: dict[str, Any]) -> str:
    """Grant the app to a department, and to a group with it; the user name of one whom both grants reach."""
    group, subject = f"{home}/groups/pilot", f"department/{department['code']}"
    await api.put(group, json={"name": "Pilot"})
    await api.put(f"{group}/members/{subject}")
    people = (await api.get(f"{group}/effective-members", params={"limit": _MOST_MEMBERS})).json()["items"]
    click.echo(
        f"  has made the group pilot of {department['code']} {department['name']}"
        f" and all below it: {len(people)} members"
    )
    await api.put(f"{app}/grants/{subject}")
    await api.put(f"{app}/grants/group/pilot")
    click.echo("  has granted the app to this department and to the group")
    return str(next(person["user_name"] for person in people if person["enabled"]))


async def _stop_and_start(api: httpx2.AsyncClient, app: str, audit: str) -> None:
    for enabled, action, difference in ((False, "stopped", "lost"), (True, "started", "gained")):
        await api.patch(app, json={"enabled": enabled})
        [entry] = (await api.get(f"{audit}&action=app.{action}&limit=1")).json()["items"]
        people = entry["counts"][f"access.{difference}"]
        click.echo(f"  has {action} it: {people} members have {difference} access")


async def _review(api: httpx2.AsyncClient, home: str) -> None:
    """Show that the list which was cut off on its way is held, and reject it."""
    [review] = (await api.get(f"{home}/reviews", params={"state": "held"})).json()["items"]
    click.echo("\nA full list came that had been cut off:")
    click.echo(f"  {review['reason']} It is held; nobody has lost anything.")
    await api.post(f"{home}/pushes/{review['push_id']}/reject")
    click.echo("  The administrator rejects it.")


def _print_access(user_name: str, access: dict[str, Any]) -> None:
    click.echo(f"  asks why {user_name} may {'' if access['allowed'] else 'not '}use the app:")
    for path in access["paths"]:
        click.echo(f"    by {path['kind']}: {' → '.join(step['id'] for step in path['via'])}")
    for block in access["blocks"]:
        click.echo(f"    but {block['kind']}")
