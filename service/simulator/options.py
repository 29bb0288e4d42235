"""Options that `simulate` and `scorecard` share: whom to call, and with which keys."""

import re
from collections.abc import Callable
from typing import Any

import click

from service.simulator.chaos import Mode
from service.simulator.scorecard import CASES

Decorated = Callable[..., Any]
SECRETS_NOTE = (
    "Everyone on this machine can read a command line: better give keys in the environment "
    "(TENON_SIM_BASE_KEY, TENON_SIM_KIT_KEY, TENON_SIM_V1_KEY) than as options."
)

_NUMBERS = re.compile(r"(?P<first>[0-9]{1,3})(?:-(?P<last>[0-9]{1,3}))?")
_OPTIONS = (
    click.argument("url"),
    click.option(
        "--base-key",
        envvar="TENON_SIM_BASE_KEY",
        show_envvar=True,
        required=True,
        help="Key bound to the V2 base interfaces.",
    ),
    click.option(
        "--kit-key",
        envvar="TENON_SIM_KIT_KEY",
        show_envvar=True,
        required=True,
        help="Key bound to the V2 kit interfaces.",
    ),
    click.option(
        "--v1-key",
        envvar="TENON_SIM_V1_KEY",
        show_envvar=True,
        default="",
        help="Key of the V1 interfaces; needed for V1 only.",
    ),
    click.option(
        "--public-key",
        envvar="TENON_SIM_PUBLIC_KEY",
        show_envvar=True,
        default="",
        metavar="LINE",
        help="The vendor's RSA public key, base64 on one line as pasted into the seller center.",
    ),
    click.option(
        "--time-limit",
        type=click.FloatRange(min=0.1),
        default=20.0,
        show_default=True,
        metavar="SECONDS",
        help="A call not answered by then counts as unanswered.",
    ),
)
_SCENARIO_OPTIONS = (
    click.option("--edition", type=click.Choice(["v1", "v2"]), default="v2", show_default=True),
    click.option("--departments", type=click.IntRange(min=1), default=300, show_default=True),
    click.option("--members", type=click.IntRange(min=0), default=3000, show_default=True),
    click.option(
        "--seed", type=int, default=7, show_default=True, help="Ids and organisation follow from it."
    ),
    click.option("--language", type=click.Choice(["zh", "en", "mixed"]), default="zh", show_default=True),
    click.option(
        "--changes", type=click.IntRange(min=0), default=50, show_default=True, help="For reorganise."
    ),
    click.option(
        "--user", "users", multiple=True, help="User name to grant or revoke; without it the first ten."
    ),
    click.option(
        "--instance-id", default="", help="An instance that exists; without it the seed's order is bought."
    ),
    click.option("--tenant-id", default="", help="The enterprise to speak about; without it the seed's."),
    click.option(
        "--chaos",
        "modes",
        default="",
        callback=lambda _, __, value: read_modes(value),
        help=f"Any of {', '.join(Mode)}, with commas.",
    ),
    click.option("--debug-calls", is_flag=True, help="Make debug calls (testFlag 1), which change nothing."),
    click.option(
        "--kit-attempts",
        type=click.IntRange(1, 5),
        default=1,
        show_default=True,
        help="How often a failing kit call is made; the marketplace makes up to 5.",
    ),
)


def vendor_options(command: Decorated) -> Decorated:
    """Give a command the URL argument and the options that say how to call the vendor."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def scenario_options(command: Decorated) -> Decorated:
    """Give a command the options that say who acts in a scenario, and how it is disturbed."""
    for option in reversed(_SCENARIO_OPTIONS):
        command = option(command)
    return command


def check_address(url: str) -> str:
    """Return the production address; raises BadParameter when it is none that can be called."""
    if not url.startswith(("http://", "https://")) or "?" in url:
        raise click.BadParameter(
            f"{url!r} is no production address; give http(s)://host/path without a query.", param_hint="URL"
        )
    return url


def read_modes(value: str) -> frozenset[Mode]:
    """Read chaos modes separated by commas."""
    try:
        return frozenset(Mode(name.strip()) for name in value.split(",") if name.strip())
    except ValueError as error:
        raise click.BadParameter(f"{error}; choose from {', '.join(Mode)}.") from error


def read_numbers(_: click.Context, __: click.Parameter, value: str) -> frozenset[int]:
    """Read numbers of cases such as `12,13` or `40-44`."""
    numbers: set[int] = set()
    for part in filter(None, (item.strip() for item in value.split(","))):
        found = _NUMBERS.fullmatch(part)
        if found is None:
            raise click.BadParameter(f"{part!r} is no case number; write 12,13 or 40-44.")
        first, last = int(found["first"]), int(found["last"] or found["first"])
        numbers |= set(range(first, last + 1))
    if unknown := numbers - {case.number for case in CASES}:
        raise click.BadParameter(f"there is no case {min(unknown)}; there are 1 to {CASES[-1].number}.")
    return frozenset(numbers)
