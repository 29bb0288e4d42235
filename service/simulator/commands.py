"""The commands `tenon simulate` and `tenon scorecard`."""

import asyncio
import contextlib

import click
import msgspec
from rich.console import Console

from service.simulator import scorecard_output
from service.simulator.auth_centre import Site
from service.simulator.buyers import make_buyer
from service.simulator.calls import Edition, printable
from service.simulator.chaos import Mode
from service.simulator.listening import CannotListen
from service.simulator.marketplace import Marketplace
from service.simulator.options import (
    SECRETS_NOTE,
    check_address,
    read_numbers,
    scenario_options,
    vendor_options,
)
from service.simulator.organisations import Language, make_organisation
from service.simulator.runs import Unreachable, keep_auth_centre, score, tell_once
from service.simulator.scenarios import NoInstance, Scene
from service.simulator.scorecard import fails_documented
from service.simulator.sign_in_options import session_options, sign_in_options
from service.simulator.stories import Scenario, Story, needs_public_key
from service.simulator.tally import Tally
from sso.keys import KeyRefused


@click.command(epilog=SECRETS_NOTE)
@click.argument("scenario", type=click.Choice([str(name) for name in Scenario]))
@vendor_options
@scenario_options
@sign_in_options
def simulate(
    scenario: str,
    url: str,
    base_key: str,
    kit_key: str,
    v1_key: str,
    public_key: str,
    time_limit: float,
    edition: str,
    departments: int,
    members: int,
    seed: int,
    language: Language,
    changes: int,
    users: tuple[str, ...],
    instance_id: str,
    tenant_id: str,
    modes: frozenset[Mode],
    debug_calls: bool,
    kit_attempts: int,
    login_url: str,
    site: Site,
) -> None:
    """Play SCENARIO against the production address URL as the marketplace would.

    Prints one line for each call and exits 1 when an answer is not one that a correct vendor gives. With the
    same seed, sizes and language a later run speaks about the same order, enterprise and organisation.

    The scenario auth-centre binds the enterprise and then plays its auth centre, where members sign in to
    come to --login-url, until Ctrl-C.
    """
    address = check_address(url)
    name = Scenario(scenario)
    if needs_public_key(name) and not public_key:
        raise click.UsageError(f"{name} sends a client secret; give the vendor's --public-key.")
    if name is Scenario.AUTH_CENTRE and not login_url:
        raise click.UsageError("Members are sent to the vendor's login address; give --login-url.")
    if edition == "v1" and name is Scenario.CHANGE_CHECK:
        raise click.UsageError("V1 has no change check; use --edition v2.")
    if edition == "v1" and not v1_key:
        raise click.UsageError("V1 calls are signed with a key of their own; give --v1-key.")
    organisation = make_organisation(departments=departments, members=members, seed=seed, language=language)
    buyer = make_buyer(f"{seed}:{language}", name=organisation.name, short_name=organisation.short_name)
    buyer = msgspec.structs.replace(buyer, instance_id=instance_id, tenant_id=tenant_id or buyer.tenant_id)
    marketplace = Marketplace(
        address,
        base_key=base_key,
        kit_key=kit_key,
        v1_key=v1_key,
        public_key_line=public_key,
        time_limit=time_limit,
        kit_attempts=kit_attempts,
    )
    tally = Tally(click.echo)
    scene = Scene(
        marketplace=marketplace,
        buyer=buyer,
        edition=Edition(edition),
        is_debug=debug_calls,
        chaos=modes,
        seed=seed,
        listen=tally.hear,
    )
    story = Story(organisation=organisation, seed=seed, changes=changes, users=users)
    try:
        if name is not Scenario.AUTH_CENTRE:
            _sum_up(tally, asyncio.run(tell_once(name, scene, story)))
            return
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(
                keep_auth_centre(
                    scene,
                    story,
                    login_url=login_url,
                    site=site,
                    told=lambda ended, links: _sum_up(tally, ended, links),
                )
            )
    except (CannotListen, NoInstance, KeyRefused) as error:
        raise click.ClickException(str(error)) from error


def _sum_up(tally: Tally, scene: Scene, links: str = "") -> None:
    Console().print(tally.table())
    click.echo(printable(f"instance {scene.buyer.instance_id}, tenant {scene.buyer.tenant_id}"))
    if not tally.all_as_expected:
        raise click.ClickException("at least one answer was not the expected one; look for BAD above.")
    if links:
        click.echo(links)


@click.command(epilog=SECRETS_NOTE)
@vendor_options
@click.option("--json", "json_file", metavar="FILE", help="Write the card as JSON; - is standard output.")
@click.option(
    "--junit", "junit_file", metavar="FILE", help="Write the card as JUnit XML; - is standard output."
)
@click.option(
    "--only", callback=read_numbers, default="", metavar="NUMBERS", help="Cases such as 12,13 or 40-44."
)
@sign_in_options
@session_options
def scorecard(
    url: str,
    base_key: str,
    kit_key: str,
    v1_key: str,
    public_key: str,
    time_limit: float,
    json_file: str | None,
    junit_file: str | None,
    only: frozenset[int],
    login_url: str,
    logout_url: str,
    page_url: str,
    site: Site,
) -> None:
    """Check the production address URL against the conformance cases of the marketplace's interfaces.

    Each case makes ids of its own, so the card can run again and again; it leaves instances and enterprises
    behind, so use a server for testing. What only the vendor's own store shows is named as unseen. Signing
    in is checked with --login-url, when the vendor can reach the auth centre that is played here. Exits 1
    when a case of documented behaviour fails.
    """
    marketplace = Marketplace(
        check_address(url),
        base_key=base_key,
        kit_key=kit_key,
        v1_key=v1_key,
        public_key_line=public_key,
        time_limit=time_limit,
    )
    # With a file on standard output the text goes to standard error.
    on_error = "-" in {json_file, junit_file}
    running = score(
        marketplace,
        only=only,
        site=site,
        login_url=login_url,
        logout_url=logout_url,
        page_url=page_url,
        listen=lambda result: click.echo(scorecard_output.text_line(result), err=on_error),
    )
    try:
        results = asyncio.run(running)
    except Unreachable as error:
        raise click.ClickException(str(error)) from error
    card = scorecard_output.make_card(url, results)
    for file, text in (
        (json_file, scorecard_output.as_json(card)),
        (junit_file, scorecard_output.as_junit(card)),
    ):
        if file:
            with click.open_file(file, "w", encoding="utf-8") as stream:
                stream.write(text)
    Console(stderr=on_error).print(scorecard_output.totals_table(card))
    if fails_documented(results):
        raise click.ClickException("a case of documented behaviour failed; its expectation stands above.")
