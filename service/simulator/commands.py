"""The commands `tenon simulate` and `tenon scorecard`."""

import asyncio

import click
import msgspec
from rich.console import Console

from service.simulator import scorecard_output
from service.simulator.base_calls import new_instance
from service.simulator.buyers import make_buyer
from service.simulator.calls import Edition, printable
from service.simulator.cases import Result
from service.simulator.chaos import Mode
from service.simulator.context import Context
from service.simulator.marketplace import Marketplace
from service.simulator.options import SECRETS_NOTE, check_address, read_modes, read_numbers, vendor_options
from service.simulator.organisations import Language, make_organisation
from service.simulator.scenarios import NoInstance, Scene
from service.simulator.scorecard import fails_documented, run_scorecard
from service.simulator.stories import Scenario, Story, needs_public_key, tell
from service.simulator.tally import Tally
from sso.keys import KeyRefused


@click.command(epilog=SECRETS_NOTE)
@click.argument("scenario", type=click.Choice([str(name) for name in Scenario]))
@vendor_options
@click.option("--edition", type=click.Choice(["v1", "v2"]), default="v2", show_default=True)
@click.option("--departments", type=click.IntRange(min=1), default=300, show_default=True)
@click.option("--members", type=click.IntRange(min=0), default=3000, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Ids and organisation follow from it.")
@click.option("--language", type=click.Choice(["zh", "en", "mixed"]), default="zh", show_default=True)
@click.option("--changes", type=click.IntRange(min=0), default=50, show_default=True, help="For reorganise.")
@click.option(
    "--user", "users", multiple=True, help="User name to grant or revoke; without it the first ten."
)
@click.option(
    "--instance-id", default="", help="An instance that exists; without it the seed's order is bought."
)
@click.option("--tenant-id", default="", help="The enterprise to speak about; without it the seed's.")
@click.option(
    "--chaos", "modes", default="", callback=read_modes, help=f"Any of {', '.join(Mode)}, with commas."
)
@click.option("--debug-calls", is_flag=True, help="Make debug calls (testFlag 1), which change nothing.")
@click.option(
    "--kit-attempts",
    type=click.IntRange(1, 5),
    default=1,
    show_default=True,
    help="How often a failing kit call is made; the marketplace makes up to 5.",
)
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
) -> None:
    """Play SCENARIO against the production address URL as the marketplace would.

    Prints one line for each call and exits 1 when an answer is not one that a correct vendor gives. With the
    same seed, sizes and language a later run speaks about the same order, enterprise and organisation.
    """
    address = check_address(url)
    name = Scenario(scenario)
    if needs_public_key(name) and not public_key:
        raise click.UsageError(f"{name} sends a client secret; give the vendor's --public-key.")
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
        ended = asyncio.run(_tell(name, scene, story))
    except (NoInstance, KeyRefused) as error:
        raise click.ClickException(str(error)) from error
    Console().print(tally.table())
    click.echo(printable(f"instance {ended.buyer.instance_id}, tenant {ended.buyer.tenant_id}"))
    if not tally.all_as_expected:
        raise click.ClickException("at least one answer was not the expected one; look for BAD above.")


async def _tell(name: Scenario, scene: Scene, story: Story) -> Scene:
    async with scene.marketplace:
        return await tell(name, scene, story)


@click.command(epilog=SECRETS_NOTE)
@vendor_options
@click.option("--json", "json_file", metavar="FILE", help="Write the card as JSON; - is standard output.")
@click.option(
    "--junit", "junit_file", metavar="FILE", help="Write the card as JUnit XML; - is standard output."
)
@click.option(
    "--only", callback=read_numbers, default="", metavar="NUMBERS", help="Cases such as 12,13 or 40-44."
)
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
) -> None:
    """Check the production address URL against the conformance cases of the marketplace's interfaces.

    Each case makes ids of its own, so the card can run again and again; it leaves instances and enterprises
    behind, so use a server for testing. What only the vendor's own store shows is named as unseen. Exits 1
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
    results = asyncio.run(_score(marketplace, only, on_error=on_error))
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


async def _score(marketplace: Marketplace, only: frozenset[int], *, on_error: bool) -> list[Result]:
    async with marketplace:
        probe = new_instance(Context(marketplace).frame(is_debug=True))
        answer = await marketplace.call(probe)
        if answer.status == 0:
            raise click.ClickException(f"{marketplace.address} cannot be reached: {answer.result_msg}")
        return await run_scorecard(
            marketplace,
            only=only,
            listen=lambda result: click.echo(scorecard_output.text_line(result), err=on_error),
        )
