"""The command `tenon doctor`."""

import asyncio
import os
import ssl
import sys

import click

from service.doctor.examination import examine, unable
from service.doctor.findings import Finding
from service.doctor.report import make_report, print_json, print_report
from service.doctor.settings import NOT_STARTED, list_problems
from service.local_account import EmbeddedUnavailable
from service.logs import configure_logs
from service.runtime import system_clock
from service.serve import ready_settings
from service.settings import SettingsInvalid, read_settings
from tenancy.errors import DomainError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
def doctor(*, as_json: bool, strict: bool) -> None:
    """Examine settings, database, Redis, keys, clock, public address and products.

    Says of everything that is not as it should be what causes it and what to do. Changes nothing. Exits with
    1 when there are errors.
    """
    report = make_report(_find(), strict=strict)
    if as_json:
        print_json(report)
    else:
        print_report(report)
    if not report.ok:
        sys.exit(1)


def _find() -> list[Finding]:
    try:
        settings = read_settings(os.environ)
    except SettingsInvalid as error:
        return unable(list_problems(error.problems), "the settings are not valid")
    configure_logs(format=settings.log_format, level="error")
    try:
        with ready_settings(settings) as complete:
            trust = ssl.create_default_context()
            return asyncio.run(examine(settings, complete, now=system_clock, trust=trust))
    except (EmbeddedUnavailable, DomainError) as error:
        return unable([NOT_STARTED.found(str(error))], "the embedded servers do not start")
