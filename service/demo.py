"""`tenon demo`: the whole main job on this machine, through the same signed HTTP as in production."""

import asyncio
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import click
import httpx2
import msgspec
from rich.console import Console

from service.demo_summary import print_sign_in, print_summary
from service.serve import ready_settings, serving_environment
from service.settings import PREFIX, Settings
from service.simulator.auth_centre import open_auth_centre
from service.simulator.auth_centre_requests import PORTAL
from service.simulator.buyers import Buyer, make_buyer
from service.simulator.enterprises import enterprise_of
from service.simulator.marketplace import Marketplace
from service.simulator.organisations import Organisation, make_organisation
from service.simulator.scenarios import Scene, sync_departments
from service.simulator.stories import Scenario, Story, tell
from service.simulator.tally import Tally

DEPARTMENTS, MEMBERS, CHANGES = 320, 3200, 40

_PRODUCT = "demo"
_START_SECONDS = 30


class DemoFailed(click.ClickException):
    """The demonstration did not go as it should; the message says where."""


def run_demo(settings: Settings, *, once: bool) -> None:
    """Start everything, push a purchase and an enterprise, show what came of it.

    Stays up until Ctrl-C unless `once`.
    """
    if settings.operator_token is None:
        settings = msgspec.structs.replace(settings, operator_token=secrets.token_urlsafe(32))
    settings = _on_free_port(settings)
    click.echo("Starting the embedded PostgreSQL and Valkey …")
    with ready_settings(settings) as complete, _server(complete):
        click.echo(f"Serving on {complete.public_url}\n")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_show(complete, once=once))
            return
        click.echo()


def _on_free_port(settings: Settings) -> Settings:
    """Another port when ours is taken, so that a second demonstration does not fail over it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind_host, settings.bind_port))
        except OSError:
            probe.bind((settings.bind_host, 0))
            port = probe.getsockname()[1]
            click.echo(f"Port {settings.bind_port} is taken; using {port}.")
            return msgspec.structs.replace(
                settings, bind_port=port, public_url=f"http://{settings.bind_host}:{port}"
            )
    return settings


@contextlib.contextmanager
def _server(settings: Settings) -> Iterator[None]:
    environment = {
        **os.environ,
        **serving_environment(settings),
        f"{PREFIX}BIND": f"{settings.bind_host}:{settings.bind_port}",
        f"{PREFIX}PUBLIC_URL": settings.public_url,
        f"{PREFIX}OPERATOR_TOKEN": settings.operator_token or "",
        f"{PREFIX}LOG_LEVEL": "warning",
        # The simulated auth centre is on this machine.
        f"{PREFIX}SIGN_IN_HTTP": "on",
        f"{PREFIX}SIGN_IN_PRIVATE": "on",
    }
    process = subprocess.Popen([sys.executable, "-m", "service", "serve"], env=environment)
    try:
        _await_readiness(settings, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=_START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _await_readiness(settings: Settings, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(f"{settings.public_url}/health/ready", trust_env=False, timeout=2).is_success:
                return
        time.sleep(0.1)
    raise DemoFailed("The server did not start; its messages stand above.")


async def _demand_success(answer: httpx2.Response) -> None:
    if not answer.is_success:
        await answer.aread()
        raise DemoFailed(f"{answer.request.method} {answer.request.url} was refused: {answer.text}")


async def _show(settings: Settings, *, once: bool) -> None:
    async with (
        open_auth_centre() as centre,
        httpx2.AsyncClient(
            base_url=settings.public_url,
            headers={"Authorization": f"Bearer {settings.operator_token}"},
            timeout=30,
            trust_env=False,
            event_hooks={"response": [_demand_success]},
        ) as api,
    ):
        base_key, kit_key = secrets.token_hex(16), secrets.token_hex(16)
        described = {
            "name": "Demonstration",
            "base_keys": [base_key],
            "kit_keys": [kit_key],
            "portal_url": f"{centre.url}{PORTAL}",
        }
        product = (await api.put(f"/v1/products/{_PRODUCT}", json=described)).json()
        marketplace = Marketplace(
            product["production_address"],
            base_key=base_key,
            kit_key=kit_key,
            public_key_line=product["rsa_public_keys"][0],
        )
        organisation = make_organisation(departments=DEPARTMENTS, members=MEMBERS, seed=7, language="zh")
        # Every demonstration is another buyer's, so that a kept database shows the first sync again.
        buyer = msgspec.structs.replace(
            make_buyer(secrets.token_hex(8), name=organisation.name, short_name=organisation.short_name),
            domain_name=centre.url,
        )
        buyer = await _push(marketplace, organisation, buyer)
        await print_summary(api, buyer, settings)
        enterprise = centre.admit(enterprise_of(organisation, buyer, login_url=product["login_address"]))
        await print_sign_in(centre, enterprise, settings)
        if not once:
            click.echo("\nEverything stays up until Ctrl-C.")
            await asyncio.Event().wait()


async def _push(marketplace: Marketplace, organisation: Organisation, buyer: Buyer) -> Buyer:
    """Push the purchase, the enterprise and its changes; the buyer with the instance that it got."""
    tally = Tally(lambda _line: None)
    scene = Scene(marketplace=marketplace, buyer=buyer, listen=tally.hear)
    story = Story(organisation=organisation, seed=7, changes=CHANGES)
    click.echo(f"The marketplace pushes {organisation.name}: {DEPARTMENTS} departments, {MEMBERS} members …")
    async with marketplace:
        scene = await tell(Scenario.JOURNEY, scene, story)
        cut_off = organisation.departments[: DEPARTMENTS // 5]
        await sync_departments(scene, msgspec.structs.replace(organisation, departments=cut_off))
    Console().print(tally.table())
    if not tally.all_as_expected:
        raise DemoFailed("A push was not answered as it should be; run `tenon simulate` to see which.")
    return scene.buyer
